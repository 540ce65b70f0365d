"""Corners of the live session: a full socket, closing, meters, pre-roll parts, playing by hand."""

from dataclasses import replace

import numpy as np
import pytest
from fake_server import GAINS
from hypothesis import given
from hypothesis import strategies as st
from simulation import expected, live_session, play

from plugin_bridge.live import BLOCKED_SEND_S, preroll
from plugin_bridge.stem_player import StemPlayer
from protocol import (
    DEFAULT_LIMITS,
    Closed,
    InvalidField,
    MalformedFrame,
    Pong,
    Preroll,
    Seek,
    Stems,
)

DRY = np.random.default_rng(8).uniform(-0.5, 0.5, (2, 20000)).astype(np.float32)
ALL = tuple(GAINS.values())


def arrive(world, message):
    """Have a message be there at the next callback."""
    world.wires[-1]._arriving.append((0, message))


def test_a_socket_that_is_full_for_a_moment_costs_blocks_and_no_server(world):
    session = live_session(world)
    play(session, world, DRY[:, :5120], [256])
    world.wires[-1].try_send = lambda _message: False
    few = round(BLOCKED_SEND_S * world.rate) // 256 - 2
    play(session, world, DRY[:, : 256 * few], [256])
    assert (session.statistics.unsent_blocks, session.statistics.losses) == (few, 0)
    play(session, world, DRY[:, : 256 * 4], [256])
    assert session.statistics.losses == 1
    assert "takes no more audio" in session.statistics.last_error


def test_a_stream_that_the_server_closed_is_opened_again(world):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [256])
    arrive(world, Closed(1, 0, 0))
    play(session, world, DRY, [256])
    statistics = session.statistics
    assert (statistics.state, statistics.losses, statistics.reconnects) == ("live", 1, 1)
    assert "closed the stream" in statistics.last_error


def test_answers_to_pings_mean_nothing_and_nonsense_means_a_new_connection(world):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [256])
    arrive(world, Pong(3))
    output = play(session, world, DRY[:, 5000:10000], [256])
    whole = expected(DRY, session.latency.total, ALL)
    assert np.array_equal(output, whole[:, :, 5000:10000])
    receive = world.wires[-1].try_receive

    def nonsense():
        world.wires[-1].try_receive = receive
        raise MalformedFrame("not ours")

    world.wires[-1].try_receive = nonsense
    play(session, world, DRY[:, 10000:], [256])
    assert session.statistics.losses == 1
    assert session.statistics.last_error.endswith("not ours")


def test_meters_see_every_message_of_stems_in_order(world):
    session, seen = live_session(world), []
    session.on_stems = seen.append
    play(session, world, DRY[:, :6000], [256])
    assert all(isinstance(message, Stems) for message in seen)
    ends = [message.position_samples + message.samples.shape[2] for message in seen]
    assert [message.position_samples for message in seen] == [0, *ends[:-1]]


def count_dropped(server, frames):
    """Have a server say that it dropped so many frames so far."""
    handle = server.handle
    server.handle = lambda message: [
        replace(answer, dropped_frames=frames) if isinstance(answer, Stems) else answer
        for answer in handle(message)
    ]


def test_frames_that_servers_dropped_add_up(world):
    session = live_session(world)
    count_dropped(world.server, 64)
    play(session, world, DRY[:, :2560], [256])
    assert session.statistics.dropped_frames == 64
    world.crash()
    play(session, world, DRY, [256])
    world.restart()
    count_dropped(world.server, 10)
    play(session, world, np.tile(DRY, (1, 4)), [256])
    assert session.statistics.reconnects == 1
    assert session.statistics.dropped_frames == 64 + 10


def test_closing_drops_the_wire_and_stops_a_server_of_ones_own(world):
    class Owned:
        closed = 0

        def close(self):
            self.closed += 1

    session = live_session(world)
    session._server = Owned()
    with session:
        play(session, world, DRY[:, :1000], [256])
    assert session._server.closed == 1
    assert not world.wires[-1].is_open


def test_a_change_out_of_range_is_refused_where_it_is_asked_for(world):
    session = live_session(world)
    with pytest.raises(InvalidField):
        session.set(gains_db={"vocals": float("inf")})
    output = play(session, world, DRY, [256])
    assert np.array_equal(output, expected(DRY, session.latency.total, ALL))


def test_without_a_past_a_server_is_told_where_the_stream_is():
    assert preroll(700, np.zeros((2, 0), np.float32)) == [Seek(1, 700)]


@given(
    frames=st.integers(1, 3 * DEFAULT_LIMITS.maximum_part_frames), position=st.integers(0, 10**9)
)
def test_preroll_is_the_past_in_order_in_parts_the_server_takes(frames, position):
    past = np.arange(frames, dtype=np.float32)[None]
    parts = preroll(position, past)
    assert all(isinstance(part, Preroll) for part in parts)
    assert max(part.samples.shape[1] for part in parts) <= DEFAULT_LIMITS.maximum_part_frames
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert np.array_equal(np.concatenate([part.samples for part in parts], axis=1), past)
    for part in parts:
        assert part.position_samples == position + part.samples[0, 0]


LATENCY, BLOCK = 50, 16


def player(stems=("mix", "vocals"), position=0):
    return StemPlayer(
        stems,
        1,
        1000,
        latency_samples=LATENCY,
        max_block_frames=BLOCK,
        history_frames=100,
        position_samples=position,
    )


def stems(position, frames, names=("mix", "vocals")):
    """Return a message whose samples tell position and stem."""
    ramp = np.arange(position, position + frames, dtype=np.float32)
    samples = np.stack([(row + 1) * ramp[None] for row in range(len(names))])
    return Stems(1, 0, position, names, samples)


@given(
    blocks=st.lists(st.integers(0, BLOCK), max_size=30),
    part=st.integers(1, 9),
    origin=st.integers(0, 10**6),
)
def test_stems_in_time_are_played_at_their_position_and_silence_before_the_origin(
    blocks, part, origin
):
    playing, put = player(position=origin), origin
    for frames in blocks:
        while put < playing.position_samples + frames - LATENCY + 5:
            playing.put(stems(put, part))
            put += part
        start = playing.position_samples - LATENCY
        output = playing.play(np.ones((1, frames), np.float32))
        at = np.arange(start, start + frames, dtype=np.float32)
        heard = np.where(at >= origin, at, 0)
        assert np.array_equal(output[:, 0], [heard, 2 * heard])
    assert (playing.late_frames, playing.fallbacks, playing.refused_frames) == (0, 0, 0)
    assert playing.position_samples == origin + sum(blocks)


def test_late_frames_blocks_and_fallbacks_are_counted_apart():
    playing = player()
    ones = np.ones((1, BLOCK), np.float32)
    for _ in range(6):  # 96 frames: 46 of them behind the origin
        playing.play(ones)
    assert (playing.late_frames, playing.late_blocks, playing.fallbacks) == (46, 3, 1)
    playing.put(stems(0, 60))
    assert playing.refused_frames == 46
    playing.play(ones)
    assert (playing.late_frames, playing.late_blocks, playing.fallbacks) == (48, 4, 1)
    playing.put(stems(62, BLOCK))
    playing.play(ones)
    playing.play(ones)
    assert (playing.late_frames, playing.fallbacks) == (64, 2)


def test_a_change_of_stems_takes_hold_where_the_server_said():
    playing = player()
    after = ("drums", "vocals", "mix")
    playing.change_stems(20, after)
    assert playing.latest_stems == after
    rows = []
    for position in range(0, 100, 10):
        playing.put(stems(position, 10, after if position >= 20 else playing.stems))
        rows.append(len(playing.play(np.ones((1, 10), np.float32))))
    # 50 frames late, like everything else.
    assert rows == [2] * 7 + [3] * 3
    assert playing.stems == after
    assert playing.late_frames == 0


def test_the_past_ends_now_and_begins_at_the_last_seek():
    playing = player()
    playing.play(np.full((1, 10), 1, np.float32))
    playing.seek(500)
    for value in (2, 3):
        playing.play(np.full((1, 10), value, np.float32))
    first, past = playing.past(1000)
    assert (first, past[0].tolist()) == (500, [2] * 10 + [3] * 10)
    first, past = playing.past(4)
    assert (first, past[0].tolist()) == (516, [3] * 4)
