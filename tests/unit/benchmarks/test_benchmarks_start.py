"""The start section: what each figure is of, with a server that costs nothing."""

import subprocess

import pytest

from benchmarks import start


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(start, "MODELS", ("fixed-gains", "fixed-gains"))
    monkeypatch.setattr(start, "_IMPORTS", 1)
    monkeypatch.setattr(start, "_STARTS", 1)
    monkeypatch.setattr(start, "_IDLE_S", 0.5)
    monkeypatch.setattr(start, "_STREAMS", 2)
    monkeypatch.setattr(start, "_STREAM_SECONDS", 2)


@pytest.mark.slow
def test_the_section_has_what_is_promised_of_it(quick):
    figures = start.measure_start()
    assert figures.keys() == {
        "import_bridge_s", "import_and_name_connect_s", "embedded_server_ready_s",
        "idle_server_processor_percent", "mib_per_extra_stream",
    }  # fmt: skip
    assert 0 < figures["import_bridge_s"] < figures["import_and_name_connect_s"]
    assert figures["embedded_server_ready_s"] > 0
    assert 0 <= figures["idle_server_processor_percent"] < 100
    assert figures["mib_per_extra_stream"].keys() == {"fixed-gains"}


@pytest.mark.parametrize(
    ("heavy", "named"), [("torch", "torch"), ("torch numba", "torch and numba")]
)
def test_an_import_that_brings_a_heavy_module_is_an_error(heavy, named, monkeypatch):
    done = subprocess.CompletedProcess([], 0, f"0.1 0.2 {heavy}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(RuntimeError, match=f"imports {named}$"):
        start.import_seconds()


def test_the_import_time_is_the_median_of_fresh_interpreters(monkeypatch):
    monkeypatch.setattr(start, "_IMPORTS", 3)
    outputs = iter(["0.1 1.2\n", "9.0 9.1\n", "0.2 1.1\n"])
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, next(outputs))
    )
    assert start.import_seconds() == (0.2, 1.2)
