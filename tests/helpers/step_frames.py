"""Frames for networks that go hop by hop, and what a step makes of them."""

import numpy as np
import torch

SPECTRUM_BINS = 2049


def with_something_to_say(network):
    """Draw what begins as zero, so that every part of a network has a part in its output."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias") or "matrix" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(requires_grad=False)


def frames(count, seed=0, level=1.0):
    """What is heard and what is filtered: complex [channel 2, frame, bin] each."""
    rng = np.random.default_rng(seed)
    shape = (2, 2, count, SPECTRUM_BINS)
    heard, spectra = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (level * heard).astype(np.complex64), (level * spectra).astype(np.complex64)


def of_step(step, heard, spectra):
    return np.stack([step.push(heard[:, t], spectra[:, t]) for t in range(heard.shape[1])], axis=1)


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max()
