"""The healthy clients of a soak: live sessions in one process, played like a host's tracks.

``python -m benchmarks.soak_player ENDPOINT STREAMS SECONDS MODEL PROFILE`` prints a line of JSON a
second.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paced import XRUN_BLOCKS, as_an_audio_thread, sleep_until
from benchmarks.song import bundled_song
from plugin_bridge import LiveSession, connect_live
from protocol import ServerFull, Stems

FloatArray = npt.NDArray[np.float32]

BLOCK_FRAMES = 256
_KEPT_BLOCKS = 1024  # whose moment of sending is known: 6 s


class Track:
    """One session, and how long its stems took since last asked."""

    def __init__(self, session: LiveSession) -> None:
        self.session = session
        session.on_stems = self._heard
        self._sent: deque[float] = deque(maxlen=_KEPT_BLOCKS)
        self._sent_blocks = 0
        self._round_trips_ms: list[float] = []
        self.compute_s = 0.0  # that stems cost the server, so far
        self._longest_compute_ms = 0.0
        terms = session.latency
        self._behind_samples = terms.synthesis_overlap + terms.look_ahead + terms.resampler

    def play(self, block: FloatArray) -> None:
        """Play one block."""
        self._sent.append(time.perf_counter())
        self._sent_blocks += 1
        self.session.process(block)

    def round_trips_ms(self) -> list[float]:
        """Return what stems took since the last call, from sending what completed them."""
        taken, self._round_trips_ms = self._round_trips_ms, []
        return taken

    def longest_compute_ms(self) -> float:
        """Return the most that stems of one message cost the server since the last call."""
        longest, self._longest_compute_ms = self._longest_compute_ms, 0.0
        return longest

    def _heard(self, stems: Stems) -> None:
        self.compute_s += stems.compute_us / 1e6
        self._longest_compute_ms = max(self._longest_compute_ms, stems.compute_us / 1e3)
        end = stems.position_samples + stems.samples.shape[-1] + self._behind_samples
        back = self._sent_blocks - -(-end // BLOCK_FRAMES)
        if 0 <= back < len(self._sent):
            sent = self._sent[-1 - back]
            self._round_trips_ms.append(1e3 * (time.perf_counter() - sent))


def play(endpoint: str, streams: int, seconds: float, model: str, profile: str) -> None:
    """Play the bundled song over and over on every track, in real time."""
    song = bundled_song()
    try:
        tracks = [
            Track(
                connect_live(endpoint, max_block_frames=BLOCK_FRAMES, model=model, profile=profile)
            )
            for _ in range(streams)
        ]
    except ServerFull as refused:
        _say({"refused": refused.reason})
        return
    _say({"ready": True})
    usable = song.mixture.shape[1] // BLOCK_FRAMES
    blocks = np.ascontiguousarray(
        song.mixture[:, : usable * BLOCK_FRAMES].reshape(2, usable, BLOCK_FRAMES).swapaxes(0, 1)
    )
    period = BLOCK_FRAMES / song.rate_hz
    per_second = round(1 / period)
    xruns = 0
    with as_an_audio_thread():
        due = time.perf_counter()
        for index in range(round(seconds / period)):
            late = sleep_until(due)
            if late > XRUN_BLOCKS * period:
                xruns += 1
                due += late
            for track in tracks:
                track.play(blocks[index % usable])
            if index % per_second == per_second - 1:
                _say(_second(tracks, xruns))
            due += period
    _say(_second(tracks, xruns) | {"done": True})
    for track in tracks:
        track.session.close()


def _second(tracks: list[Track], xruns: int) -> dict[str, Any]:
    """Return totals of the run so far, and round trips of the last second."""
    trips = [ms for track in tracks for ms in track.round_trips_ms()]
    counted = [track.session.statistics for track in tracks]
    return {
        "moment": time.monotonic(),
        "blocks": sum(each.blocks for each in counted),
        "late_blocks": sum(each.late_blocks for each in counted),
        "losses": sum(each.losses for each in counted),
        "host_xruns": xruns,
        "compute_s": sum(track.compute_s for track in tracks),
        "round_trip_p50_ms": float(np.median(trips)) if trips else 0.0,
        "round_trip_max_ms": max(trips, default=0.0),
        "compute_max_ms": max(track.longest_compute_ms() for track in tracks),
        "states": [track.session.state for track in tracks],
        "last_error": counted[0].last_error,
    }


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    play(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
