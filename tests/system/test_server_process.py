"""The server as a process: how it starts, what it says, how it ends."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pytest
from server_client import RawClient, ServerProcess, expected, noise, running_server

from protocol import Error, Open, Ping, Pong
from server import Server
from server.config import build
from server.errors import EndpointInUseError, WarmUpError
from server.supervision.watch import RESTING_S


@pytest.fixture(scope="module")
def ready_server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("server")
    with ServerProcess(directory, "--metrics", "127.0.0.1:0") as server:
        yield server, server.wait_ready()


def test_the_ready_line_says_where_and_who(ready_server):
    server, line = ready_server
    assert line["ready"] is True
    assert line["endpoint"] == server.endpoint
    assert line["pid"] == server.process.pid != line["engine_pid"]


def test_streams_work_as_soon_as_it_is_ready(ready_server):
    server, _ = ready_server
    dry = noise(10_000)
    with RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        np.testing.assert_array_equal(client.separate(dry), expected(dry))


def test_health_and_metrics_are_served(ready_server):
    _, line = ready_server
    assert get(line["metrics"] + "/health") == (200, "alive\n")
    assert get(line["metrics"] + "/ready") == (200, "ready\n")
    status, text = get(line["metrics"] + "/metrics")
    assert status == 200
    assert "phoenix_stems_hop_seconds_bucket" in text
    assert get(line["metrics"] + "/other")[0] == 404


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 -- loopback
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_an_idle_server_costs_next_to_nothing(tmp_path):
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        supervisor = psutil.Process(server.process.pid)
        processes = [supervisor, *supervisor.children()]
        time.sleep(RESTING_S)  # what the start left behind
        before, started = turns(processes), time.monotonic()
        time.sleep(4 * RESTING_S)
        per_second = (turns(processes) - before) / (time.monotonic() - started)
    assert len(processes) == 2
    assert per_second < 30  # some 8; what one costs is the machine's matter


def turns(processes):
    """How often all of their threads have been given a processor (proc(5), schedstat)."""
    tasks = [task for process in processes for task in Path(f"/proc/{process.pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[2]) for task in tasks)


def test_the_socket_is_private(ready_server):
    server, _ = ready_server
    path = Path(server.endpoint.removeprefix("ipc://"))
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_second_server_on_the_same_socket_is_refused(ready_server):
    server, _ = ready_server
    result = serve("--bind", server.endpoint)
    assert result.returncode == 1
    assert result.stderr.startswith("phoenix-stems: error: ")
    assert "in use" in result.stderr
    with RawClient(server.endpoint) as client:
        assert client.ask(Ping(1), Pong) == Pong(1)


def test_sigterm_ends_it_quickly_with_zero_and_tells_the_streams(tmp_path):
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        with RawClient(server.endpoint) as client:
            client.open(6)
            code, seconds = server.terminate()
            error = client.expect(Error)
        assert (code, error.code, error.stream) == (0, "E302", 6)
        assert seconds < 1.5
        assert not Path(server.endpoint.removeprefix("ipc://")).exists()


def test_queued_work_is_finished_before_the_end(tmp_path):
    dry = noise(40_960)
    server = Server(build({"endpoint": f"ipc://{tmp_path}/p/s.sock", "model": "fixed-gains"}))
    server.start()
    with RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        for start in range(0, 40_960, 8192):
            client.audio(dry[:, start : start + 8192], start)
        assert client.socket.poll(5000), "the first stems are there"
        assert server.stop() is True
        end = 0
        while not isinstance(message := client.receive(), Error):
            end = message.position_samples + message.samples.shape[-1]
    assert message.code == "E302"
    assert end >= 40_960 - 1024


def test_a_draining_server_takes_nothing_new(tmp_path):
    with running_server(tmp_path) as server, RawClient(server.endpoint) as client:
        server._mailbox.post(server._sessions.drain)
        client.ask(Ping(1), Pong)
        assert client.ask(Open(1, 44100, 2, 256), Error).code == "E302"


def test_an_orphan_ends_by_itself(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with ServerProcess(tmp_path, "--parent-pid", str(parent.pid)) as server:
        server.wait_ready()
        parent.kill()
        assert server.process.wait(5) == 0
    parent.wait()


def test_a_dead_servers_socket_is_taken_over(tmp_path):
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        server.process.kill()
        server.process.wait()
        assert Path(server.endpoint.removeprefix("ipc://")).exists()
    with running_server(tmp_path / "private") as again, RawClient(again.endpoint) as client:
        assert client.ask(Ping(1), Pong) == Pong(1)


def test_tcp_on_loopback_picks_a_port_and_refuses_a_second(tmp_path):
    with running_server(tmp_path, endpoint="tcp://127.0.0.1:*") as server:
        assert server.endpoint.startswith("tcp://127.0.0.1:")
        with RawClient(server.endpoint) as client:
            assert client.ask(Ping(1), Pong) == Pong(1)
        with pytest.raises(EndpointInUseError, match="--bind"):
            Server(build({"endpoint": server.endpoint, "model": "fixed-gains"})).start()


def test_a_metrics_port_in_use_is_named(tmp_path):
    with running_server(tmp_path, metrics="127.0.0.1:0") as server:
        address = server.metrics_url.removeprefix("http://")
        other = f"ipc://{tmp_path}/other/s.sock"
        second = Server(build({"endpoint": other, "model": "fixed-gains", "metrics": address}))
        with pytest.raises(EndpointInUseError, match=address):
            second.start()


@pytest.mark.parametrize(("settings", "message"), [
    ({"model": "nope"}, "fixed-gains"), ({"profile": "nope"}, "live, studio, offline"),
])  # fmt: skip
def test_a_start_model_that_is_not_there_is_named(tmp_path, settings, message):
    endpoint = f"ipc://{tmp_path}/p/s.sock"
    with pytest.raises(WarmUpError, match=message):
        Server(build({"endpoint": endpoint, "model": "fixed-gains"} | settings)).start()


def test_a_corrupt_configuration_is_one_line_and_no_start(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text("threads = 'many'")
    result = serve("--config", str(file))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "threads = 'many'" in result.stderr


def test_an_open_address_is_refused_without_keys(tmp_path):
    result = serve("--bind", "tcp://0.0.0.0:5555", "--keys", str(tmp_path / "keys"))
    assert (result.returncode, result.stdout) == (1, "")
    assert str(tmp_path / "keys") in result.stderr


def test_print_config_is_toml_that_gives_the_same(tmp_path):
    result = serve("--threads", "2", "--limits-streams", "5", "--print-config")
    assert "threads = 2\n" in result.stdout
    file = tmp_path / "server.toml"
    file.write_text(result.stdout)
    assert serve("--config", str(file), "--print-config").stdout == result.stdout


def serve(*arguments):
    code = "import sys; from server.commands import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_logs_are_json_where_asked(tmp_path):
    with ServerProcess(tmp_path, "--log-format", "json") as server:
        server.wait_ready()
        server.terminate()
        lines = [json.loads(line) for line in server.process.stderr.read().splitlines()]
    assert lines[0]["event"] == "ready"
    assert {"level", "timestamp"} <= lines[0].keys()
