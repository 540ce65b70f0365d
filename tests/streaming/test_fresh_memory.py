"""What a hop makes for itself shows nothing of what lay in that memory before."""

import os
import platform
import subprocess
import sys

import pytest

PLAY = """
import hashlib, sys
import numpy as np
from dsp.networks.registry import load_model

noise = 0.1 * np.random.default_rng(0).standard_normal((2, 40 * 512), np.float32)
for name in sys.argv[1:]:
    model, profile = name.split(":")
    played = load_model(model).separator(profile).push(noise)
    assert np.abs(played).max() > 1e-3
    print(name, hashlib.sha256(played.tobytes()).hexdigest())
"""
STREAMS = ("phoenix:live", "phoenix:live-float32", "phoenix:live-light", "cassiopeia:live")


def played(**settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PLAY, *STREAMS],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | settings,
    )
    return done.stdout


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory cannot be filled: no glibc")
def test_streams_are_the_same_whatever_lies_in_the_memory_they_are_given():
    # Of glibc's mallopt(3): what is given out is full of 0x7F, 3.4e38 as a float, and what is given
    # back of 0x80.
    filled = played(MALLOC_PERTURB_="128")
    assert len(filled.splitlines()) == len(STREAMS)
    assert filled == played()
