"""The demo's picture: spectrograms of mixture and stems, and the time each hop took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("Agg")  # before pyplot is imported: no display is needed
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from scipy.signal import spectrogram

FloatArray = npt.NDArray[np.float32]

_FFT_SAMPLES = 2048
_TOP_HZ = 11025
_FLOOR_DB, _TOP_DB = -120.0, -40.0
_SILENCE = 1e-14


def draw_demo(
    path: Path,
    *,
    signals: Mapping[str, FloatArray],
    rate_hz: int,
    hop_compute_ms: Sequence[float],
    hop_ms: float,
) -> None:
    """Write a PNG: one spectrogram per signal [channel, frame], then compute time per hop."""
    rows = len(signals) + 1
    figure, axes = plt.subplots(rows, 1, figsize=(12, 2.1 * rows), constrained_layout=True)
    for axis, (title, samples) in zip(axes, signals.items(), strict=False):
        _draw_spectrogram(axis, title, samples, rate_hz)
    _draw_compute_time(axes[-1], hop_compute_ms, hop_ms)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_spectrogram(axis: Axes, title: str, samples: FloatArray, rate_hz: int) -> None:
    frequencies_hz, times_s, power = spectrogram(
        samples.mean(axis=0), rate_hz, nperseg=_FFT_SAMPLES, noverlap=_FFT_SAMPLES // 2
    )
    level_db = 10 * np.log10(power + _SILENCE)
    axis.pcolorfast(
        (times_s[0], times_s[-1]),
        (frequencies_hz[0], frequencies_hz[-1]),
        level_db,
        cmap="magma",
        vmin=_FLOOR_DB,
        vmax=_TOP_DB,
    )
    axis.set(title=title, ylabel="Hz", ylim=(0, _TOP_HZ))


def _draw_compute_time(axis: Axes, hop_compute_ms: Sequence[float], hop_ms: float) -> None:
    seconds = np.arange(len(hop_compute_ms)) * hop_ms / 1e3
    axis.plot(seconds, hop_compute_ms, linewidth=0.6, label="compute time of each hop")
    axis.axhline(hop_ms, color="red", linewidth=0.8, label=f"duration of a hop ({hop_ms:.1f} ms)")
    axis.set(xlabel="seconds", ylabel="ms", ylim=(0, None), title="Server compute time, live run")
    axis.legend(loc="upper right")
