"""The paced run keeps the grid of a sound card, and the measured latency is the true delay."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks import paced
from benchmarks.paced import measured_latency_samples, run_paced

RATE_HZ = 1000
BLOCK_FRAMES = 10
BLOCK_S = BLOCK_FRAMES / RATE_HZ


class Clock:
    """Time that passes only when somebody sleeps or works."""

    def __init__(self):
        self.now = 100.0
        self.sleeps = []
        self.stalls_s = {}  # by the number of the sleep

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds + self.stalls_s.pop(len(self.sleeps), 0.0)


class Session:
    """Gives back its input as one stem in a buffer that it uses again; takes ``work_s`` a block."""

    def __init__(self, clock, work_s=()):
        self._clock = clock
        self._work_s = iter(work_s)
        self._buffer = np.zeros((1, 2, BLOCK_FRAMES), np.float32)
        self.called_at_s = []

    def process(self, block):
        self.called_at_s.append(self._clock.now)
        self._clock.now += next(self._work_s, 0.0)
        self._buffer[0] = block
        return self._buffer


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(paced, "time", clock)
    return clock


def ramp(frames):
    return np.arange(2 * frames, dtype=np.float32).reshape(2, frames)


def play(session, audio, **options):
    return run_paced(session, audio, block_frames=BLOCK_FRAMES, rate_hz=RATE_HZ, **options)


def test_every_block_starts_on_the_grid(clock):
    session = Session(clock)
    play(session, ramp(50))
    assert session.called_at_s == pytest.approx([100 + index * BLOCK_S for index in range(5)])


def test_a_late_block_does_not_delay_the_ones_after_it(clock):
    session = Session(clock, work_s=[0, 2.5 * BLOCK_S, 0, 0, 0, 0])
    play(session, ramp(60))
    started = [(at - 100) / BLOCK_S for at in session.called_at_s]
    assert started == pytest.approx([0, 1, 3.5, 3.5, 4, 5])


@pytest.mark.parametrize(("stall_blocks", "xruns"), [(1.9, 0), (2.1, 1)])
def test_a_system_that_stands_still_overruns_the_sound_card(clock, stall_blocks, xruns):
    session = Session(clock)
    clock.stalls_s = {2: stall_blocks * BLOCK_S}
    run = play(session, ramp(60))
    assert run.xruns == xruns
    assert run.wake_ms.max() == pytest.approx(1e3 * stall_blocks * BLOCK_S)
    started = [(at - 100) / BLOCK_S for at in session.called_at_s]
    caught_up = [0, 1, 3.9, 3.9, 4, 5]
    started_again = [0, 1, 4.1, 5.1, 6.1, 7.1]
    assert started == pytest.approx(started_again if xruns else caught_up)


def test_a_slow_bridge_is_no_xrun(clock):
    run = play(Session(clock, work_s=[5 * BLOCK_S] * 6), ramp(60))
    assert run.xruns == 0
    assert not run.wake_ms.any()


def test_nobody_sleeps_into_the_past(clock):
    play(Session(clock, work_s=[3 * BLOCK_S] * 4), ramp(40))
    assert all(seconds > 0 for seconds in clock.sleeps)


def test_what_is_heard_is_kept_although_the_session_uses_its_buffer_again(clock):
    audio = ramp(40)
    np.testing.assert_array_equal(play(Session(clock), audio).stems, audio[None])


@pytest.mark.parametrize(("frames", "heard"), [(39, 30), (40, 40), (41, 40)])
def test_a_last_partial_block_is_left_out(clock, frames, heard):
    assert play(Session(clock), ramp(frames)).stems.shape == (1, 2, heard)


def test_each_call_is_timed_alone(clock):
    work_s = [0.001, 0.025, 0.002]
    run = play(Session(clock, work_s), ramp(30))
    np.testing.assert_allclose(run.call_ms, [1, 25, 2])
    assert run.elapsed_s == pytest.approx(0.037)


def test_progress_is_told_block_by_block(clock):
    told = []
    play(Session(clock), ramp(30), on_block=told.append)
    assert told == [0, 1, 2]


@given(
    delay=st.integers(0, 3000),
    shares=st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4),
    seed=st.integers(0, 2**16),
)
def test_the_measured_latency_is_the_delay(delay, shares, seed):
    """However the dry signal is split into stems, and although its end is not heard any more."""
    dry = np.random.default_rng(seed).standard_normal((2, 8000)).astype(np.float32)
    heard = np.pad(dry, ((0, 0), (delay, 0)))[:, : dry.shape[1]]
    parts = np.array(shares, np.float32) / np.float32(sum(shares))
    assert measured_latency_samples(dry, parts[:, None, None] * heard) == delay


@given(early=st.integers(1, 500), seed=st.integers(0, 2**16))
def test_stems_that_come_too_early_have_a_negative_latency(early, seed):
    dry = np.random.default_rng(seed).standard_normal((1, 4000)).astype(np.float32)
    assert measured_latency_samples(dry[:, :-early], dry[None, :, early:]) == -early


@given(late=st.integers(0, 700), later=st.integers(0, 700))
def test_the_sum_of_the_stems_counts_not_the_stem_that_comes_first(late, later):
    assume(late != later)
    dry = np.random.default_rng(1).standard_normal((1, 4000)).astype(np.float32)
    weak = 0.3 * np.pad(dry, ((0, 0), (late, 700 - late)))
    strong = 0.7 * np.pad(dry, ((0, 0), (later, 700 - later)))
    assert measured_latency_samples(dry, np.stack([weak, strong])) == later
