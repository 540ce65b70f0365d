"""Sending as a state machine: peers that take, stop taking and go, beside one list for each."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.transport.outbound import Outbound, Outgoing, SendResult

PEERS = st.sampled_from([b"a", b"b"])
STREAMS = st.integers(1, 2)
CAPACITY_FRAMES = 30


class OutboundMachine(RuleBasedStateMachine):
    """Outbound beside what each peer should still be sent, in order."""

    def __init__(self):
        super().__init__()
        self.outbound = Outbound(self.offer)
        self.room = {b"a": 0, b"b": 0}
        self.gone = set()
        self.received = {b"a": [], b"b": []}
        self.expected = {b"a": [], b"b": []}
        self.waiting = {b"a": [], b"b": []}
        self.credited = []
        self.dropped = []
        self.number = 0

    def offer(self, peer, frames):
        if peer in self.gone:
            return SendResult.GONE
        if not self.room[peer]:
            return SendResult.FULL
        self.room[peer] -= 1
        self.received[peer].append(frames[0])
        return SendResult.SENT

    @rule(peer=PEERS, stream=STREAMS, frames=st.integers(0, 50))
    def send(self, peer, stream, frames):
        """Stems of a live stream, or an answer where there are no frames to drop."""
        self.number += 1
        message = Outgoing(
            [self.number],
            stream,
            frames,
            CAPACITY_FRAMES,
            on_sent=lambda number=self.number: self.credited.append(number),
            on_dropped=self.dropped.append,
        )
        dropped_before = sum(self.dropped)
        is_there = self.outbound.send(peer, message)
        assert is_there == (bool(self.waiting[peer]) or peer not in self.gone)
        if (self.waiting[peer] or not self.is_taken(peer)) and is_there:
            self.waiting[peer].append((self.number, stream, frames))
            assert sum(self.dropped) - dropped_before == self.drop(peer, stream, frames)

    def is_taken(self, peer):
        """Whether the wire had room for the message when nothing waited before it."""
        taken = bool(self.received[peer]) and self.received[peer][-1] == self.number
        if taken:
            self.expected[peer].append(self.number)
        return taken

    def drop(self, peer, stream, frames):
        """Let the oldest stems of the stream go until the rest fits, but never the newest."""
        dropped = 0
        own = [item for item in self.waiting[peer] if item[1] == stream and item[2]]
        while frames and len(own) > 1 and sum(item[2] for item in own) > CAPACITY_FRAMES:
            oldest = own.pop(0)
            self.waiting[peer].remove(oldest)
            dropped += oldest[2]
        return dropped

    @rule(peer=PEERS, room=st.integers(1, 4))
    def make_room(self, peer, room):
        self.room[peer] = room

    @rule(peer=PEERS)
    def go(self, peer):
        self.gone.add(peer)

    @rule(peer=PEERS)
    def come_back(self, peer):
        self.gone.discard(peer)

    @rule(peer=PEERS)
    def forget(self, peer):
        self.outbound.forget(peer)
        self.waiting[peer] = []

    @rule()
    def retry(self):
        expected_gone = [peer for peer in self.waiting if self.waiting[peer] and peer in self.gone]
        room = dict(self.room)
        assert sorted(self.outbound.retry()) == expected_gone
        for peer, queue in self.waiting.items():
            count = 0 if peer in self.gone else room[peer]
            self.expected[peer] += [number for number, *_ in queue[:count]]
            self.waiting[peer] = [] if peer in self.gone else queue[count:]

    @invariant()
    def every_peer_got_what_it_should_and_in_order(self):
        assert self.received == self.expected
        assert sorted(self.credited) == sorted(self.received[b"a"] + self.received[b"b"])
        assert self.outbound.has_waiting == any(self.waiting.values())


OutboundMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestOutbound = OutboundMachine.TestCase
