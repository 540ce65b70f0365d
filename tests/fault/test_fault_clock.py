"""Clocks that drift and step: what is buffered follows positions, so it does not follow clocks."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "unit" / "bridge"))

from fake_server import World
from simulation import live_session

BLOCK = 256
RATE_HZ = 44100
ROUND_TRIP_SAMPLES = 600
DELAY_SAMPLES = 255  # of answers: the least drift moves them over the edge of a block
STEP_SAMPLES = round(0.050 * RATE_HZ)


class DriftingWorld(World):
    """Two clocks: ``now`` is true time, by which answers travel; the session's own drifts."""

    def __init__(self, drift_ppm):
        super().__init__()
        self.drift_ppm = drift_ppm
        self.step_samples = 0
        self.delay = lambda _message: DELAY_SAMPLES

    def clock(self):
        return (self.now * (1 + 1e-6 * self.drift_ppm) + self.step_samples) / self.rate


def play_drifting(world, session, blocks, fraction=0.0):
    """Play silence at the pace of a card that drifts; returns the frames ready after each block."""
    dry, ready = np.zeros((2, BLOCK), np.float32), np.zeros(blocks, np.int64)
    pace = BLOCK / (1 + 1e-6 * world.drift_ppm)  # of true time, for a block of the card's
    for index in range(blocks):
        fraction += pace
        world.now += int(fraction)
        fraction -= int(fraction)
        session.process(dry)
        ready[index] = session._player.ready_frames
    return ready


@pytest.mark.parametrize("minutes", [2, pytest.param(10, marks=pytest.mark.slow)])
@pytest.mark.parametrize("drift_ppm", [-200, 200])
@pytest.mark.timeout(600)
def test_a_clock_that_drifts_leaves_the_buffer_within_one_block(figure, drift_ppm, minutes):
    world = DriftingWorld(drift_ppm)
    session = live_session(world, max_block_frames=BLOCK, round_trip=ROUND_TRIP_SAMPLES)
    play_drifting(world, session, 50)
    ready = play_drifting(world, session, minutes * 60 * RATE_HZ // BLOCK)
    spread, counted = int(ready.max() - ready.min()), session.statistics
    figure(
        f"clock drift {drift_ppm:+} ppm",
        minutes=minutes,
        drifted_samples=round(minutes * 60 * RATE_HZ * 1e-6 * drift_ppm),
        buffer_frames=f"{ready.min()} to {ready.max()}",
        late_blocks=counted.late_blocks,
    )
    assert spread <= BLOCK
    assert (counted.late_blocks, counted.losses, counted.refused_frames) == (0, 0, 0)


@pytest.mark.parametrize("step_samples", [-STEP_SAMPLES, STEP_SAMPLES])
def test_a_clock_that_steps_changes_nothing(figure, step_samples):
    world = DriftingWorld(200)
    session = live_session(world, max_block_frames=BLOCK, round_trip=ROUND_TRIP_SAMPLES)
    before = play_drifting(world, session, 2000)[50:]
    world.step_samples = step_samples
    after = play_drifting(world, session, 2000)
    lowest, highest = min(before.min(), after.min()), max(before.max(), after.max())
    counted = session.statistics
    figure(
        f"clock step {1000 * step_samples / RATE_HZ:+.0f} ms",
        buffer_frames=f"{lowest} to {highest}",
        late_blocks=counted.late_blocks,
        losses=counted.losses,
    )
    assert highest - lowest <= BLOCK
    assert (counted.late_blocks, counted.losses) == (0, 0)


@pytest.mark.parametrize("late_samples", [STEP_SAMPLES])
def test_a_card_that_stops_for_a_while_is_back_where_it_was(figure, late_samples):
    """A step of true time: the host calls 50 ms late, once. Answers wait, none is lost."""
    world = DriftingWorld(0)
    session = live_session(world, max_block_frames=BLOCK, round_trip=ROUND_TRIP_SAMPLES)
    before = play_drifting(world, session, 2000)[50:]
    world.now += late_samples
    after = play_drifting(world, session, 2000)
    spread = max(before.max(), after.max()) - min(before.min(), after.min())
    counted = session.statistics
    figure(
        "host calls 50 ms late",
        buffer_spread_frames=int(spread),
        at_rest=f"{before[-1]} and {after[-1]}",
        late_blocks=counted.late_blocks,
    )
    assert spread <= 2 * BLOCK
    assert before[-8:].tolist() == after[-8:].tolist()
    assert (counted.late_blocks, counted.losses) == (0, 0)
