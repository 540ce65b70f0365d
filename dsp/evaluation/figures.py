"""Pictures of a comparison, as PNG bytes; needs matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsp.errors import DspError
from dsp.evaluation.comparison import label_of
from dsp.evaluation.intervals import ALL_SONGS
from dsp.evaluation.spectra import Resolution, magnitudes
from dsp.separator import FloatArray

try:
    from matplotlib import colormaps
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import imsave
except ModuleNotFoundError as error:
    if error.name != "matplotlib":
        raise
    raise DspError(
        "matplotlib is not installed, and the report's pictures need it; "
        "install the extra: pip install 'phoenix-stems[plot]'"
    ) from error

_RESOLUTION = Resolution(fft_samples=2048, hop_samples=1024)
_ROWS = 96  # of a spectrogram, equal steps of log frequency
_LOWEST_BIN, _RANGE_DB, _TOP_DB = 3, 80.0, 40.0


def comparison_png(comparison: Mapping[str, Any], stem: str = "vocals") -> bytes:
    """Draw songs by band of uSDR, the differences song by song, and the time it took."""
    figure = Figure(figsize=(13, 9), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 1))
    bands, times = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    pairs = figure.add_subplot(grid[1, :])
    models = comparison["models"]
    _draw_bands(bands, models, stem)
    _draw_times(times, models)
    _draw_differences(pairs, comparison["differences"], stem)
    return _png(figure)


def spectrogram_png(signal: FloatArray) -> bytes:
    """Draw a signal [channel, sample], 65 Hz to 22 kHz on a logarithmic scale, 80 dB of range."""
    spectra = np.concatenate(list(magnitudes(signal, _RESOLUTION)), axis=1).mean(axis=0)
    bins = np.geomspace(_LOWEST_BIN, spectra.shape[1] - 1, _ROWS).round().astype(np.int64)
    level_db = 20 * np.log10(np.maximum(spectra[:, bins], 1e-6)).T[::-1]
    shown = np.clip((level_db - _TOP_DB) / _RANGE_DB + 1, 0, 1)
    buffer = io.BytesIO()
    imsave(buffer, (colormaps["magma"](shown) * 255).astype(np.uint8), format="png")
    return buffer.getvalue()


def _draw_bands(axis: Axes, models: Sequence[Mapping[str, Any]], stem: str) -> None:
    width = 0.8 / max(len(models), 1)
    for number, result in enumerate(models):
        histogram = result["summary"].get(stem, {}).get("histogram", {})
        places = np.arange(len(histogram)) + (number - (len(models) - 1) / 2) * width
        bars = axis.bar(places, list(histogram.values()), width, label=label_of(result))
        axis.bar_label(bars)
        axis.set_xticks(range(len(histogram)), [f"{name} dB" for name in histogram])
    axis.set(title=f"Songs by {stem} uSDR", ylabel="songs")
    if models:
        axis.legend()


def _draw_times(axis: Axes, models: Sequence[Mapping[str, Any]]) -> None:
    factors = [1e3 * (result["realtime_factor"] or 0) for result in models]
    bars = axis.bar(
        range(len(models)), factors, color=[f"C{number}" for number in range(len(models))]
    )
    axis.bar_label(bars, fmt="%.0f")
    axis.set_xticks(range(len(models)), [label_of(one) for one in models], rotation=30, ha="right")
    axis.set(title="Time per second of audio", ylabel="ms")


def _draw_differences(axis: Axes, pairs: Sequence[Mapping[str, Any]], stem: str) -> None:
    for number, pair in enumerate(pairs):
        found = pair["parts"][ALL_SONGS].get(stem)
        if found is None:
            continue
        values = list(found["of_song"].values())
        axis.plot(values, [number] * len(values), "o", alpha=0.4)
        low, high = found["interval"] or (found["mean"], found["mean"])
        axis.plot([low, high], [number + 0.2] * 2, "k-", linewidth=3)
        axis.plot(found["mean"], number + 0.2, "kD")
    names = [f"{pair['model']}\nover {pair['over']}" for pair in pairs]
    axis.set_yticks(range(len(pairs)), names)
    axis.axvline(0, color="grey", linewidth=0.8)
    axis.set(title=f"{stem} uSDR, song by song; mean and its 95 % interval in black", xlabel="dB")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
