"""The loop: examples to steps, a checkpoint to come back to, a curve to look at.

Example ``n`` of a run depends on the seed and ``n`` alone, so a resumed run sees what an
uninterrupted one would have, and ends with the same weights.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dsp.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from dsp.training.cluster import Cluster
from dsp.training.config import Precision, RunConfig
from dsp.training.journal import Journal, draw_curve
from dsp.training.mixer import Mixer
from dsp.training.schedule import MeanWeights, learning_rate
from dsp.training.task import Task
from dsp.training.validation import Excerpt, means_db, scores_db

CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"
_STEP_COLUMNS = ("loss_db", "beside_db", "rate", "norm", "seconds", "audio_hours")
_SCORE_COLUMNS = ("full_db", "stems_db", "teacher_db", "karaoke_db", "hours", "audio_hours")


class Loop:
    """One run in its folder."""

    def __init__(
        self,
        config: RunConfig,
        task: Task,
        mixer: Mixer,
        *,
        songs: tuple[Excerpt, ...],
        marks_db: dict[str, float],
        cluster: Cluster | None = None,
    ) -> None:
        self._config = config
        self._cluster = cluster or Cluster()
        self._share = self._cluster.share(config.optimiser.batch)
        self._task = task
        self._device = next(task.network.parameters()).device
        self._mixer = mixer
        self._songs = songs
        self._marks_db = marks_db
        self._folder = Path(config.folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._optimiser = torch.optim.AdamW(
            task.parameter_groups(), weight_decay=config.optimiser.weight_decay
        )
        self.mean = MeanWeights(task.network, config.optimiser.mean_decay)
        self._steps = Journal(self._folder / "steps.csv", _STEP_COLUMNS)
        self._scores = Journal(self._folder / "scores.csv", _SCORE_COLUMNS)
        self.progress = self._resume()

    def run(self) -> None:
        """Train until the last step, the patience's end, or a signal to stop; then save."""
        steps = self._config.optimiser.steps
        scored, saved = Timer(self._config.validate_minutes), Timer(self._config.checkpoint_minutes)
        bar = tqdm(
            total=steps,
            initial=self.progress.step,
            unit="step",
            mininterval=30,
            disable=not self._cluster.leads,
        )
        with _stop_requested() as signals, bar:
            if self.progress.step == 0:
                self._validate()
            stopped = self._cluster.any(bool(signals))
            while self.progress.step < steps and not stopped:
                loss_db = self._step()
                bar.set_postfix_str(f"loss {loss_db:.2f} dB", refresh=False)
                bar.update()
                if scored.is_due():
                    self._validate()
                if saved.is_due():
                    self.save()
                stopped = self._cluster.any(bool(signals) or self._exhausted())
            self.save()
            if not signals:
                self._validate()

    def save(self) -> None:
        """Write the checkpoint; the leading process does."""
        if self._cluster.leads:
            self._save(CHECKPOINT)

    def _step(self) -> float:
        started = time.monotonic()
        options, step = self._config.optimiser, self.progress.step
        rate = learning_rate(step, options)
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["share"]
        vocals, mixtures = self._batch(step)
        with self._precision():
            losses = self._task.losses(vocals, mixtures, step)
        self._optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        self._cluster.average_gradients(self._task.network)
        norm = nn.utils.clip_grad_norm_(self._task.network.parameters(), options.clip_norm)
        self._optimiser.step()
        self.mean.update(self._task.network, step)
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - started
        loss_db = losses.samples_db.mean().item()
        self._note(
            {
                "loss_db": loss_db,
                "beside_db": losses.beside_db.item(),
                "rate": rate,
                "norm": norm.item(),
                "seconds": self.progress.seconds,
                "audio_hours": self._audio_hours(),
            },
        )
        return loss_db

    def _precision(self) -> torch.autocast:
        """Compute in half precision what loses nothing by it; weights stay as they are."""
        half = self._config.optimiser.precision is Precision.BFLOAT16
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=half)

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Make this process's vocals and mixtures of a step: each [item, channel 2, frame]."""
        first = step * self._config.optimiser.batch
        examples = [self._mixer.example(self._config.seed, first + item) for item in self._share]
        sides = ([e.vocals for e in examples], [e.mixture for e in examples])
        vocals, mixtures = (torch.from_numpy(np.stack(side)).to(self._device) for side in sides)
        return vocals, mixtures

    def _validate(self) -> None:
        """Score the mean weights; keep them if they are the best on full mixes so far."""
        if not self._songs or not self._cluster.leads:
            return
        scores = scores_db(self._task.separator(self.mean.values), self._songs)
        means = means_db(scores, self._songs)
        self._scores.add(
            self.progress.step,
            {**means, "hours": self.progress.seconds / 3600, "audio_hours": self._audio_hours()},
        )
        detail = "  ".join(f"{name} {value:.2f}" for name, value in scores.items())
        tqdm.write(f"step {self.progress.step}: {means}\n  {detail}")
        if means["full_db"] > self.progress.best_usdr_db:
            self.progress.best_usdr_db = means["full_db"]
            self.progress.stale_validations = 0
            self._save(BEST)
        else:
            self.progress.stale_validations += 1
        draw_curve(self._steps, self._scores, self._marks_db, self._folder / "curve.png")

    def _note(self, values: dict[str, float]) -> None:
        if self._cluster.leads:
            self._steps.add(self.progress.step, values)

    def _exhausted(self) -> bool:
        patience = self._config.patience
        return 0 < patience <= self.progress.stale_validations

    def _audio_hours(self) -> float:
        draw, options = self._config.draw, self._config.optimiser
        return self.progress.step * options.batch * draw.seconds / 3600

    def _save(self, name: str) -> None:
        save_checkpoint(
            self._folder / name,
            self._config,
            progress=self.progress,
            network=self._task.network,
            optimiser=self._optimiser,
            mean=self.mean,
        )

    def _resume(self) -> Progress:
        path = self._folder / CHECKPOINT
        progress = Progress()
        if path.is_file():
            progress = load_checkpoint(
                path, self._config, self._task.network, self._optimiser, self.mean
            )
        if self._cluster.leads:
            self._steps.rewind(progress.step)
            self._scores.rewind(progress.step)
        return progress


class Timer:
    """Is due once in so many minutes."""

    def __init__(self, minutes: float) -> None:
        self._seconds = 60.0 * minutes
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether the time is up; if so, it begins again."""
        now = time.monotonic()
        due = now - self._last > self._seconds
        if due:
            self._last = now
        return due


@contextmanager
def _stop_requested() -> Iterator[list[int]]:
    """Yield a list that fills when SIGTERM or SIGINT asks to stop; the step in hand is finished."""
    received: list[int] = []
    watched = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(which, lambda which, _: received.append(which)) for which in watched]
    try:
        yield received
    finally:
        for which, handler in zip(watched, before, strict=True):
            signal.signal(which, handler)
