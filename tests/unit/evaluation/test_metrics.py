"""The measures: against museval, against hand-made cases, and by their laws."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.evaluation.metrics import level_dbfs, median_sdr, si_sdr, usdr

RATE_HZ = 8000  # museval's cost grows with it; nothing here depends on it


def museval_metrics():
    """Load museval's measures by themselves: the whole package wants ffmpeg to be installed."""
    package = importlib.util.find_spec("museval").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("museval_metrics", Path(package) / "metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def clip(seconds, seed=0, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((2, int(seconds * RATE_HZ)))).astype(np.float32)


def estimated(references, leak=0.3, seed=9):
    """Each stem with some of the other and some noise."""
    first, second = references.values()
    noise = clip(first.shape[1] / RATE_HZ, seed, 0.01)
    return {"vocals": first + leak * second + noise, "instrumental": 0.8 * second - noise}


def museval_medians(references, estimates):
    stack = [np.stack([s.T for s in stems.values()]) for stems in (references, estimates)]
    sdr, *_ = museval_metrics().bss_eval(
        *stack, window=RATE_HZ, hop=RATE_HZ, compute_permutation=False
    )
    return dict(zip(references, np.nanmedian(sdr, axis=1), strict=True))


@pytest.mark.parametrize("seconds", [3, 4.5])
def test_median_sdr_is_that_of_museval(seconds):
    references = {"vocals": clip(seconds, 1), "instrumental": clip(seconds, 2, 0.3)}
    references["vocals"][:, RATE_HZ : 2 * RATE_HZ] *= 0.2  # frames differ
    estimates = estimated(references)
    expected = museval_medians(references, estimates)
    found = median_sdr(references, estimates, RATE_HZ)
    for stem, value in expected.items():
        assert found[stem] == pytest.approx(value, abs=1e-3)


def test_median_sdr_leaves_silent_frames_out_as_museval_does():
    references = {"vocals": clip(5, 1), "instrumental": clip(5, 2)}
    references["vocals"][:, : 2 * RATE_HZ] = 0
    estimates = estimated(references)
    expected = museval_medians(references, estimates)
    found = median_sdr(references, estimates, RATE_HZ)
    assert found["vocals"] == pytest.approx(expected["vocals"], abs=1e-3)
    assert found["instrumental"] == pytest.approx(expected["instrumental"], abs=1e-3)


def test_median_sdr_of_nothing_audible_is_not_a_number():
    silence = {"vocals": np.zeros((2, 3 * RATE_HZ), np.float32)}
    assert np.isnan(median_sdr(silence, silence, RATE_HZ)["vocals"])


def test_usdr_follows_its_formula():
    reference = np.array([[1.0, 2.0], [0.0, 2.0]], np.float32)
    estimate = np.array([[1.0, 1.0], [1.0, 2.0]], np.float32)
    assert usdr(reference, estimate) == pytest.approx(10 * np.log10((9 + 1e-8) / (2 + 1e-8)))


def test_silence_scores_0_db():
    assert usdr(clip(1), np.zeros_like(clip(1))) == pytest.approx(0, abs=1e-6)


@given(gain=st.floats(0.01, 100))
def test_si_sdr_forgives_level_and_usdr_does_not(gain):
    reference = clip(0.1)
    estimate = reference + clip(0.1, seed=1, level=0.03)
    scaled = (gain * estimate).astype(np.float32)
    assert si_sdr(reference, scaled) == pytest.approx(si_sdr(reference, estimate), abs=0.01)
    if not 0.8 < gain < 1.2:
        assert usdr(reference, scaled) < usdr(reference, estimate)


def test_si_sdr_of_orthogonal_noise_is_the_ratio_of_energies():
    time = np.arange(RATE_HZ) / RATE_HZ
    reference = np.tile(np.sin(2 * np.pi * 100 * time), (2, 1)).astype(np.float32)
    noise = np.tile(np.sin(2 * np.pi * 200 * time), (2, 1)).astype(np.float32)
    assert si_sdr(reference, reference + 0.1 * noise) == pytest.approx(20, abs=1e-3)


@pytest.mark.parametrize(("amplitude", "level"), [(1.0, 0.0), (0.1, -20.0), (0.0, -120.0)])
def test_level_is_of_the_root_mean_square(amplitude, level):
    assert level_dbfs(np.full((2, 100), amplitude, np.float32)) == pytest.approx(level, abs=1e-3)
