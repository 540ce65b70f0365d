"""Masks above the trained band: what is known stays, what is not follows the top of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks.bandwidth import TOP_BINS, widen_mask
from dsp.networks.unet_offline import energy_share

shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)


def mask(shape, bins, seed=0):
    return np.random.default_rng(seed).random((*shape, bins), dtype=np.float32)


@given(shape=shapes, known=st.integers(1, 80), above=st.integers(0, 50), seed=st.integers(0, 9))
def test_known_bins_stay_and_those_above_are_the_mean_of_the_top(shape, known, above, seed):
    narrow = mask(shape, known, seed)
    wide = widen_mask(narrow, known + above)
    assert wide.dtype == np.float32
    assert wide.shape == (*shape, known + above)
    assert np.array_equal(wide[..., :known], narrow)
    top = narrow[..., -TOP_BINS:]
    assert np.allclose(wide[..., known:], top.mean(axis=-1, keepdims=True), atol=1e-6)
    assert (wide[..., known:] <= top.max(axis=-1, keepdims=True) + 1e-6).all()
    assert (wide[..., known:] >= top.min(axis=-1, keepdims=True) - 1e-6).all()


def test_bins_below_the_top_say_nothing_about_those_above():
    narrow = mask((2,), 100)
    changed = narrow.copy()
    changed[:, :-TOP_BINS] = 0
    assert np.array_equal(widen_mask(narrow, 200)[:, 100:], widen_mask(changed, 200)[:, 100:])


def test_the_mask_given_is_not_written_to():
    narrow = mask((2,), 40)
    before = narrow.copy()
    widen_mask(narrow, 60)[:] = 5
    assert np.array_equal(narrow, before)


@given(seed=st.integers(0, 50), level=st.sampled_from([1e-3, 1.0, 100.0]))
def test_the_shares_of_two_nets_are_shares(seed, level):
    vocals, instrumental = mask((2, 5), 30, seed) * level, mask((2, 5), 30, seed + 1) * level
    share = energy_share(vocals, instrumental)
    assert ((share >= 0) & (share <= 1)).all()
    assert np.allclose(share + energy_share(instrumental, vocals), 1, atol=1e-6)


def test_a_share_follows_energy_and_is_one_half_where_neither_net_hears():
    voiced, other = np.float32([[3, 1, 0, 0]]), np.float32([[1, 1, 2, 0]])
    assert np.allclose(energy_share(voiced, other), [[0.9, 0.5, 0, 0.5]], atol=1e-6)


@given(gain=st.floats(0.1, 10), seed=st.integers(0, 9))
def test_a_share_does_not_depend_on_the_level_of_both(gain, seed):
    vocals, instrumental = 0.1 + mask((2,), 30, seed), 0.1 + mask((2,), 30, seed + 1)
    scaled = energy_share(np.float32(gain) * vocals, np.float32(gain) * instrumental)
    assert np.allclose(scaled, energy_share(vocals, instrumental), atol=1e-5)
