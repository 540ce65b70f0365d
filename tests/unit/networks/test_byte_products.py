"""Weights lie as blocks read them; instructions are those of the processor compiled for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks import byte_products
from dsp.networks.byte_products import DEPTH, OUTPUTS, Instructions, arrange, available_instructions


@given(outputs=st.integers(1, 70), inputs=st.integers(1, 150), seed=st.integers(0, 2**16))
def test_every_weight_is_where_its_block_looks_for_it(outputs, inputs, seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
    arranged = arrange(weights)
    blocks, depths = -(-outputs // OUTPUTS), -(-inputs // DEPTH)
    assert arranged.shape == (blocks, depths, 2, 16, 16, 4)
    assert np.count_nonzero(arranged) == np.count_nonzero(weights)
    n, k = int(rng.integers(outputs)), int(rng.integers(inputs))
    place = n // 32, k // 64, n % 32 // 16, k % 64 // 4, n % 16, k % 4
    assert arranged[place] == weights[n, k]


def compiled_for(monkeypatch, *names):
    monkeypatch.setattr(byte_products, "features", lambda: frozenset(names))


@pytest.mark.parametrize("is_granted", [True, False])
def test_tiles_are_used_only_where_the_system_grants_them(monkeypatch, is_granted):
    monkeypatch.setattr(byte_products, "tiles_are_granted", lambda: is_granted)
    compiled_for(monkeypatch, "amx-int8", "avx512vnni")
    expected = [Instructions.AVX512_VNNI]
    if is_granted:
        expected.insert(0, Instructions.AMX)
    assert available_instructions() == tuple(expected)


def test_a_processor_with_short_vectors_has_those(monkeypatch):
    compiled_for(monkeypatch, "avx2", "avxvnni")
    assert available_instructions() == (Instructions.AVX_VNNI,)


def test_an_old_or_another_processor_has_none(monkeypatch):
    compiled_for(monkeypatch, "avx2", "neon")
    assert available_instructions() == ()
