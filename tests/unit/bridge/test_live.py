"""The real-time session in a simulated world: exact latency, fallback, loss and return."""

import numpy as np
import pytest
from fake_server import GAINS, LATENCY, World
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import expected, live_session, play

from plugin_bridge.errors import BadAudio
from protocol import Audio, EngineFault, Error, Latency, Preroll, Seek, Set, Stems

DRY = np.random.default_rng(2).uniform(-0.5, 0.5, (2, 40000)).astype(np.float32)
ALL = tuple(GAINS.values())


@pytest.mark.parametrize("sizes", [[1], [17], [64], [256], [1, 256], [256, 3, 100], [5, 256, 256]])
def test_reported_latency_is_the_measured_one_for_every_pattern_of_blocks(world, sizes):
    world.delay = lambda _message: 299
    session = live_session(world)
    assert session.latency.total == 256 + LATENCY.total + 300
    dry = DRY[:, :6000]
    output = play(session, world, dry, sizes)
    assert np.array_equal(output, expected(dry, session.latency.total, ALL))
    assert session.statistics.late_blocks == 0


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 256), min_size=1, max_size=8), delay=st.integers(0, 299))
def test_any_blocks_and_any_round_trip_within_the_budget_are_never_late(sizes, delay):
    world = World()
    world.delay = lambda _message: delay
    session = live_session(world)
    dry = DRY[:, :3000]
    output = play(session, world, dry, sizes)
    assert np.array_equal(output, expected(dry, session.latency.total, ALL))


def test_a_round_trip_over_the_budget_is_late_and_counted(world):
    world.delay = lambda _message: 300 + 256
    session = live_session(world)
    play(session, world, DRY, [1, 256])
    statistics = session.statistics
    assert statistics.late_blocks > 0
    assert statistics.refused_frames > 0
    assert statistics.round_trip_max_samples > 300


def test_reordered_and_doubled_answers_make_no_difference(world):
    jitter = np.random.default_rng(3)
    world.delay = lambda _message: int(jitter.integers(0, 299))
    session = live_session(world)
    output = play(session, world, DRY, [64])
    assert np.array_equal(output, expected(DRY, session.latency.total, ALL))


def test_late_mix_is_aligned_dry_and_late_stems_are_silent(world):
    session = live_session(world, stems=("mix", "vocals"))
    dry = DRY[:, :20000]
    play(session, world, dry[:, :8000], [256])
    world.server.is_mute = True
    output = play(session, world, dry[:, 8000:], [256])
    delayed = expected(dry, session.latency.total, [1.0])[0][:, 8000:]
    # What was under way still comes, then there are 5 ms of fade.
    assert np.array_equal(output[0][:, 1500:], delayed[:, 1500:])
    assert not output[1][:, 1500:].any()
    assert session.statistics.fallbacks == 1


def test_the_same_stems_come_back_by_themselves(world):
    session = live_session(world)
    play(session, world, DRY[:, :8000], [256])
    world.server.skip_stems = 10
    output = play(session, world, DRY[:, 8000:], [256])
    whole = expected(DRY, session.latency.total, ALL)[:, :, 8000:]
    assert np.array_equal(output[:, :, 6000:], whole[:, :, 6000:])
    statistics = session.statistics
    assert (statistics.fallbacks, statistics.late_frames) == (1, 10 * 256)
    assert statistics.losses == 0


def test_every_fault_is_click_free(world):
    tone = 0.8 * np.sin(2 * np.pi * 60 * np.arange(120000) / 44100)
    dry = np.stack([tone, -tone]).astype(np.float32)
    session = live_session(world, stems=("mix", "vocals"))
    parts = [play(session, world, dry[:, :20000], [256])]
    world.crash()
    parts.append(play(session, world, dry[:, 20000:60000], [100, 7]))
    world.restart()
    parts.append(play(session, world, dry[:, 60000:], [256]))
    output = np.concatenate(parts, axis=2)
    assert session.statistics.reconnects == 1
    assert np.abs(np.diff(output, axis=2)).max() < 3 * 0.007 + 0.8 * np.pi / 2 / 221
    assert np.abs(output[1, :, -5000:]).max() > 0.3


def test_after_a_crash_the_first_block_has_full_context(world):
    session = live_session(world)
    dry = np.tile(DRY, (1, 2))
    play(session, world, dry[:, :20000], [256])
    world.crash()
    play(session, world, dry[:, 20000:30000], [256])
    world.restart()
    play(session, world, dry[:, 30000:], [256])
    assert session.state == "live"
    prerolled = world.server.stream.prerolled
    past = np.concatenate([part.samples for part in prerolled], axis=1)
    end = prerolled[0].position_samples + past.shape[1]
    assert [part.last for part in prerolled] == [False] * (len(prerolled) - 1) + [True]
    assert np.array_equal(past, dry[:, :end])
    assert prerolled[0].position_samples == 0
    first = next(message for message in world.server.log if isinstance(message, Audio))
    assert first.position_samples == end


def test_preroll_is_the_newest_eight_seconds_in_parts_of_the_allowed_size(world):
    session = live_session(world, max_block_frames=8192, round_trip=16384)
    dry = np.tile(DRY, (1, 12))
    play(session, world, dry, [8192])
    world.crash()
    play(session, world, dry[:, :16384], [8192])
    world.restart()
    play(session, world, dry[:, :81920], [8192])
    parts = [message for message in world.server.log if isinstance(message, Preroll)]
    assert sum(part.samples.shape[1] for part in parts) == 8 * 44100
    assert max(part.samples.shape[1] for part in parts) == 65536


def test_a_crash_goes_back_to_stems_and_latency_stays(world):
    session = live_session(world)
    before = session.latency
    play(session, world, DRY[:, :20000], [256])
    world.crash()
    play(session, world, DRY[:, :20000], [256])
    world.restart()
    play(session, world, DRY, [256])
    output = play(session, world, DRY, [256])
    tail = expected(DRY, session.latency.total, ALL)[:, :, before.total :]
    assert np.array_equal(output[:, :, before.total :], tail)
    assert session.latency == before
    assert (session.statistics.losses, session.statistics.reconnects) == (1, 1)


def test_a_server_that_stays_away_is_tried_again_with_growing_pauses(world):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [256])
    world.crash()
    for _ in range(25):
        play(session, world, DRY, [256])
    attempts = len(world.wires) - 1
    seconds = 25 * DRY.shape[1] / world.rate
    assert seconds / 3 < attempts < seconds
    assert all(not wire.is_open for wire in world.wires[:-1])
    assert session.state in {"lost", "connecting"}


def test_a_mute_server_is_given_up_but_not_for_a_short_pause(world):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [256])
    world.server.is_mute = True
    play(session, world, DRY[:, :30000], [256])
    assert session.statistics.losses == 0
    play(session, world, DRY, [256])
    assert session.statistics.losses == 1
    assert "no more stems" in session.statistics.last_error


def test_a_host_that_pauses_has_not_lost_its_server(world):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [100])
    world.now += 60 * world.rate
    play(session, world, DRY[:, 5000:], [100])
    assert session.statistics.losses == 0


@pytest.mark.parametrize(
    "code", ["E104", "E204", "E301", "E302"], ids=["restarted", "forgotten", "fault", "shutdown"]
)
def test_errors_that_end_a_stream_lead_to_a_new_one(world, code):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [256])
    stream = None if code in {"E104", "E302"} else 1
    world.wires[-1]._arriving.append((0, Error(code, "gone", stream)))
    play(session, world, DRY, [256])
    statistics = session.statistics
    assert (statistics.losses, statistics.reconnects, statistics.state) == (1, 1, "live")


def test_a_server_that_refuses_to_open_again_is_asked_again_later(world):
    session = live_session(world)
    play(session, world, DRY[:, :5000], [256])
    world.crash()
    play(session, world, DRY[:, :5000], [256])
    world.restart()
    world.server.refuse_open = EngineFault("not now")
    play(session, world, DRY, [256])
    assert session.state != "live"
    assert "not now" in session.statistics.last_error
    world.server.refuse_open = None
    play(session, world, np.tile(DRY, (1, 5)), [256])
    assert session.state == "live"


def test_a_server_with_more_latency_is_not_taken_back(world):
    session = live_session(world)
    world.crash()
    play(session, world, DRY, [256])
    world.restart()
    world.server.latency = Latency(512, 64, 0, 0)
    play(session, world, DRY, [256])
    assert session.state != "live"
    assert "more latency" in session.statistics.last_error


def test_a_redirect_is_followed_when_connecting_again(world):
    session = live_session(world)
    world.crash()
    play(session, world, DRY[:, :9000], [256])
    world.restart()
    world.server.redirect = "ipc:///elsewhere"
    endpoints = []
    dial = session._link._dial

    def follow(endpoint):
        endpoints.append(endpoint)
        if endpoint == "ipc:///elsewhere":
            world.server.redirect = ""
        return dial(endpoint)

    session._link._dial = follow
    play(session, world, DRY, [256])
    assert session.state == "live"
    assert endpoints[-2:] == ["fake", "ipc:///elsewhere"]


def test_changes_are_sent_by_the_next_block_and_survive_a_crash(world):
    session = live_session(world)
    session.set(gains_db={"vocals": -6}, mute=["drums"])
    play(session, world, DRY[:, :1000], [256])
    session.set(gains_db={"drums": 3})
    play(session, world, DRY[:, :1000], [256])
    world.crash()
    play(session, world, DRY, [256])
    world.restart()
    play(session, world, DRY, [256])
    changes = [message for message in world.server.log if isinstance(message, Set)]
    assert changes == [Set(1, {"vocals": -6.0, "drums": 3.0}, mute=("drums",))]


def test_stems_may_be_changed_on_the_fly_without_a_click(world):
    tone = 0.5 * np.sin(2 * np.pi * 60 * np.arange(20000) / 44100)
    dry = np.stack([tone, tone]).astype(np.float32)
    session = live_session(world, stems=("vocals",))
    assert play(session, world, dry, [256]).shape[0] == 1
    session.set(stems=["drums", "vocals"])
    blocks = []
    for block in np.split(dry[:, :12800], 50, axis=1):
        world.now += 256
        blocks.append(session.process(block))
    assert session.stems == ("drums", "vocals")
    drums = np.concatenate([block[0] for block in blocks if len(block) == 2], axis=1)
    assert abs(drums[0, 0]) < 0.01
    assert np.abs(np.diff(drums, axis=1)).max() < 0.01
    assert np.abs(drums[:, 3000:]).max() > 0.1


def test_a_refused_change_is_told_and_changes_nothing(world):
    session = live_session(world)
    session.set(stems=["kazoo"])
    output = play(session, world, DRY, [256])
    assert "E203" in session.statistics.last_error
    assert np.array_equal(output, expected(DRY, session.latency.total, ALL))
    assert session.statistics.losses == 0


def test_seek_starts_anew_at_the_position_and_drops_what_was_under_way(world):
    world.delay = lambda _message: 250
    session = live_session(world)
    play(session, world, DRY[:, :10000], [256])
    session.seek(9000)
    assert session.position_samples == 9000
    late_before = session.statistics.late_blocks
    output = play(session, world, DRY[:, ::-1], [256])
    fade = 221
    whole = expected(DRY[:, ::-1], session.latency.total, ALL)
    assert np.array_equal(output[:, :, fade:], whole[:, :, fade:])
    assert session.statistics.late_blocks == late_before
    assert any(m == Seek(1, 9000) for m in world.server.log if isinstance(m, Seek))


def test_stems_from_before_a_seek_are_not_played_behind_it(world):
    session = live_session(world)
    play(session, world, DRY[:, :10000], [256])
    session.seek(9000)
    # The server falls silent before it has answered the seek; this is from before.
    world.wires[-1]._arriving.clear()
    stale = np.ones((3, 2, 1000), np.float32)
    world.wires[-1]._arriving.append((0, Stems(1, 9, 9000, tuple(GAINS), stale)))
    world.server.is_mute = True
    output = play(session, world, DRY[:, :3000], [256])
    assert not output[:, :, 221:].any()


def test_bad_blocks_are_refused_and_the_session_goes_on(world):
    session = live_session(world)
    for bad in (np.zeros((3, 10)), np.zeros(10), np.zeros((2, 10), np.int16), np.zeros((2, 257))):
        with pytest.raises(BadAudio):
            session.process(bad)
    assert session.process(np.zeros((2, 0), np.float32)).shape == (3, 2, 0)
    output = play(session, world, DRY, [256])
    assert np.array_equal(output, expected(DRY, session.latency.total, ALL))


def test_statistics_tell_round_trips_and_headroom(world):
    world.delay = lambda _message: 100
    session = live_session(world)
    play(session, world, DRY, [64])
    statistics = session.statistics
    assert statistics.blocks == -(-DRY.shape[1] // 64)
    # Answers are seen by the first callback after they came.
    assert 100 < statistics.round_trip_p50_samples <= 100 + 64
    assert statistics.round_trip_max_samples <= 100 + 64
    assert statistics.headroom_min_samples > 300 - 100


def test_headroom_is_by_how_much_the_budget_could_shrink(world):
    world.delay = lambda _message: 100
    session = live_session(world, round_trip=300)
    play(session, world, DRY, [1, 256, 17])
    spare = session.statistics.headroom_min_samples
    tight = live_session(world, round_trip=300 - spare)
    play(tight, world, DRY, [1, 256, 17])
    assert tight.statistics.late_blocks == 0
    assert tight.statistics.headroom_min_samples == 0
    too_tight = live_session(world, round_trip=300 - spare - 1)
    play(too_tight, world, DRY, [1, 256, 17])
    assert too_tight.statistics.late_blocks > 0


def test_close_ends_the_stream(world):
    session = live_session(world)
    play(session, world, DRY[:, :1000], [256])
    session.close()
    assert world.server.stream is None
    assert not world.wires[-1].is_open


def test_stems_of_an_unknown_name_do_no_harm(world):
    session = live_session(world)
    play(session, world, DRY[:, :2560], [256])
    samples = np.ones((1, 2, 64), np.float32)
    world.wires[-1]._arriving.append((0, Stems(1, 9, 0, ("kazoo",), samples)))
    output = play(session, world, DRY, [256])
    assert output.shape[0] == 3
