"""A lossless stream under any interleaving: credit, order and completeness hold at every step."""

from collections import deque

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plugin_bridge.exchange import Exchange
from protocol import Applied, Audio, Flush, Flushed, Latency, Opened, Seek, Set, Stems

CREDIT, HELD_BACK, BLOCK = 700, 150, 128
OPENED = Opened(1, "fake", "offline", ("a",), Latency(HELD_BACK, 0, 0, 0), 0, CREDIT, 0)


def samples(first, frames):
    """Return [channel 1, frame] that tells its position."""
    return np.arange(first, first + frames, dtype=np.float32)[None]


class Interleavings(RuleBasedStateMachine):
    """Client calls on one side, a server that answers when it likes on the other."""

    def __init__(self):
        super().__init__()
        self.talk = Exchange(OPENED, BLOCK)
        self.to_server = deque()
        self.to_client = deque()
        self.server_end = self.server_answered = 0
        self.fed_to = self.taken_to = self.origin = 0
        self.dirty = False  # audio was fed since the last seek
        self.blocks = 0

    @rule(frames=st.integers(0, 900))
    def feed(self, frames):
        assert self.talk.next_position_samples == self.fed_to
        self.talk.feed(samples(self.fed_to, frames))
        self.fed_to += frames
        self.dirty |= frames > 0

    @rule(position=st.integers(0, 5000))
    def seek(self, position):
        self.talk.seek(position)
        self.fed_to = self.taken_to = self.origin = position
        self.dirty = False

    @precondition(lambda self: not self.talk.has_outgoing)
    @rule()
    def rewind(self):
        self.talk.rewind_if_used()
        assert self.talk.has_outgoing == self.dirty
        if self.dirty:
            self.taken_to = self.origin = self.fed_to
            self.dirty = False

    @rule(stem=st.sampled_from("ab"))
    def change(self, stem):
        self.talk.change(Set(1, stems=(stem,)))
        assert self.talk.awaits_change

    @rule(most=st.integers(1, 9))
    def send(self, most):
        for _ in range(most):
            message = self.talk.next_message()
            if message is None:
                return
            self.to_server.append(message)
            if isinstance(message, Audio):
                assert message.sequence == self.blocks
                assert 0 < message.samples.shape[1] <= BLOCK
                self.blocks += 1
                assert self.talk.sent_samples - self.talk.received_samples <= CREDIT

    @rule(most=st.integers(1, 9))
    def serve(self, most):
        for _ in range(min(most, len(self.to_server))):
            self._serve(self.to_server.popleft())

    @rule(most=st.integers(1, 9))
    def receive(self, most):
        for _ in range(min(most, len(self.to_client))):
            self.talk.receive(self.to_client.popleft())

    @rule()
    def take(self):
        for block in self.talk.take_ready():
            assert block.position_samples == self.taken_to
            assert np.array_equal(block.samples[0], samples(self.taken_to, block.frames))
            self.taken_to = block.end_samples
        assert not self.talk.has_ready

    @invariant()
    def nothing_is_taken_before_it_is_fed(self):
        assert self.origin <= self.taken_to <= self.fed_to
        assert self.talk.sent_samples <= self.fed_to

    def teardown(self):
        """However it went: a flush brings the rest, and never comes to rest half-way."""
        self.talk.flush()
        for _ in range(2000):
            self.send(9)
            self.serve(9)
            self.receive(9)
            self.take()
            if self.talk.is_flushed and not self.talk.awaits_change:
                break
        assert self.talk.is_flushed
        assert self.taken_to == self.fed_to == self.talk.received_samples

    def _serve(self, message):
        match message:
            case Audio():
                assert message.position_samples == self.server_end
                assert np.array_equal(
                    message.samples, samples(self.server_end, message.samples.shape[1])
                )
                self.server_end += message.samples.shape[1]
                assert self.server_end - self.server_answered <= CREDIT
                self._answer(self.server_end - HELD_BACK)
            case Flush():
                self._answer(self.server_end)
                self.to_client.append(Flushed(1, self.server_end))
            case Seek():
                self.server_end = self.server_answered = message.position_samples
            case Set():
                stems = message.stems or ("a",)
                self.to_client.append(Applied(1, self.server_answered, "fake", stems))

    def _answer(self, until):
        if until > self.server_answered:
            part = samples(self.server_answered, until - self.server_answered)
            self.to_client.append(Stems(1, 0, self.server_answered, ("a",), part[None]))
            self.server_answered = until


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
