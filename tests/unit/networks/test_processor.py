"""Kernels are written for what Numba compiles for, be it this processor or another."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from numba.core import config

from dsp.networks import processor
from dsp.networks.processor import features


def test_this_processor_counts_unless_numba_is_told_of_another(monkeypatch):
    host = {"avx2": True, "avx512f": False}
    monkeypatch.setattr(processor.binding, "get_host_cpu_features", lambda: host)
    monkeypatch.setattr(config, "CPU_FEATURES", None)
    assert features() == {"avx2"}
    monkeypatch.setattr(config, "CPU_FEATURES", "+sse2,-avx2,+avxvnni")
    assert features() == {"sse2", "avxvnni"}
    monkeypatch.setattr(config, "CPU_FEATURES", "")
    assert features() == frozenset()


@pytest.mark.parametrize(
    ("system", "machine", "answer", "granted"),
    [
        ("Linux", "x86_64", 0, True),
        ("Linux", "x86_64", -1, False),
        ("Linux", "aarch64", 0, False),
        ("Windows", "x86_64", 0, False),
    ],
)
def test_tiles_are_asked_for_where_there_is_somebody_to_ask(
    monkeypatch, system, machine, answer, granted
):
    asked = []
    library = SimpleNamespace(syscall=lambda *call: asked.append(call) or answer)
    monkeypatch.setattr(processor.platform, "system", lambda: system)
    monkeypatch.setattr(processor.platform, "machine", lambda: machine)
    monkeypatch.setattr(processor.ctypes, "CDLL", lambda _: library)
    assert processor.tiles_are_granted() == granted
    assert asked == ([(158, 0x1023, 18)] if (system, machine) == ("Linux", "x86_64") else [])


PRODUCT = """
import numpy
from dsp.networks.bfloat_products import convert
from dsp.networks.float_products import VECTORS
from dsp.networks.products import has_bytes, in_floats, multiply
x, weight = (numpy.random.default_rng(n).integers(-9, 9, (37, 50)) for n in (0, 1))
weights = in_floats(weight.astype(numpy.float32), None)
found = multiply(weights, x.astype(numpy.float32).ravel(), 50, 37)
values = (1 + numpy.arange(2**14) * 2**-12).astype(numpy.float32)  # many of them half-way
halves = numpy.zeros(values.size, numpy.uint16)
convert(values, values.size, halves)
bits = values.view(numpy.uint32)
nearest = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
is_right = numpy.array_equal(found, x @ weight.T), numpy.array_equal(halves, nearest)
print(VECTORS, has_bytes(), *is_right)
"""


@pytest.mark.parametrize("cpu_features", ["+avx2,+fma", ""], ids=["short vectors", "shortest"])
def test_products_are_right_on_processors_with_shorter_vectors(tmp_path, cpu_features):
    if "avx2" not in features():
        pytest.skip("this processor cannot run what is compiled for AVX2")
    elsewhere = {"NUMBA_CPU_FEATURES": cpu_features, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PRODUCT]
    run = subprocess.run(
        command, check=False, env=os.environ | elsewhere, capture_output=True, text=True
    )
    assert run.stdout.split() == ["1", "False", "True", "True"], run.stderr
