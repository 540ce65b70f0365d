"""The stem ring against a dictionary: what was written last, by stem and position, until read."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plugin_bridge.history import DryHistory
from plugin_bridge.stem_ring import StemRing

CAPACITY, CHANNELS = 40, 2
KNOWN, LATER = ("vocals", "other"), ("drums", "mix")
some_stems = st.lists(st.sampled_from(KNOWN + LATER), min_size=1, max_size=3, unique=True)


class RingMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.model = {}  # (stem, position) -> value, only of what may still be read
        self.read_to = self.written_to = 0
        self.serial = 0

    @initialize(origin=st.integers(-100, 10**6))
    def start(self, origin):
        self.ring = StemRing(KNOWN, CHANNELS, CAPACITY, origin)
        self.names = list(KNOWN)
        self.read_to = self.written_to = origin

    @rule(names=some_stems, ahead=st.integers(-60, 60), frames=st.integers(0, 90))
    def write(self, names, ahead, frames):
        self._know(names)
        first = self.read_to + ahead
        refused = self.ring.write(first, names, self._samples(names, frames))
        taken = [p for p in range(first, first + frames) if 0 <= p - self.read_to < CAPACITY]
        assert refused == frames - len(taken)
        for position in taken:
            for stem in self.names:
                self.model.pop((stem, position), None)  # a position belongs to one message
            for row, stem in enumerate(names):
                self.model[stem, position] = self._value(row, position - first)
            self.written_to = max(self.written_to, position + 1)

    @rule(names=some_stems, frames=st.integers(0, 90))
    def read(self, names, frames):
        self._know(names)
        samples, valid = self.ring.read(names, frames)
        assert samples.shape == (len(names), CHANNELS, frames)
        for row, stem in enumerate(names):
            for frame in range(frames):
                value = self.model.get((stem, self.read_to + frame))
                assert valid[row, frame] == (value is not None)
                if value is not None:
                    assert samples[row, :, frame].tolist() == [value, -value]
        self.read_to += frames
        self.written_to = max(self.written_to, self.read_to)
        self.model = {key: v for key, v in self.model.items() if key[1] >= self.read_to}

    @rule(by=st.integers(-200, 200))
    def reset(self, by):
        self.read_to = self.written_to = self.read_to + by
        self.ring.reset(self.read_to)
        self.model.clear()

    @invariant()
    def positions_are_those_of_the_model(self):
        if hasattr(self, "ring"):
            assert self.ring.read_samples == self.read_to
            assert self.ring.written_samples == self.written_to

    def _know(self, names):
        self.ring.add_rows(names)
        self.names += [name for name in names if name not in self.names]
        assert self.ring.names == tuple(self.names)

    def _samples(self, names, frames):
        """[stem, channel, frame] of values that never come twice."""
        self.serial += 1
        values = np.array([[self._value(row, n) for n in range(frames)] for row in range(9)])
        return np.stack([values, -values], axis=1)[: len(names)].astype(np.float32)

    def _value(self, row, frame):
        return float(self.serial * 1000 + row * 100 + frame)


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(
    operations=st.lists(
        st.tuples(st.sampled_from(["write", "read", "reset"]), st.integers(0, 70)), max_size=25
    ),
    behind=st.integers(-20, 90),
)
def test_history_is_a_dictionary_of_the_newest_frames(operations, behind):
    history, model, end, serial = DryHistory(1, CAPACITY), {}, 0, 0
    for operation, number in operations:
        if operation == "write":
            block = np.arange(serial, serial + number, dtype=np.float32)[None]
            history.write(block)
            model |= {end + n: value for n, value in enumerate(block[0])}
            end, serial = end + number, serial + number
            model = {position: v for position, v in model.items() if position >= end - CAPACITY}
        elif operation == "reset":
            end = 7 * number
            history.reset(end)
            model.clear()
        read = history.read(end - behind, number)
        expected = [model.get(end - behind + n, 0.0) for n in range(number)]
        assert read.tolist() == [expected]
        assert history.start_samples == min(model, default=end)
        assert history.end_samples == end
