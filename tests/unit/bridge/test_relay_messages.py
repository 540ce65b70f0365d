"""What a relayed stream's client may say, what it is told, and what each server is given of it."""

from dataclasses import replace

import numpy as np
import pytest
from relay_bench import BLOCK_FRAMES, RATE_HZ, Bench

from protocol import (
    Applied,
    Audio,
    Closed,
    Error,
    Flush,
    Flushed,
    Latency,
    Opened,
    Ping,
    Pong,
    Preroll,
    Seek,
    ServerFull,
    Set,
    Stems,
    UnexpectedMessage,
    UnknownModel,
    UnknownStream,
)


@pytest.fixture
def bench():
    bench = Bench()
    assert isinstance(bench.open(), Opened)
    return bench


def told(bench, kind):
    return [message for message in bench.told if isinstance(message, kind)]


def say(world, message):
    """Have a server say this of its own accord."""
    world.wires[-1]._arriving.append((world.now, message))


def had(world, kind):
    return [message for message in world.server.log if isinstance(message, kind)]


@pytest.mark.parametrize("message", [Pong(1), Closed(7, 0, 0), Flushed(7, 0)])
def test_what_servers_say_is_not_for_clients_to_say(bench, message):
    with pytest.raises(UnexpectedMessage, match=f"{message.kind} is for servers"):
        bench.stream.receive(message)


def test_a_past_in_parts_is_passed_on_and_stems_begin_behind_it(bench):
    bench.blocks = 30
    start = 30 * BLOCK_FRAMES
    past = bench.dry[:, start - 1000 : start]
    bench.stream.receive(Preroll(7, start - 1000, past[:, :600], last=False))
    bench.wait(0.05)
    bench.stream.receive(Preroll(7, start - 400, past[:, 600:]))
    bench.play(1.0)
    parts = had(bench.remote, Preroll)[-2:]
    assert [(part.stream, part.position_samples, part.last) for part in parts] == [
        (1, start - 1000, False),
        (1, start - 400, True),
    ]
    assert bench.stems[0].position_samples == start
    bench.check_stems()


def test_while_a_past_is_being_told_no_server_is_turned_to(bench):
    bench.remote.crash()
    bench.stream.receive(Preroll(7, 0, bench.dry[:, :600], last=False))
    dialled = len(bench.local.wires)
    bench.wait(1.0)
    assert len(bench.local.wires) == dialled
    bench.stream.receive(Preroll(7, 600, bench.dry[:, 600:882]))
    bench.blocks = 2
    assert bench.play(5.0, until=lambda: bench.heard == "local")


def test_a_seek_goes_on_elsewhere_and_forgets_what_was_under_way(bench):
    bench.play(1.0)
    before = len(bench.stems)
    bench.remote.delay = lambda _: 400
    bench.blocks = 900
    bench.stream.receive(Seek(7, 900 * BLOCK_FRAMES))
    bench.play(1.0)
    behind = bench.stems[before:]
    assert behind[0].position_samples == 900 * BLOCK_FRAMES
    bench.check_stems()


def test_blocks_that_leave_some_out_are_passed_on_as_they_are():
    bench = Bench(profile="offline", freewheel=True)
    bench.open()
    for start in (0, 5000):
        bench.remote.server.stream.restart(start)
        bench.stream.receive(Audio(7, 0, start, bench.dry[:, start : start + BLOCK_FRAMES]))
    sent = had(bench.remote, Audio)
    assert [(block.stream, block.position_samples) for block in sent] == [(1, 0), (1, 5000)]


def test_a_flush_is_answered_once_under_the_clients_number(bench):
    bench.play(0.5)
    bench.stream.receive(Flush(7))
    bench.wait(0.1)
    (flushed,) = told(bench, Flushed)
    assert (flushed.stream, flushed.position_samples) == (7, bench.blocks * BLOCK_FRAMES)
    assert bench.check_stems() == bench.blocks * BLOCK_FRAMES


def test_a_lossless_stream_goes_on_with_the_local_server_to_the_last_sample():
    bench = Bench(profile="offline", freewheel=True, round_trip_samples=0)
    assert bench.open().stream == 7
    bench.play(0.5)
    bench.remote.crash()
    bench.play(0.02)
    bench.stream.receive(Flush(7))
    assert bench.wait(60, until=lambda: told(bench, Flushed))
    assert bench.heard == "local"
    heard = np.concatenate([stems.samples[0] for stems in bench.stems], axis=1)
    whole = bench.dry[:, : bench.blocks * BLOCK_FRAMES]
    np.testing.assert_allclose(heard, 0.5 * whole, atol=1e-6)
    bench.remote.restart()
    bench.wait(5.0)
    assert bench.heard == "local", "nothing is late there: it stays to the end"
    assert len(told(bench, Flushed)) == 1


def test_a_refused_change_is_told_once_and_the_stream_goes_on(bench):
    bench.stream.receive(Set(7, stems=("kazoo",)))
    bench.play(1.0)
    (refusal,) = told(bench, Error)
    assert (refusal.code, refusal.stream) == ("E203", 7)
    bench.stream.receive(Set(7, gains_db={"vocals": 0.0}))
    bench.play(0.2)
    (applied,) = told(bench, Applied)
    assert applied.stream == 7
    assert bench.heard == "remote"
    bench.check_stems()


@pytest.mark.parametrize(
    "message",
    [
        Closed(1, 0, 0),
        Error.of(UnknownStream("no stream 1"), 1),
        Error.of(UnexpectedMessage("hello must come first")),
    ],
    ids=["closed", "unknown", "restarted"],
)
def test_a_server_that_has_lost_the_stream_is_opened_again(bench, message):
    bench.play(1.0)
    say(bench.remote, message)
    bench.play(3.0)
    assert len(bench.remote.wires) == 2
    assert told(bench, Error) == []
    bench.check_stems()


@pytest.mark.parametrize("message", [Pong(0), Ping(3), Applied(1, 0, "fake", ("vocals",))])
def test_what_nobody_asked_for_changes_nothing(bench, message):
    bench.play(1.0)
    say(bench.remote, message)
    bench.play(1.0)
    assert (bench.heard, len(bench.remote.wires), bench.stream.switches) == ("remote", 1, 0)
    assert told(bench, Applied) == []


def test_an_error_of_the_engine_sends_it_to_the_other_server(bench):
    bench.play(1.0)
    say(bench.remote, Error("E301", "inference failed", 1))
    bench.remote.is_down = True
    assert bench.play(5.0, until=lambda: bench.heard == "local")
    assert told(bench, Error) == []


def test_a_server_that_would_give_later_stems_is_not_turned_to(bench):
    bench.local.server.latency = Latency(hop=999, synthesis_overlap=0, look_ahead=0, resampler=0)
    bench.play(1.0)
    bench.remote.crash()
    bench.play(3.0)
    assert bench.heard == "remote"
    assert bench.stream.switches == 0
    local = bench.stream._local
    assert "other stems, or later ones" in local.link.last_error


def test_without_a_local_server_the_remote_one_is_waited_for():
    bench = Bench(has_local=False)
    bench.open()
    bench.play(1.0)
    bench.remote.crash()
    bench.play(2.0)
    assert bench.heard == "remote"
    bench.remote.restart()
    bench.play(5.0)
    assert bench.check_stems() > (bench.blocks - 5) * BLOCK_FRAMES


def test_a_full_remote_server_leaves_the_opening_to_the_local_one():
    bench = Bench()
    bench.remote.server.refuse_open = ServerFull("no room")
    assert isinstance(bench.open(), Opened)
    assert bench.heard == "local"


def test_without_a_local_server_a_full_one_is_the_answer():
    bench = Bench(has_local=False)
    bench.remote.server.refuse_open = ServerFull("no room")
    refusal = bench.open()
    assert (refusal.code, refusal.stream) == (ServerFull.code, 7)
    assert bench.stream.is_closed


def test_when_neither_server_takes_the_stream_the_last_refusal_is_told():
    bench = Bench()
    bench.remote.is_down = True
    bench.local.server.refuse_open = UnknownModel("no such model")
    refusal = bench.open()
    assert (refusal.code, refusal.stream) == (UnknownModel.code, 7)


def test_closing_ends_the_stream_everywhere_and_tells_the_clients_totals(bench):
    bench.play(0.5)
    handle = bench.remote.server.handle
    bench.remote.server.handle = lambda message: [
        replace(answer, dropped_frames=64) if isinstance(answer, Stems) else answer
        for answer in handle(message)
    ]
    bench.play(0.5)
    closed = bench.stream.close()
    assert closed == Closed(7, bench.blocks, 64)
    assert bench.stream.is_closed
    assert bench.remote.server.stream is None
    assert RATE_HZ * 1.0 - bench.blocks * BLOCK_FRAMES < BLOCK_FRAMES
