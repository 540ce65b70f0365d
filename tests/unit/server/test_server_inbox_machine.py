"""The inbox as a state machine: whatever is put, taken, forgotten and closed, a list agrees."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from server_client import noise

from protocol import Audio, Flush, LimitExceeded, Preroll, Seek, Set
from server.streams import inbox as inbox_module
from server.streams.inbox import Dropped, Inbox

REQUESTS = st.sampled_from([Set(1), Flush(1), Seek(1, 0), Preroll(1, 0, noise(3))])
SIGNAL = Audio | Preroll
MAXIMUM_REQUESTS = 4


def frames_of(request):
    return request.samples.shape[-1] if isinstance(request, Audio) else 0


class InboxMachine(RuleBasedStateMachine):
    """The inbox beside a plain list of requests in order of arrival."""

    @initialize(capacity=st.none() | st.integers(1, 40))
    def make(self, capacity):
        self._maximum = inbox_module.MAXIMUM_WAITING_REQUESTS
        inbox_module.MAXIMUM_WAITING_REQUESTS = MAXIMUM_REQUESTS
        self.capacity = capacity
        self.inbox = Inbox(capacity)
        self.waiting = []
        self.is_closed = False
        self.count = 0

    def teardown(self):
        inbox_module.MAXIMUM_WAITING_REQUESTS = self._maximum

    def audio(self):
        return [item for item in self.waiting if isinstance(item[0], Audio)]

    @rule(frames=st.integers(1, 20))
    def put_audio(self, frames):
        self.count += 1
        block = Audio(1, self.count, self.count * 100, noise(frames))
        dropped = self.inbox.put(block, float(self.count))
        if self.is_closed:
            assert dropped == Dropped(0, 0)
            return
        self.waiting.append((block, float(self.count)))
        assert dropped == self.drop_oldest()

    def drop_oldest(self):
        blocks = frames = 0
        while self.capacity is not None and len(self.audio()) > 1:
            if sum(frames_of(request) for request, _ in self.audio()) <= self.capacity:
                break
            oldest = self.audio()[0]
            self.waiting = [item for item in self.waiting if item is not oldest]
            blocks, frames = blocks + 1, frames + frames_of(oldest[0])
        return Dropped(blocks, frames)

    @rule(request=REQUESTS)
    def put_request(self, request):
        self.count += 1
        is_full = len(self.waiting) - len(self.audio()) >= MAXIMUM_REQUESTS
        try:
            self.inbox.put(request, float(self.count))
        except LimitExceeded:
            assert is_full
            assert not self.is_closed
            return
        if not self.is_closed:
            assert not is_full
            self.waiting.append((request, float(self.count)))

    @rule()
    def take(self):
        oldest = self.inbox.take()
        assert oldest == (self.waiting.pop(0) if self.waiting else None)

    @rule()
    def forget_audio(self):
        self.inbox.forget_audio()
        flushes = [i for i, (item, _) in enumerate(self.waiting) if isinstance(item, Flush)]
        end = flushes[-1] if flushes else 0
        behind = [item for item in self.waiting[end:] if not isinstance(item[0], SIGNAL)]
        self.waiting = self.waiting[:end] + behind

    @rule(really=st.integers(0, 9))
    def close(self, really):
        if really == 0:  # rarely, or nothing else would be seen
            self.inbox.close()
            self.is_closed = True
            self.waiting = []

    @invariant()
    def the_figures_are_those_of_the_list(self):
        if not hasattr(self, "inbox"):
            return
        assert len(self.inbox) == len(self.waiting)
        assert self.inbox.audio_frames == sum(frames_of(request) for request, _ in self.waiting)
        assert self.inbox.next_deadline() == (self.waiting[0][1] if self.waiting else None)


InboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestInbox = InboxMachine.TestCase
