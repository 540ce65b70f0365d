"""``phoenix-stems serve`` in this process: one line when ready, then quiet until told to stop."""

import json
import signal
import subprocess
import sys
import threading

import pytest

import server.server
from server.commands import main, serve
from server.errors import EndpointRefusedError, StartError


class FakeServer:
    """Stands in for the server: starts at once, and remembers what was done with it."""

    made = ()
    metrics_url = ""
    idle_s = 0.0

    def __init__(self, config):
        self.config = config
        self.endpoint = config.endpoint
        self.calls = []
        type(self).made = (*type(self).made, self)

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Let ``serve`` run a fake server, whose process does not really exit."""
    fake = type("Fake", (FakeServer,), {"made": ()})
    handlers = {}
    monkeypatch.setattr(server.server, "Server", fake)
    monkeypatch.setattr(serve.signal, "signal", lambda n, handler: handlers.update({n: handler}))
    monkeypatch.setattr(serve, "_tune_process", lambda: None)
    monkeypatch.setattr(serve, "_leave", lambda: 0)
    fake.handlers = handlers
    place = f"ipc://{tmp_path}/private/server.sock"
    fake.arguments = ["serve", "--supervise", "off", "--bind", place]
    return fake


def stop_soon(fake, number):
    """Send the 'signal' once the server has started."""

    def start(self):
        self.calls.append("start")
        fake.handlers[number](number, None)

    fake.start = start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_says_so_in_one_line_and_stops_when_told(fake, number, capsys):
    stop_soon(fake, number)
    assert main(fake.arguments) == 0
    captured = capsys.readouterr()
    (line,) = captured.out.splitlines()
    assert json.loads(line)["ready"] is True
    assert json.loads(line)["endpoint"] == fake.arguments[-1]
    assert "metrics" not in json.loads(line)
    assert fake.made[0].calls == ["start", "stop"]


def test_the_ready_line_names_the_metrics_where_there_are_some(fake, capsys):
    stop_soon(fake, signal.SIGTERM)
    fake.metrics_url = "http://127.0.0.1:9464"
    assert main(fake.arguments) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == "http://127.0.0.1:9464"


def test_it_ends_when_its_parent_is_gone(fake, monkeypatch):
    alive = iter([True, True, False])
    monkeypatch.setattr("server.supervision.parent.ParentWatch.is_alive", lambda _self: next(alive))
    monkeypatch.setattr(serve, "_CHECK_S", 0.001)
    assert main([*fake.arguments, "--parent-pid", "2"]) == 0
    assert next(alive, "asked until it was gone") == "asked until it was gone"
    assert fake.made[0].calls == ["start", "stop"]


def test_nothing_is_printed_on_standard_output_when_it_cannot_start(fake, capsys):
    def fail(_self):
        raise StartError("model 'rocknet': no weights")

    fake.start = fail
    assert main(fake.arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "phoenix-stems: error: model 'rocknet': no weights\n"


def test_a_wrong_endpoint_is_told_before_anything_is_loaded(fake, monkeypatch, capsys):
    def refuse(_endpoint, **_):
        raise EndpointRefusedError("not here")

    monkeypatch.setattr(serve, "prepare_endpoint", refuse)
    assert main(fake.arguments) == 1
    assert "not here" in capsys.readouterr().err
    assert fake.made == ()


def test_settings_of_all_sources_reach_the_server(fake, monkeypatch, tmp_path):
    stop_soon(fake, signal.SIGTERM)
    file = tmp_path / "server.toml"
    file.write_text("threads = 2\n[limits]\nstreams = 3\n")
    monkeypatch.setenv("PHOENIX_STEMS_LIMITS_STREAMS", "4")
    assert main([*fake.arguments, "--config", str(file), "--model", "fixed-gains"]) == 0
    config = fake.made[0].config
    assert (config.threads, config.limits.streams, config.model) == (2, 4, "fixed-gains")


def test_the_process_is_tuned_for_short_waits(monkeypatch):
    intervals, frozen, locked = [], [], []
    monkeypatch.setattr(serve.sys, "setswitchinterval", intervals.append)
    monkeypatch.setattr(serve.gc, "freeze", lambda: frozen.append(1))
    monkeypatch.setattr(serve, "lock_pages", lambda: locked.append(1))
    serve._tune_process()
    assert intervals == [serve.SWITCH_INTERVAL_S]
    assert frozen == locked == [1]


def test_leaving_flushes_and_waits_for_no_thread(monkeypatch, capsys):
    codes, gate = [], threading.Event()
    monkeypatch.setattr(serve.os, "_exit", codes.append)
    running = threading.Thread(target=gate.wait, args=(10,))
    running.start()
    serve._leave()
    assert codes == [0]
    gate.set()
    running.join()


def test_a_missing_configuration_file_is_one_line(fake, tmp_path, capsys):
    assert main([*fake.arguments, "--config", str(tmp_path / "absent.toml")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "absent.toml: No such file" in err
    assert fake.made == ()


def test_it_stops_by_itself_when_nobody_came_for_long_enough(fake, monkeypatch):
    monkeypatch.setattr(serve, "_CHECK_S", 0.01)
    fake.idle_s = 3.0
    assert main([*fake.arguments, "--idle-exit-s", "3"]) == 0
    assert fake.made[0].calls == ["start", "stop"]


def test_without_that_setting_it_never_does(fake, monkeypatch):
    monkeypatch.setattr(serve, "_CHECK_S", 0.01)
    fake.idle_s = 10.0**6
    thread = threading.Timer(0.2, lambda: fake.handlers[signal.SIGTERM](signal.SIGTERM, None))
    thread.start()
    main(fake.arguments)
    assert not thread.is_alive()


def test_a_ready_line_that_nobody_reads_any_more_ends_nothing():
    code = (
        "import sys; from server.commands.serve import _announce; sys.stdin.readline();"
        "_announce({'ready': True}); _announce({'ready': True}); sys.stdout.flush()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        process.stdin.write(b"go\n")
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
