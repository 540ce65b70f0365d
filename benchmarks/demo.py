"""The main job on the bundled song: live, paced in real time, then as fast as the server can.

Both runs go through the bridge and an embedded server; nothing is measured beside the real path.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from tqdm import tqdm

from benchmarks.demo_figure import draw_demo
from benchmarks.paced import measured_latency_samples, run_paced
from benchmarks.song import Song, bundled_song
from dsp.evaluation.baselines import constant_gain
from dsp.evaluation.metrics import usdr
from plugin_bridge import LatencyBudget, LiveSession, connect, connect_live

FloatArray = npt.NDArray[np.float32]

BLOCK_FRAMES = 256
LIVE_STEMS = ("vocals", "instrumental")


@dataclass(frozen=True)
class LiveResult:
    """What the paced run showed."""

    stems: FloatArray  # [stem, channel, frame], aligned with the song
    latency: LatencyBudget
    measured_latency_samples: int
    blocks: int
    late_blocks: int
    compute_ms: list[float]  # of each hop, as the server measured it
    hop_ms: float


@dataclass(frozen=True)
class OfflineResult:
    """What the faster-than-real-time run showed."""

    stems: FloatArray
    realtime_factor: float  # seconds of computing per second of audio


@dataclass(frozen=True)
class Scores:
    """SDR against the true stems in dB: 10 log10 of signal over error, whole song."""

    live: float
    offline: float
    best_constant_gain: float


@dataclass(frozen=True)
class DemoResult:
    """Everything the demo shows."""

    song: Song
    live: LiveResult
    offline: OfflineResult
    scores: Mapping[str, Scores]
    files: list[Path]


def run_demo(output: Path, model: str = "") -> DemoResult:
    """Separate the bundled song twice, write stems and picture into ``output``, score them."""
    song = bundled_song()
    live = play_live(song, model)
    offline = separate_offline(song, model)
    scores = {
        stem: _scores(song, stem, live.stems[index], offline.stems[index])
        for index, stem in enumerate(LIVE_STEMS)
    }
    output.mkdir(parents=True, exist_ok=True)
    files = [*_write_stems(output, song, live, offline), output / "demo.png"]
    draw_demo(
        files[-1],
        signals={
            "mixture": song.mixture,
            "vocals, live": live.stems[0],
            "vocals, offline": offline.stems[0],
            "vocals, true": song.vocals,
            "instrumental, live": live.stems[1],
            "instrumental, offline": offline.stems[1],
            "instrumental, true": song.instrumental,
        },
        rate_hz=song.rate_hz,
        hop_compute_ms=live.compute_ms,
        hop_ms=live.hop_ms,
    )
    return DemoResult(song, live, offline, scores, files)


def play_live(song: Song, model: str = "", block_frames: int = BLOCK_FRAMES) -> LiveResult:
    """Play the song through the live profile at the pace of a sound card."""
    with connect_live(
        rate_hz=song.rate_hz, max_block_frames=block_frames, model=model, stems=LIVE_STEMS
    ) as session:
        compute_ms = _collect_compute_times(session)
        tail = np.zeros((2, session.latency.total), np.float32)
        audio = np.concatenate([song.mixture, tail], axis=1)
        blocks = audio.shape[1] // block_frames
        with tqdm(total=blocks, desc="live, real time", unit="block", mininterval=1) as bar:
            run = run_paced(
                session,
                audio,
                block_frames=block_frames,
                rate_hz=song.rate_hz,
                on_block=lambda _: bar.update(),
            )
        return LiveResult(
            stems=_aligned(run.stems, session.latency.total, song),
            latency=session.latency,
            measured_latency_samples=measured_latency_samples(song.mixture, run.stems),
            blocks=session.statistics.blocks,
            late_blocks=session.statistics.late_blocks,
            compute_ms=compute_ms,
            hop_ms=1e3 * session.latency.hop / song.rate_hz,
        )


def separate_offline(song: Song, model: str = "") -> OfflineResult:
    """Separate the song losslessly, as fast as the server can."""
    mixture = song.mixture
    with connect(rate_hz=song.rate_hz, model=model, stems=LIVE_STEMS) as session:
        start = time.perf_counter()
        parts = []
        with tqdm(
            total=mixture.shape[1], desc="offline", unit="sample", unit_scale=True, mininterval=1
        ) as bar:
            for block in session.separate(mixture):
                parts.append(block.samples)
                bar.update(block.samples.shape[2])
        elapsed_s = time.perf_counter() - start
    stems = np.concatenate(parts, axis=2)
    return OfflineResult(stems, elapsed_s * song.rate_hz / mixture.shape[1])


def summary(result: DemoResult) -> dict[str, object]:
    """Return the demo's figures, ready for JSON."""
    live = result.live
    return {
        "latency_samples": {**asdict(live.latency), "total": live.latency.total},
        "measured_latency_samples": live.measured_latency_samples,
        "blocks": live.blocks,
        "late_blocks": live.late_blocks,
        "live_realtime_factor": live_realtime_factor(live),
        "offline_realtime_factor": result.offline.realtime_factor,
        "sdr_db": {stem: asdict(scores) for stem, scores in result.scores.items()},
    }


def live_realtime_factor(live: LiveResult) -> float:
    """Return the seconds of computing per second of audio in the live run."""
    return float(np.mean(live.compute_ms)) / live.hop_ms


def _collect_compute_times(session: LiveSession) -> list[float]:
    """Let the session append every hop's compute time in ms to the list that is returned."""
    compute_ms: list[float] = []
    session.on_stems = lambda stems: compute_ms.append(stems.compute_us / 1e3)
    return compute_ms


def _aligned(heard: FloatArray, latency_samples: int, song: Song) -> FloatArray:
    """Move what was heard back by the reported latency, to the song's own time."""
    return heard[..., latency_samples : latency_samples + song.mixture.shape[1]]


def _scores(song: Song, stem: str, live: FloatArray, offline: FloatArray) -> Scores:
    truth: FloatArray = getattr(song, stem)
    frames = min(truth.shape[1], live.shape[1])
    return Scores(
        live=usdr(truth[:, :frames], live[:, :frames]),
        offline=usdr(truth, offline),
        best_constant_gain=usdr(truth, constant_gain(song.mixture, {stem: truth})[stem]),
    )


def _write_stems(output: Path, song: Song, live: LiveResult, offline: OfflineResult) -> list[Path]:
    files = []
    for name, stems in (("live", live.stems), ("offline", offline.stems)):
        for index, stem in enumerate(LIVE_STEMS):
            path = output / f"{stem}_{name}.wav"
            soundfile.write(path, stems[index].T, song.rate_hz, subtype="PCM_24")
            files.append(path)
    return files
