"""The loop with a network of a few weights: resuming, stopping, learning, refusing."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dsp.training.checkpoint import mean_weights, recipe
from dsp.training.config import DataConfig, OptimiserConfig, Precision, RunConfig
from dsp.training.errors import CheckpointError
from dsp.training.journal import Journal
from dsp.training.loop import BEST, CHECKPOINT, Loop
from dsp.training.mixer import Example
from dsp.training.task import Losses
from dsp.training.validation import Excerpt

STEPS = 8
FRAMES = 512


class Gains:
    """One gain per channel: the smallest thing that can learn."""

    def __init__(self):
        torch.manual_seed(1)
        self.network = nn.Linear(2, 2)

    def parameter_groups(self):
        return [
            {"params": [self.network.weight], "share": 1.0},
            {"params": [self.network.bias], "share": 0.5},
        ]

    def losses(self, vocals, mixtures, _step):
        estimates = self.network(mixtures.transpose(1, 2)).transpose(1, 2)
        errors = (estimates - vocals).square().mean(dim=(1, 2))
        return Losses(errors, torch.zeros(()), errors.mean())

    def separator(self, weights):
        weight, bias = weights["weight"].numpy(), weights["bias"].numpy()
        return lambda mixture: weight @ mixture + bias[:, None]


class Halves:
    """The vocals are half of the mixture."""

    def example(self, seed, index):
        noise = np.random.default_rng([seed, index]).standard_normal((2, FRAMES))
        side = noise.astype(np.float32)
        return Example(side, side)


class StopsItself(Halves):
    """Asks the process to stop while a step is being made, as a supervisor would."""

    def __init__(self, at_index):
        self.at_index = at_index

    def example(self, seed, index):
        if index == self.at_index:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().example(seed, index)


@pytest.fixture
def config(tmp_path):
    options = OptimiserConfig(batch=2, steps=STEPS, warm_up_steps=2, peak_rate=0.05)
    data = DataConfig(folders=(), cache="")
    return RunConfig(folder=str(tmp_path / "run"), data=data, optimiser=options)


def songs():
    side = np.random.default_rng(9).standard_normal((2, FRAMES)).astype(np.float32)
    return (Excerpt("kept aside", "stems", side, 2 * side),)


def make_loop(config, mixer=None, kept_aside=()):
    return Loop(config, Gains(), mixer or Halves(), songs=kept_aside, marks_db={})


def weights(loop):
    return torch.cat([p.detach().flatten() for p in loop._task.network.parameters()])


@pytest.mark.parametrize("stop_at_step", [0, 1, 5])
def test_stopped_and_resumed_equals_uninterrupted(config, tmp_path, stop_at_step):
    uninterrupted = make_loop(config)
    uninterrupted.run()
    other = replace(config, folder=str(tmp_path / "other"))
    stopped = make_loop(other, StopsItself(2 * stop_at_step))
    stopped.run()
    assert stopped.progress.step == stop_at_step + 1
    resumed = make_loop(other)
    resumed.run()
    assert torch.equal(weights(resumed), weights(uninterrupted))
    for name, mean in uninterrupted.mean.values.items():
        assert torch.equal(resumed.mean.values[name], mean)


def test_steps_after_the_last_checkpoint_are_made_again(config, tmp_path):
    uninterrupted = make_loop(config)
    uninterrupted.run()
    other = replace(config, folder=str(tmp_path / "other"))
    killed = make_loop(other)
    for step in range(6):
        killed._step()
        if step == 3:
            killed.save()
    resumed = make_loop(other)
    assert resumed.progress.step == 4
    resumed.run()
    assert torch.equal(weights(resumed), weights(uninterrupted))
    steps = [int(row["step"]) for row in Journal(tmp_path / "other" / "steps.csv", ()).rows()]
    assert steps == list(range(1, STEPS + 1))


def test_a_stop_restores_the_signal_handlers(config):
    before = signal.getsignal(signal.SIGTERM)
    make_loop(config, StopsItself(3)).run()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_group_learns_at_its_share_of_the_rate(config):
    loop = make_loop(config)
    loop.run()
    weights, biases = loop._optimiser.param_groups
    assert biases["lr"] == 0.5 * weights["lr"] > 0.0


def test_it_learns(config):
    longer = replace(config, optimiser=replace(config.optimiser, steps=300))
    loop = make_loop(longer, kept_aside=songs())
    loop.run()
    assert loop.progress.best_usdr_db > 20.0
    np.testing.assert_allclose(
        loop._task.network.weight.detach().numpy(), 0.5 * np.eye(2), atol=0.05
    )


def test_half_precision_is_for_the_step_alone(config):
    """Products are rounded; weights, their means and what is scored are not."""
    half = replace(config.optimiser, precision=Precision.BFLOAT16, steps=300)
    loop = make_loop(replace(config, optimiser=half), kept_aside=songs())
    seen = []
    forward = loop._task.network.forward
    loop._task.network.forward = lambda x: seen.append(forward(x).dtype) or forward(x)
    loop.run()
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in loop._task.network.parameters()} == {torch.float32}
    assert {mean.dtype for mean in loop.mean.values.values()} == {torch.float32}
    assert loop.progress.best_usdr_db > 20.0


def test_the_best_mean_weights_are_kept(config):
    loop = make_loop(config, kept_aside=songs())
    loop.run()
    folder = config.folder
    assert set(mean_weights(f"{folder}/{BEST}")) == {"weight", "bias"}
    scores = [float(row["full_db"]) for row in Journal(loop._scores.path, ()).rows()]
    assert loop.progress.best_usdr_db == pytest.approx(max(scores), abs=1e-4)
    assert len(scores) == 2  # before the first step and after the last


def test_patience_ends_a_run_that_no_longer_improves(config):
    impatient = replace(config, patience=2, validate_minutes=0.0)
    loop = make_loop(impatient, kept_aside=songs())
    loop.progress.best_usdr_db = 1000.0
    loop.run()
    assert loop.progress.step < STEPS


def test_another_recipes_checkpoint_is_refused(config):
    make_loop(config).run()
    with pytest.raises(CheckpointError, match="another recipe"):
        make_loop(replace(config, seed=2))


def test_where_and_how_often_to_save_is_no_part_of_the_recipe(config):
    moved = replace(config, folder="elsewhere", validate_minutes=1.0, patience=3)
    assert recipe(moved) == recipe(config)
    assert recipe(replace(config, seed=2)) != recipe(config)


def test_a_checkpoint_is_whole_or_not_there(config, monkeypatch):
    loop = make_loop(config)
    loop._step()
    loop.save()
    whole = (loop._folder / CHECKPOINT).read_bytes()

    def broken(document, handle):
        handle.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken)
    loop._step()
    with pytest.raises(OSError, match="disk full"):
        loop.save()
    assert (loop._folder / CHECKPOINT).read_bytes() == whole


def test_the_curve_is_drawn(config):
    loop = make_loop(config, kept_aside=songs())
    loop._marks_db = {"teacher stems": 4.0}
    loop.run()
    assert (loop._folder / "curve.png").read_bytes().startswith(b"\x89PNG")
