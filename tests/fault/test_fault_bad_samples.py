"""Samples that are no audio: none leaves, and another stream does not change by one bit."""

import numpy as np
from server_client import RawClient, expected, joined, noise, running_server

from protocol import Audio

BAD = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-42, -1e-42, 3.4e38], np.float32)
SMALLEST_NORMAL = np.float32(2.0**-126)
FRAMES, BLOCK = 60_000, 500


def test_bad_samples_neither_leave_nor_reach_another_stream(tmp_path, figure):
    generator = np.random.default_rng(8)
    dry, poisoned = noise(FRAMES, seed=1), noise(FRAMES, seed=2)
    bad_at = generator.random(poisoned.shape) < 0.05
    poisoned[bad_at] = generator.choice(BAD, bad_at.sum())
    with (
        running_server(tmp_path) as server,
        RawClient(server.endpoint) as good,
        RawClient(server.endpoint) as bad,
    ):
        good.open(freewheel=True)
        bad.open(freewheel=True)
        for sequence, start in enumerate(range(0, FRAMES, BLOCK)):
            for client, samples in ((bad, poisoned), (good, dry)):
                block = np.ascontiguousarray(samples[:, start : start + BLOCK])
                client.send(Audio(1, sequence, start, block))
        clean, out = joined(good.flush()[0]), joined(bad.flush()[0])
    size = np.abs(out)
    not_finite = int(np.count_nonzero(~np.isfinite(out)))
    subnormal = int(np.count_nonzero((size > 0) & (size < SMALLEST_NORMAL)))
    different = int(np.count_nonzero(clean != expected(dry)))
    figure(
        "bad samples",
        sent=int(bad_at.sum()),
        not_finite_out=not_finite,
        subnormal_out=subnormal,
        largest_out=f"{float(size.max()):.1f}",
        samples_of_others_that_differ=different,
    )
    assert (not_finite, subnormal, different) == (0, 0, 0)
    assert size.max() <= 16
