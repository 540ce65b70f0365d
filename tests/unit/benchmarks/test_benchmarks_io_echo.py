"""The I/O echo asks a real server, stops its load, and prints a row for each way."""

import queue
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from server_client import running_server

from benchmarks import io_echo


@pytest.fixture
def quick(monkeypatch):
    """Ask seldom, wait for nothing, and run 'processes' as threads of this one."""
    monkeypatch.setattr(io_echo, "PINGS", 5)
    monkeypatch.setattr(io_echo, "PING_INTERVAL_S", 0.0)
    spawn = SimpleNamespace(
        Event=threading.Event, Process=threading.Thread, SimpleQueue=queue.SimpleQueue
    )
    monkeypatch.setattr(io_echo.multiprocessing, "get_context", lambda _: spawn)
    clock = SimpleNamespace(sleep=lambda _: None, perf_counter=io_echo.time.perf_counter)
    monkeypatch.setattr(io_echo, "time", clock)


def test_every_ping_is_timed(quick, tmp_path):
    results = queue.SimpleQueue()
    with running_server(tmp_path) as server:
        io_echo.ask(server.endpoint, results)
    seconds = results.get()
    assert len(seconds) == 5
    assert min(seconds) > 0


@pytest.mark.parametrize(("load", "runs"), [("none", 0), ("thread", 1), ("process", 1)])
def test_the_load_runs_meanwhile_and_ends_with_the_measurement(
    quick, tmp_path, monkeypatch, load, runs
):
    ended = []

    def infer_until(stop):
        assert stop.wait(10)
        ended.append(load)

    monkeypatch.setattr(io_echo, "infer_until", infer_until)
    with running_server(tmp_path) as server:
        assert len(io_echo.measure(server.endpoint, load)) == 5
    assert ended == [load] * runs


def test_inference_goes_on_until_it_is_stopped(monkeypatch):
    stop, pushed = threading.Event(), []

    def push(audio):
        pushed.append(audio.shape)
        if len(pushed) == 3:
            stop.set()

    separator = SimpleNamespace(profile=SimpleNamespace(hop_samples=512), push=push)
    model = SimpleNamespace(separator=lambda _profile: separator)
    monkeypatch.setattr(io_echo, "load_model", lambda _name: model)
    io_echo.infer_until(stop)
    assert pushed == [(2, 512)] * 3


def test_rows_are_medians_over_the_rounds_of_each_way(monkeypatch, capsys):
    """One disturbed round of three does not show."""
    asked, before = [], io_echo.sys.getswitchinterval()

    def measure(_endpoint, load):
        asked.append(load)
        is_disturbed = len(asked) <= len(io_echo.WAYS)
        return [1.0 if is_disturbed else 100e-6] * 10

    monkeypatch.setattr(io_echo, "measure", measure)
    try:
        io_echo.main()
    finally:
        io_echo.sys.setswitchinterval(before)
    title, *rows = capsys.readouterr().out.splitlines()
    assert title.split() == ["inference", "switch", "ms", "p50", "us", "p99", "us", "max", "us"]
    assert [row.split() for row in rows] == [
        [load, str(switch_ms), "100", "100", "100"] for load, switch_ms in io_echo.WAYS
    ]
    assert asked == [load for load, _ in io_echo.WAYS] * io_echo.ROUNDS
    assert np.isclose(io_echo.sys.getswitchinterval(), before)
