"""Limits and counts hold for whatever sequence of peers, streams, errors and slow readers."""

import json
from itertools import pairwise

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from server_client import noise

from protocol import (
    DEFAULT_LIMITS,
    Error,
    Limits,
    Open,
    Pong,
    ServerFull,
    Stems,
    StreamExists,
    UnknownStream,
    decode,
)
from server.config import LogConfig
from server.monitoring.log import RateLimit, make_logger
from server.monitoring.metrics import Metrics
from server.sessions.peers import Peer, PeerTable, Stream
from server.sessions.replies import Replies
from server.transport.outbound import Outbound, SendResult

LEVELS = ["debug", "info", "warning", "error"]


@given(
    wishes=st.lists(
        st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 4), st.booleans()),
        max_size=40,
    )
)
def test_a_stream_is_refused_exactly_when_a_limit_is_reached(wishes):
    table = PeerTable(Limits(maximum_streams=4, maximum_streams_per_peer=2), maximum_peers=3)
    opened = {name: set() for name in (b"a", b"b", b"c")}
    peers = {name: table.add(name, 0.0) for name in opened}
    for name, number, is_closing in wishes:
        peer = peers[name]
        if is_closing:
            peer.streams.pop(number, None)
            opened[name].discard(number)
            continue
        total = sum(map(len, opened.values()))
        try:
            table.check_room(peer, number)
        except StreamExists:
            assert number in opened[name]
        except ServerFull:
            assert len(opened[name]) == 2 or total == 4
        else:
            assert number not in opened[name]
            assert len(opened[name]) < 2
            assert total < 4
            peer.streams[number] = Stream(peer, Open(number, 44_100, 2, 256))
            opened[name].add(number)
        assert len(table.streams) == sum(map(len, opened.values()))


@given(heard=st.lists(st.floats(0, 100), max_size=8), since=st.floats(0, 100))
def test_the_silent_are_those_not_heard_since(heard, since):
    table = PeerTable(DEFAULT_LIMITS, maximum_peers=8)
    for number, at in enumerate(heard):
        table.add(str(number).encode(), at)
    assert [peer.last_heard for peer in table.silent(since)] == [at for at in heard if at < since]


def test_peers_may_be_removed_while_they_are_gone_through():
    table = PeerTable(DEFAULT_LIMITS, maximum_peers=8)
    for number in range(5):
        table.add(str(number).encode(), 0.0)
    for peer in table:
        table.remove(peer)
        table.remove(peer)
    assert (len(table), list(table)) == (0, [])


@given(st.integers(0, 2**32 - 1))
def test_a_stream_that_is_not_open_is_named(number):
    with pytest.raises(UnknownStream, match=f"stream {number} is not open"):
        Peer(b"a", 0.0).stream(number)


@given(
    events=st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["E101", "E204"])), max_size=40),
    interval=st.floats(0.1, 5),
)
def test_of_each_kind_one_line_an_interval_and_none_goes_uncounted(events, interval):
    now, admitted = [0.0], {"E101": [], "E204": []}
    limit = RateLimit(interval, lambda: now[0])
    told = dict.fromkeys(admitted, 0)
    for pause, kind in events:
        now[0] += pause
        held_back = limit.admit(kind)
        if held_back is not None:
            admitted[kind].append(now[0])
            told[kind] += 1 + held_back
    for kind, times in admitted.items():
        total = sum(event == kind for _, event in events)
        assert told[kind] + limit._held_back.get(kind, 0) == total
        assert all(later >= earlier + interval for earlier, later in pairwise(times))
        assert bool(times) == bool(total), "the first of a kind is always told"


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_lets_itself_and_worse_through(level, capsys):
    log = make_logger(LogConfig(level=level, format="json"))
    for name in LEVELS:
        getattr(log, name)("event", code=name)
    written = [json.loads(line)["code"] for line in capsys.readouterr().err.splitlines()]
    assert written == LEVELS[LEVELS.index(level) :]


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_logged_with_its_trace(form, capsys):
    log = make_logger(LogConfig(format=form))
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    log.error("stream failed", stream=3, exc_info=caught.value)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "ZeroDivisionError: division by zero" in captured.err
    assert "test_server_limits.py" in captured.err


def test_lines_of_json_stay_lines(capsys):
    make_logger(LogConfig(format="json")).info("a\nb", text="c\nd")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "a\nb"


class Desk:
    """Replies over a wire that takes ``room`` more messages."""

    def __init__(self, room=10**6):
        self.room = room
        self.wire = []
        self.gone = []
        self.metrics = Metrics()
        self.outbound = Outbound(self.offer)
        log = structlog.testing.CapturingLogger()
        self.replies = Replies(self.outbound, self.metrics, log, RateLimit(1.0, lambda: 0.0))
        self.replies.on_gone = self.gone.append

    def offer(self, _peer, frames):
        if self.room is None:
            return SendResult.GONE
        if self.room == 0:
            return SendResult.FULL
        self.room -= 1
        self.wire.append(decode([bytes(frame) for frame in frames]))
        return SendResult.SENT

    def stems(self, stream, position, frames):
        samples = noise(frames).reshape(1, 2, frames)
        self.replies.send_stems(stream, Stems(1, 0, position, ("vocals",), samples))


def made_stream(*, freewheel):
    stream = Stream(Peer(b"a", 0.0), Open(1, 44_100, 2, 256, freewheel=freewheel))
    stream.live_frames = 100
    return stream


@given(lengths=st.lists(st.integers(1, 80), min_size=1, max_size=20), room=st.integers(0, 20))
def test_a_live_reader_that_is_slow_loses_the_oldest_and_each_frame_is_counted(lengths, room):
    desk, stream = Desk(room), made_stream(freewheel=False)
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    for start, frames in zip(starts, lengths, strict=True):
        desk.stems(stream, start, frames)
    desk.room = 10**6
    desk.outbound.retry()
    sent = [stems.samples.shape[-1] for stems in desk.wire]
    lost = desk.metrics.registry.get_sample_value(
        "phoenix_stems_dropped_frames_total", {"side": "output"}
    )
    assert sum(sent) + (lost or 0) == sum(lengths)
    assert desk.wire[-1].position_samples == starts[-1], "the newest is never lost"
    positions = [stems.position_samples for stems in desk.wire]
    assert positions == sorted(positions)


@given(lengths=st.lists(st.integers(1, 80), min_size=1, max_size=20), room=st.integers(0, 20))
def test_a_lossless_reader_loses_nothing_and_gets_credit_for_what_was_sent(lengths, room):
    desk, stream = Desk(room), made_stream(freewheel=True)
    position = 0
    for frames in lengths:
        desk.stems(stream, position, frames)
        position += frames
    assert stream.answered_samples == sum(lengths[:room])
    desk.room = 10**6
    desk.outbound.retry()
    assert stream.answered_samples == position
    assert [stems.samples.shape[-1] for stems in desk.wire] == lengths


def test_a_peer_that_is_gone_is_told_of():
    desk = Desk(room=None)
    desk.replies.send(b"a", Pong(1))
    desk.replies.send_error(b"b", ServerFull("full"))
    assert desk.gone == [b"a", b"b"]


@given(reason=st.text(max_size=3000))
def test_any_reason_fits_an_error_message(reason):
    desk = Desk()
    reason = reason.encode(errors="ignore").decode()
    desk.replies.send_error(b"a", ServerFull(reason), 7)
    (error,) = desk.wire
    assert isinstance(error, Error)
    assert (error.code, error.stream) == ("E210", 7)
    assert len(error.reason.encode()) <= DEFAULT_LIMITS.maximum_text_bytes
    assert reason.startswith(error.reason)


def test_a_reason_that_is_no_unicode_is_told_all_the_same():
    """Names of files need not be; else the client would wait for an answer for ever."""
    desk = Desk()
    desk.replies.send_error(b"a", ServerFull("no weights in /home/\udcff"))
    assert desk.wire[0].reason == "no weights in /home/?"
