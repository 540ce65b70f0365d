"""The supervised server as users run it: killed, stopped, stuck; restarted, and said so."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from server_client import RawClient, expected, noise

from protocol import Error, Ping, Pong, Stems
from server.supervision.watch import RESTING_S

POISON, SPINNING = 0.777, 0.666
TIMEOUT_S = 60
POLL_S = 0.01
DRY = noise(8192)
MAIN = f"""
import sys
from server.commands import main, serve
serve.ENGINE_COMMAND = (sys.executable, "-c", '''
import threading
from dsp.networks.fixed_gains import FixedGainsSeparator
push = FixedGainsSeparator.push
def push_or_hang(self, frames):
    if (frames == {POISON}).any():
        threading.Event().wait()
    while (frames == {SPINNING}).any():
        pass
    return push(self, frames)
FixedGainsSeparator.push = push_or_hang
from server.commands.serve import run_engine
run_engine()
''')
sys.exit(main())
"""


class Supervised:
    """``phoenix-stems serve`` in a process, whose engine hangs at a marked sample."""

    def __init__(self, endpoint):
        arguments = ["--model", "fixed-gains", "--bind", endpoint, "--metrics", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "serve", *arguments, "--engine-stable-s", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        self.endpoint = endpoint
        self.line = {}

    def wait_ready(self):
        self.line = json.loads(self.process.stdout.readline())
        return self.line

    @property
    def engine(self):
        """The engine that runs, or None between two."""
        children = psutil.Process(self.process.pid).children()
        return children[0] if children else None

    def until_engine_is_another(self):
        """Return when the next engine began, since boot, and for how long this was held up.

        Held up by a machine that is busy; then so may the supervisor have been.
        """
        old, held_up_s = self.line["engine_pid"], 0.0
        while (engine := self.engine) is None or engine.pid == old:
            before = time.monotonic()
            time.sleep(POLL_S)
            held_up_s += max(0.0, time.monotonic() - before - 5 * POLL_S)
        return began_s(engine.pid), held_up_s

    def get(self, path):
        connection = http.client.HTTPConnection(self.line["metrics"].removeprefix("http://"))
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    endpoint = f"ipc://{tmp_path_factory.mktemp('supervised')}/private/server.sock"
    server = Supervised(endpoint)
    server.wait_ready()
    yield server
    if server.process.poll() is None:
        server.process.kill()
    server.process.communicate()


def began_s(pid):
    """Return when a process began, in seconds since boot, to a hundredth; see proc(5)."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[19]) / os.sysconf("SC_CLK_TCK")


def kill(server):
    os.kill(server.line["engine_pid"], signal.SIGKILL)


def stop(server):
    os.kill(server.line["engine_pid"], signal.SIGSTOP)


def stick(server, sample=POISON):
    with RawClient(server.endpoint) as client:
        client.open()
        client.audio(np.full((2, 8192), sample, np.float32))
        client.ask(Ping(1), Pong)  # so that it has come in: nothing is sent after hanging up


def spin(server):
    stick(server, SPINNING)


@pytest.mark.parametrize(("strike", "cause", "why"), [
    (kill, "died", "was killed by SIGKILL"),
    (stop, "hung", "hung (silent)"),
    (stick, "hung", "hung (realtime lane)"),
    (spin, "hung", "hung (realtime lane)"),
])  # fmt: skip
def test_a_dead_or_hung_engine_is_replaced_within_a_second(server, figure, strike, cause, why):
    before, counted = server.line, restarts_counted(server, cause)
    with RawClient(server.endpoint):
        time.sleep(1.5 * RESTING_S)  # a pulse that rests takes notice of the client
        strike(server)
        struck_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        engine_began_s, held_up_s = server.until_engine_is_another()
    (alive, _), (ready, _) = server.get("/health"), server.get("/ready")
    server.wait_ready()
    ready_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    health = server.get("/health")[1]
    figure(
        f"engine {why}",
        restarted_after_s=f"{engine_began_s - struck_s:.2f}",
        ready_after_s=f"{ready_s - struck_s:.2f}",
        test_held_up_s=f"{held_up_s:.2f}",
    )
    assert (alive, ready) == (200, 503)
    assert why in health
    assert server.line["restarts"] == before["restarts"] + 1
    same = ("endpoint", "metrics", "pid")
    assert [server.line[key] for key in same] == [before[key] for key in same]
    assert restarts_counted(server, cause) == counted + 1
    assert server.get("/ready")[0] == 200
    with RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        np.testing.assert_array_equal(client.separate(DRY), expected(DRY))
    assert engine_began_s - struck_s - held_up_s <= 1.0


def restarts_counted(server, cause):
    wanted = f'phoenix_stems_engine_restarts_total{{cause="{cause}"}} '
    (line,) = [line for line in server.get("/metrics")[1].splitlines() if line.startswith(wanted)]
    return float(line.split()[-1])


def test_a_machine_that_stood_still_is_no_hang(server, figure):
    """Supervisor and engine stopped for 2 s together, as a suspended machine stops them."""
    engine, restarts = server.line["engine_pid"], server.line["restarts"]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in (server.process.pid, engine):
            os.kill(pid, number)
        time.sleep(2.0)
    assert server.engine.pid == engine
    assert f"engine restarts: {restarts}," in server.get("/health")[1]
    figure("all stopped for 2 s", restarts=0)


def test_sigterm_drains_and_exits_with_zero_within_a_second(server, figure):
    engine = server.line["engine_pid"]
    with RawClient(server.endpoint) as client:
        client.open(4, freewheel=True)
        client.audio(DRY, stream=4)
        client.expect(Stems)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        told = client.receive()
        while not isinstance(told, Error):
            told = client.receive()
        code = server.process.wait(TIMEOUT_S)
        seconds = time.monotonic() - started
    figure("shutdown", exit_code=code, seconds=f"{seconds:.2f}", told=told.code)
    assert (code, told.code) == (0, "E302")
    assert not psutil.pid_exists(engine)
    assert not Path(server.endpoint.removeprefix("ipc://")).exists()
    assert seconds <= 1.0 or psutil.getloadavg()[0] > psutil.cpu_count()


@pytest.mark.parametrize("is_stopped", [pytest.param(False, marks=pytest.mark.slow), True])
def test_killing_the_parent_leaves_no_orphan(tmp_path, figure, is_stopped):
    server = Supervised(f"ipc://{tmp_path}/private/server.sock")
    engine = psutil.Process(server.wait_ready()["engine_pid"])
    if is_stopped:
        engine.suspend()
    server.process.kill()
    started = time.monotonic()
    gone, left = psutil.wait_procs([engine], TIMEOUT_S)
    figure(
        "parent killed -9",
        engine="stopped" if is_stopped else "running",
        orphans=len(left),
        gone_after_s=f"{time.monotonic() - started:.2f}",
    )
    server.process.communicate()
    assert (len(gone), left) == (1, [])
