"""The conversation with peers: who is known, who has which stream, who is told what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_client import noise
from sessions_desk import CREDIT_FRAMES, A, B, Desk

from protocol import (
    MAJOR,
    MINOR,
    Audio,
    Close,
    Closed,
    Error,
    Flush,
    Hello,
    Open,
    Opened,
    Ping,
    Pong,
    Preroll,
    Seek,
    ServerFull,
    Set,
    Stems,
)
from server.sessions.stream_requests import FREEWHEEL_ANSWER_WITHIN_S


@pytest.fixture
def desk():
    desk = Desk()
    desk.hello(A)
    return desk


def test_who_has_closed_its_streams_makes_room_in_a_full_table(desk):
    """A plugin connects at each activation, and ZeroMQ does not tell when it has gone."""
    for number in range(20):
        peer = f"plugin {number}".encode()
        desk.hello(peer)
        desk.opened(peer)
        desk.say(peer, Close(1))
        desk.now += 0.01
    assert desk.table.find(A) is not None  # never had a stream: it may be about to open one


def test_who_has_a_stream_never_makes_room(desk):
    desk.hello(B)
    desk.opened(A)
    desk.opened(B)
    (refused,) = desk.say(b"C", Hello(MAJOR, MINOR, "test"))
    assert refused.code == "E210"
    assert desk.table.find(A).streams
    assert desk.table.find(B).streams


def code(answers):
    (error,) = answers
    assert isinstance(error, Error), error
    return error.code


def test_a_peer_is_forgotten_after_its_silence_and_told_what_it_lost(desk):
    desk.opened(A)
    desk.now += 10.0
    desk.sessions.expire()
    assert desk.table.find(A) is not None, "exactly the timeout is not yet too long"
    desk.now += 0.001
    desk.sessions.expire()
    assert desk.wire[-1] == (A, Closed(1, 0, 0))
    assert (desk.table.find(A), desk.meter("peers"), desk.meter("streams")) == (None, 0, 0)


@pytest.mark.parametrize("message", [Ping(1), Pong(1), Flush(9), Audio(9, 0, 0, noise(16))])
def test_whatever_it_says_keeps_a_peer(desk, message):
    desk.now += 9.0
    desk.say(A, message)
    desk.now += 9.0
    desk.sessions.expire()
    assert desk.table.find(A) is not None


def test_only_the_silent_one_goes(desk):
    desk.hello(B)
    desk.now += 6.0
    desk.say(A, Ping(1))
    desk.now += 6.0
    desk.sessions.expire()
    assert (desk.table.find(A) is not None, desk.table.find(B)) == (True, None)


WHILE_OPENING = [
    Audio(1, 0, 0, noise(16)), Preroll(1, 0, noise(16)), Seek(1, 0), Flush(1), Set(1),
    Set(1, model="other"),
]  # fmt: skip


@pytest.mark.parametrize("message", WHILE_OPENING)
def test_a_stream_that_is_still_opening_takes_nothing_but_close(desk, message):
    desk.say(A, Open(1, 44_100, 2, 256))
    assert code(desk.say(A, message)) == "E104"
    assert desk.say(A, Close(1)) == [Closed(1, 0, 0)]


def test_what_opens_after_close_says_nothing_and_leaves_the_number_free(desk):
    desk.say(A, Open(1, 44_100, 2, 256))
    desk.say(A, Close(1))
    said = len(desk.wire)
    desk.opener.succeed()
    assert len(desk.wire) == said
    assert desk.opened(A).task is not None


def test_what_fails_to_open_after_its_number_was_used_again_hurts_nobody(desk):
    desk.say(A, Open(1, 44_100, 2, 256))
    desk.say(A, Close(1))
    desk.say(A, Open(1, 44_100, 2, 256))
    desk.opener.fail(MemoryError("the first"))
    assert not isinstance(desk.wire[-1][1], Error)
    desk.opener.succeed()
    assert isinstance(desk.wire[-1][1], Opened)


def test_a_failed_opening_gives_the_number_back_and_names_the_cause(desk):
    desk.say(A, Open(1, 44_100, 2, 256))
    desk.opener.fail(MemoryError("no room"))
    assert code([desk.wire[-1][1]]) == "E300"
    assert "MemoryError: no room" in desk.wire[-1][1].reason
    desk.opened(A)


def test_a_peer_that_is_gone_is_freed_when_it_is_next_written_to(desk):
    stream = desk.opened(A)
    inbox = stream.task.inbox
    desk.gone.add(A)
    desk.say(A, Ping(1))
    assert desk.table.find(A) is None
    assert stream.task is None
    assert inbox.put(Flush(1), 0.0).frames == 0
    assert len(inbox) == 0, "closed: it takes nothing more"
    assert desk.meter("streams") == 0


def test_one_peers_stream_is_not_anothers(desk):
    desk.hello(B)
    desk.opened(A)
    assert code(desk.say(B, Flush(1))) == "E204"
    desk.opened(B)
    desk.say(B, Close(1))
    assert 1 in desk.table.find(A).streams


def test_a_live_block_is_wanted_within_its_round_trip_a_lossless_one_within_a_second(desk):
    live, lossless = desk.opened(A, 1), desk.opened(A, 2, freewheel=True)
    for number in (1, 2):
        desk.say(A, Audio(number, 0, 0, noise(256)))
    assert live.task.next_deadline() == pytest.approx(desk.now + 0.02)
    assert lossless.task.next_deadline() == pytest.approx(desk.now + FREEWHEEL_ANSWER_WITHIN_S)
    assert desk.woken == [live.task, lossless.task]


def test_dropped_input_is_counted_in_frames_for_the_stream_and_the_server(desk):
    stream = desk.opened(A)
    for index in range(4):
        desk.say(A, Audio(1, index, index * 256, noise(256)))
    assert stream.counters.dropped_frames == 512, "600 frames may wait"
    assert desk.meter("dropped_frames_total", side="input") == 512
    assert desk.meter("blocks_total") == 4
    assert desk.say(A, Close(1)) == [Closed(1, 4, 512)]


@given(blocks=st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 256)), max_size=12))
def test_a_lossless_client_is_held_to_its_credit(blocks):
    desk = Desk()
    desk.hello(A)
    stream = desk.opened(A, freewheel=True)
    waiting = 0
    for position, frames in blocks:
        answers = desk.say(A, Audio(1, 0, position, noise(frames)))
        is_allowed = position + frames <= CREDIT_FRAMES and waiting + frames <= 2 * CREDIT_FRAMES
        assert [answer.code for answer in answers] == ([] if is_allowed else ["E209"])
        waiting += frames if is_allowed else 0
    assert stream.task.inbox.audio_frames == waiting
    assert stream.counters.dropped_frames == 0


def test_credit_counts_from_the_stems_that_were_sent_and_from_a_seek(desk):
    stream = desk.opened(A, freewheel=True)
    beyond = Audio(1, 0, CREDIT_FRAMES, noise(16))
    assert code(desk.say(A, beyond)) == "E209"
    samples = noise(16).reshape(1, 2, 16)
    stream.task._deliver([Stems(1, 0, 0, ("vocals",), samples)])
    assert desk.say(A, beyond) == []
    assert code(desk.say(A, Audio(1, 0, CREDIT_FRAMES + 1, noise(16)))) == "E209"
    desk.say(A, Seek(1, 5000))
    assert desk.say(A, Audio(1, 0, 5000 + CREDIT_FRAMES - 16, noise(16))) == []


def test_preroll_is_bounded_over_all_of_its_parts(desk):
    bounded = Desk(maximum_preroll_frames=300)
    bounded.hello(A)
    bounded.opened(A)
    assert bounded.say(A, Preroll(1, 0, noise(200), last=False)) == []
    assert code(bounded.say(A, Preroll(1, 200, noise(101), last=False))) == "E102"
    assert bounded.say(A, Preroll(1, 200, noise(100))) == []
    assert bounded.say(A, Preroll(1, 0, noise(300))) == [], "the next one counts from nothing"


DRAINING = [
    Hello(MAJOR, MINOR, "late"), Open(2, 44_100, 2, 256), Audio(1, 0, 0, noise(16)),
    Preroll(1, 0, noise(16)), Set(1), Seek(1, 0),
]  # fmt: skip


@pytest.mark.parametrize("message", DRAINING)
def test_draining_refuses_what_makes_new_work(desk, message):
    desk.opened(A)
    desk.sessions.drain()
    assert code(desk.say(A, message)) == "E302"


def test_draining_still_ends_what_has_begun(desk):
    stream = desk.opened(A)
    desk.say(A, Audio(1, 0, 0, noise(16)))
    desk.sessions.drain()
    assert desk.sessions.has_work
    assert desk.say(A, Flush(1)) == []
    assert [type(stream.task.inbox.take().request) for _ in range(2)] == [Audio, Flush]
    assert not desk.sessions.has_work
    assert desk.say(A, Ping(7)) == [Pong(7)]
    assert desk.say(A, Close(1)) == [Closed(1, 1, 0)]


def test_goodbye_ends_every_stream_by_name_once(desk):
    desk.hello(B)
    for peer, number in ((A, 1), (A, 2), (B, 1)):
        desk.opened(peer, number)
    said = len(desk.wire)
    desk.sessions.say_goodbye()
    desk.sessions.say_goodbye()
    ended = [(peer, error.stream) for peer, error in desk.wire[said:] if error.code == "E302"]
    assert sorted(ended) == [(A, 1), (A, 2), (B, 1)]
    assert desk.meter("streams") == 0


def test_refusals_are_all_counted_but_logged_once_a_second(desk):
    for _ in range(5):
        desk.say(A, Flush(9))
    desk.now += 1.0
    desk.say(A, Flush(9))
    assert desk.meter("errors_total", code="E204") == 6
    warnings = [call.kwargs for call in desk.log.calls if call.method_name == "warning"]
    assert [warning["held_back"] for warning in warnings] == [0, 4]


@given(st.binary(max_size=60) | st.lists(st.binary(max_size=20), max_size=5))
def test_garbage_is_answered_by_one_error_and_changes_nothing(frames):
    desk = Desk()
    desk.hello(A)
    stream = desk.opened(A)
    said = len(desk.wire)
    desk.sessions.receive(A, [frames] if isinstance(frames, bytes) else frames)
    assert [type(answer) for _, answer in desk.wire[said:]] == [Error]
    assert desk.table.find(A).streams == {1: stream}


def test_it_is_idle_from_when_its_last_peer_is_forgotten():
    desk = Desk()
    desk.now += 5
    assert desk.sessions.idle_s == 5
    desk.say(b"a", Hello(MAJOR, MINOR, "test"))
    assert desk.sessions.idle_s == 0
    desk.now += 11  # longer than peers may be silent
    desk.sessions.expire()
    assert desk.sessions.idle_s <= 11
    desk.now += 7
    assert desk.sessions.idle_s >= 7


def test_streams_of_a_dead_client_give_way_to_a_new_one_when_the_server_is_full():
    """ZeroMQ tells that a connection is gone only to who sends something on it."""
    desk = Desk(maximum_streams=1)
    desk.hello(A, B)
    desk.opened(A)
    assert code(desk.say(B, Open(1, 44_100, 2, 256))) == "E210", "nobody is silent yet"
    desk.now += 1.0
    answers = desk.say(B, Open(1, 44_100, 2, 256))
    assert [type(answer) for answer in answers] == [Ping, Error], "A is asked; it is there"
    desk.gone.add(A)
    assert desk.opened(B).task is not None
    assert desk.table.find(A) is None


def test_a_stream_refused_for_its_load_is_tried_again_when_dead_clients_were_in_the_way(desk):
    desk.hello(B)
    desk.opened(A)
    desk.now += 1.0
    desk.gone.add(A)
    desk.say(B, Open(1, 44_100, 2, 256))
    desk.opener.fail(ServerFull("0.88 of 0.90 are promised"))
    assert desk.table.find(A) is None
    desk.opener.succeed()
    assert desk.table.find(B).streams[1].task is not None


def test_a_second_refusal_is_final(desk):
    desk.hello(B)
    desk.opened(A)
    desk.now += 1.0
    desk.gone.add(A)
    desk.say(B, Open(1, 44_100, 2, 256))
    desk.opener.fail(ServerFull("0.88 of 0.90 are promised"))
    desk.opener.fail(ServerFull("0.95 of 0.90 are promised"))
    assert desk.wire[-1][1].reason == "0.95 of 0.90 are promised"
    assert (desk.table.find(B).streams, desk.table.find(B).loads) == ({}, 0)
