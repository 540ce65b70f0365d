"""Slow peers lose their own oldest live stems, and nothing else of anybody's."""

from hypothesis import given
from hypothesis import strategies as st

from server.transport.outbound import MAXIMUM_WAITING_ANSWERS, Outbound, Outgoing, SendResult

PEER, OTHER = b"peer", b"other"


class Wire:
    """Takes messages while it has room; remembers them."""

    def __init__(self, room=0):
        self.room = room
        self.sent = []
        self.gone = set()

    def offer(self, peer, frames):
        if peer in self.gone:
            return SendResult.GONE
        if peer == PEER and self.room <= 0:
            return SendResult.FULL
        self.room -= peer == PEER
        self.sent.append((peer, frames[0]))
        return SendResult.SENT


def stems(name, frames=100, capacity=250, **callbacks):
    return Outgoing([name], 1, frames, capacity, **callbacks)


def test_what_the_wire_takes_is_not_kept():
    wire = Wire(room=1)
    outbound = Outbound(wire.offer)
    assert outbound.send(PEER, Outgoing([b"a"]))
    assert not outbound.has_waiting
    assert wire.sent == [(PEER, b"a")]


def test_waiting_messages_keep_their_order():
    wire = Wire()
    outbound = Outbound(wire.offer)
    for name in (b"a", b"b", b"c"):
        outbound.send(PEER, Outgoing([name]))
    wire.room = 2
    outbound.retry()
    outbound.send(PEER, Outgoing([b"d"]))
    wire.room = 9
    outbound.retry()
    assert [name for _, name in wire.sent] == [b"a", b"b", b"c", b"d"]
    assert not outbound.has_waiting


def test_the_oldest_stems_are_dropped_and_counted_and_answers_kept():
    wire, dropped = Wire(), []
    outbound = Outbound(wire.offer)
    outbound.send(PEER, Outgoing([b"answer"]))
    for name in (b"1", b"2", b"3", b"4"):
        outbound.send(PEER, stems(name, on_dropped=dropped.append))
    wire.room = 9
    outbound.retry()
    assert [name for _, name in wire.sent] == [b"answer", b"3", b"4"]
    assert dropped == [100, 100]


def test_another_stream_of_the_same_peer_loses_nothing():
    wire = Wire()
    outbound = Outbound(wire.offer)
    outbound.send(PEER, Outgoing([b"other stream"], 2, 100, 250))
    for name in (b"1", b"2", b"3"):
        outbound.send(PEER, stems(name))
    wire.room = 9
    outbound.retry()
    assert [name for _, name in wire.sent] == [b"other stream", b"2", b"3"]


def test_lossless_stems_wait_and_give_credit_when_sent():
    wire, answered = Wire(), []
    outbound = Outbound(wire.offer)
    for index in range(50):
        outbound.send(PEER, Outgoing([b"s"], on_sent=lambda i=index: answered.append(i)))
    assert answered == []
    wire.room = 50
    outbound.retry()
    assert answered == list(range(50))


def test_one_full_peer_does_not_hold_up_another():
    wire = Wire()
    outbound = Outbound(wire.offer)
    outbound.send(PEER, Outgoing([b"a"]))
    outbound.send(OTHER, Outgoing([b"b"]))
    assert wire.sent == [(OTHER, b"b")]


def test_a_gone_peer_is_reported():
    wire = Wire()
    outbound = Outbound(wire.offer)
    outbound.send(PEER, Outgoing([b"a"]))
    wire.gone.add(PEER)
    assert outbound.retry() == [PEER]
    assert not outbound.has_waiting
    assert outbound.send(PEER, Outgoing([b"b"])) is False


def test_a_peer_that_never_reads_its_answers_is_given_up():
    outbound = Outbound(Wire().offer)
    results = [outbound.send(PEER, Outgoing([b"a"])) for _ in range(MAXIMUM_WAITING_ANSWERS + 1)]
    assert results == [True] * MAXIMUM_WAITING_ANSWERS + [False]
    outbound.forget(PEER)
    assert not outbound.has_waiting


@given(
    lengths=st.lists(st.integers(1, 100), max_size=30),
    capacity=st.integers(1, 300),
    rooms=st.lists(st.integers(0, 3), max_size=30),
)
def test_frames_are_sent_dropped_or_waiting_and_in_order(lengths, capacity, rooms):
    wire, dropped = Wire(), []
    outbound = Outbound(wire.offer)
    for index, frames in enumerate(lengths):
        message = stems(index, frames, capacity, on_dropped=dropped.append)
        outbound.send(PEER, message)
        wire.room = rooms[index % len(rooms)] if rooms else 0
        outbound.retry()
    wire.room = len(lengths)
    outbound.retry()
    indices = [name for _, name in wire.sent]
    assert indices == sorted(indices)
    assert sum(lengths[index] for index in indices) + sum(dropped) == sum(lengths)
    assert not lengths or indices[-1] == len(lengths) - 1
