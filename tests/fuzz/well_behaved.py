"""A client that does nothing wrong: real time, block by block, checking each sample it hears.

    python well_behaved.py ENDPOINT '{"round_trip_ms": 250}'

Prints a line when it plays, goes on until standard input ends, and prints what it counted as JSON.
It is a process of its own, as a host is: a server's attackers share no interpreter with it.
"""

from __future__ import annotations

import json
import select
import sys
from dataclasses import asdict

import numpy as np

from benchmarks.paced import run_paced
from plugin_bridge import LiveSession, connect_live
from protocol import FloatArray

RATE_HZ = 44_100
BLOCK_FRAMES = 256
_LOOP_FRAMES = 128 * BLOCK_FRAMES
_GAINS = {"vocals": 0.5, "drums": 0.25}  # of the model fixed-gains; "other" is what they leave


def main(endpoint: str, round_trip_ms: float, **keys: str) -> None:
    """Play until standard input ends."""
    live = connect_live(
        endpoint,
        rate_hz=RATE_HZ,
        max_block_frames=BLOCK_FRAMES,
        model="fixed-gains",
        round_trip_samples=round(round_trip_ms * RATE_HZ / 1000),
        **keys,
    )
    with live:
        print(json.dumps({**play(live), "round_trip_ms": round_trip_ms}))


def play(live: LiveSession) -> dict[str, float | str]:
    """Play noise over and over; returns the session's statistics, wrong samples and xruns."""
    dry = _noise()
    wanted = _stems(np.roll(dry, live.latency.total, axis=1))
    wrong_samples = xruns = 0
    before_stems = live.latency.total  # frames of silence still due
    print("playing", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        run = run_paced(live, dry, block_frames=BLOCK_FRAMES, rate_hz=RATE_HZ)
        silence = min(before_stems, _LOOP_FRAMES)
        before_stems -= silence
        wrong_samples += np.count_nonzero(run.stems[:, :, :silence])
        wrong_samples += np.count_nonzero(run.stems[:, :, silence:] != wanted[:, :, silence:])
        xruns += run.xruns
    return {**asdict(live.statistics), "wrong_samples": int(wrong_samples), "xruns": xruns}


def _noise() -> FloatArray:
    generator = np.random.default_rng(7)
    return (0.1 * generator.standard_normal((2, _LOOP_FRAMES))).astype(np.float32)


def _stems(dry: FloatArray) -> FloatArray:
    """Return what the model makes of it: [stem, channel, frame]."""
    vocals, drums = (dry * np.float32(gain) for gain in _GAINS.values())
    return np.stack([vocals, drums, dry - (vocals + drums)])


if __name__ == "__main__":
    main(sys.argv[1], **json.loads(sys.argv[2]))
