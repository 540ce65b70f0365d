"""Memory that tensors free is used again without the kernel's help."""

import ctypes
import subprocess
import sys

import pytest

from dsp.training.heap import keep_freed_memory

PROGRAM = """
import resource, sys
import torch
from dsp.training.heap import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
def faults(values):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(values)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
# The first is larger, so that what it leaves holds the others, wherever they have to be aligned.
faults(24 * 2**20)
print(min(faults(16 * 2**20) for _ in range(8)))
"""
PAGES = 16 * 2**20 * 4 // 4096


def least_faults(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt"
)
def test_tensors_after_the_first_find_their_memory_there():
    assert least_faults() > PAGES / 2, "or there is nothing to gain any more"
    assert least_faults("keep") < PAGES / 50


def test_other_c_libraries_are_left_as_they_are(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert keep_freed_memory() is False
