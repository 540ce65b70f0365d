"""The transform inside kernels is the discrete Fourier transform, to rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks.fourier_kernels import make_transform, transform

SIZES = (256, 1024, 4096)
TABLES = {size: make_transform(size) for size in SIZES}
sizes = st.sampled_from(SIZES)
seeds = st.integers(0, 2**16)


def noise(size, seed=0):
    return np.random.default_rng(seed).standard_normal((2, size)).astype(np.float32)


def transformed(x):
    return transform(TABLES[x.shape[1]], x.copy(), np.full_like(x, np.nan)).copy()


def as_complex(x):
    return x[0].astype(np.float64) + 1j * x[1]


def assert_close(actual, expected):
    assert np.abs(actual - expected).max() <= 4e-7 * np.abs(expected).max()


@given(size=sizes, seed=seeds)
def test_it_is_the_fourier_transform(size, seed):
    x = noise(size, seed)
    assert_close(as_complex(transformed(x)), np.fft.fft(as_complex(x)))


@given(size=sizes, seed=seeds)
def test_with_both_parts_exchanged_it_is_the_inverse_times_the_size(size, seed):
    x = noise(size, seed)
    assert_close(as_complex(transformed(x[::-1])[::-1]), size * np.fft.ifft(as_complex(x)))


@given(size=sizes, data=st.data())
def test_an_impulse_gives_one_turning_number(size, data):
    at = data.draw(st.integers(0, size - 1))
    x = np.zeros((2, size), np.float32)
    x[0, at] = 1.0
    turning = np.exp(-2j * np.pi * at / size * np.arange(size))
    assert np.abs(as_complex(transformed(x)) - turning).max() <= 3e-7


@given(size=sizes, seed=seeds, level=st.sampled_from([1e-20, 1e-3, 1e6]))
def test_it_is_linear_at_any_level(size, seed, level):
    x, y = noise(size, seed), noise(size, seed + 1)
    together = transformed(np.float32(level) * (x + y))
    apart = np.float32(level) * (transformed(x) + transformed(y))
    assert np.abs(together - apart).max() <= 1e-6 * np.abs(apart).max()


@given(size=sizes)
def test_silence_is_transformed_to_silence(size):
    assert not transformed(np.zeros((2, size), np.float32)).any()


@pytest.mark.parametrize("size", [1, 16, 64, 512, 1000, 2048])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="256 times a power of 4"):
        make_transform(size)
