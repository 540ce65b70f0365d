"""The supervisor with small programs in the engine's place: what it does when they end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from structlog.testing import CapturingLogger

from server.config import build
from server.errors import EndpointInUseError
from server.supervision.policy import RestartPolicy
from server.supervision.supervisor import GAVE_UP, Supervisor

TIMEOUT_S = 20
PRELUDE = """
import json, os, signal, sys, time
settings = json.load(sys.stdin)
with open(PLACE + "/runs", "a") as runs:
    runs.write(json.dumps({"settings": settings, "supervisor": int(sys.argv[1])}) + "\\n")
run = sum(1 for _ in open(PLACE + "/runs"))

def say(line):
    os.write(1, (line + "\\n").encode())

def be_ready(**more):
    endpoint = settings["endpoint"].replace("*", "41999")
    say(json.dumps({"ready": True, "endpoint": endpoint, "pid": os.getpid()} | more))

def live():
    while True:
        say("alive")
        time.sleep(0.05)

def end(*_):
    say("leaving")
    os._exit(0)

signal.signal(signal.SIGTERM, end)
"""


class Supervised:
    """A supervisor on a thread of its own, with what it announced and logged."""

    def __init__(self, place, program, **settings):
        script = place / "engine.py"
        script.write_text(f"PLACE = {str(place)!r}\n{PRELUDE}\n{program}")
        self._runs = place / "runs"
        self.lines, self.log, self.codes = [], CapturingLogger(), []
        defaults = {"endpoint": f"ipc://{place}/p/s.sock", "engine.hang_s": 0.3}
        self.supervisor = Supervisor(
            build(defaults | settings),
            [sys.executable, "-S", "-E", str(script)],
            log=self.log,
            announce=self.lines.append,
        )
        self._thread = threading.Thread(target=lambda: self.codes.append(self.supervisor.run()))
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._thread.is_alive():
            self.stop()

    @property
    def runs(self):
        """What each engine was told."""
        if not self._runs.exists():
            return []
        return [json.loads(line) for line in self._runs.read_text().splitlines()]

    @property
    def events(self):
        return [(call.args[0], call.kwargs) for call in self.log.calls]

    def until(self, condition):
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, (self.lines, self.events)
            time.sleep(0.005)

    def until_ready(self, times=1):
        self.until(lambda: len(self.lines) >= times)
        return self.lines[times - 1]

    def stop(self):
        self.supervisor.stop()
        return self.join()

    def join(self):
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()
        return self.codes[0]


@pytest.fixture
def supervised(tmp_path):
    made = []

    def make(program, **settings):
        made.append(Supervised(tmp_path, program, **settings))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def get(line, path):
    try:
        with urllib.request.urlopen(line["metrics"] + path, timeout=5) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_ready_line_names_both_processes_and_stopping_ends_in_order_with_zero(supervised):
    server = supervised("be_ready()\nlive()")
    line = server.until_ready()
    engine = line["engine_pid"]
    assert line == {
        "ready": True,
        "endpoint": server.runs[0]["settings"]["endpoint"],
        "pid": os.getpid(),
        "engine_pid": engine,
        "restarts": 0,
    }
    assert server.stop() == 0
    assert is_gone(engine)


def test_the_engine_is_told_all_settings_and_who_watches_it(supervised):
    server = supervised("be_ready()\nlive()", **{"threads": 3, "limits.streams": 5})
    server.until_ready()
    (told,) = server.runs
    assert told["supervisor"] == os.getpid()
    assert (told["settings"]["threads"], told["settings"]["limits.streams"]) == (3, 5)


def test_one_that_dies_is_started_again_and_it_is_said_in_the_log(supervised):
    server = supervised("be_ready()\nlive()")
    first = server.until_ready()["engine_pid"]
    os.kill(first, signal.SIGKILL)
    again = server.until_ready(2)
    assert (again["restarts"], again["engine_pid"] == first) == (1, False)
    said = {"why": "was killed by SIGKILL", "restarts": 1, "pause_s": 0.0}
    assert ("engine restarts", said) in server.events
    server.until(lambda: server.events[-1][0] == "engine is back")


@pytest.mark.parametrize(("program", "why"), [
    ("be_ready()\ntime.sleep(60)", "hung (silent)"),
    ("be_ready()\nsay('stuck realtime lane')\ntime.sleep(60)", "hung (realtime lane)"),
    ("be_ready()\nos.close(1)\nlive()", "ended with code 1"),
    ("be_ready()\nsys.exit(3)", "ended with code 3"),
    ("be_ready()\nsys.exit(0)", "ended with code 0"),
])  # fmt: skip
def test_one_that_hangs_or_ends_in_any_way_is_replaced(supervised, program, why):
    server = supervised(f"if run > 1:\n    be_ready()\n    live()\n{program}")
    server.until_ready(2)
    assert server.events[0][1]["why"] == why
    assert is_gone(server.lines[0]["engine_pid"])


def test_one_that_is_stopped_by_a_signal_is_killed_and_replaced(supervised):
    server = supervised("be_ready()\nlive()")
    first = server.until_ready()["engine_pid"]
    os.kill(first, signal.SIGSTOP)
    server.until_ready(2)
    assert is_gone(first)
    assert server.events[0][1]["why"] == "hung (silent)"


def test_one_that_cannot_start_at_all_is_not_tried_again(supervised):
    server = supervised("sys.exit(7)")
    assert server.join() == 7
    assert (len(server.runs), server.lines) == (1, [])


def test_one_that_leaves_by_itself_is_let_go(supervised):
    server = supervised("be_ready()\nsay('alive')\nend()")
    assert server.join() == 0
    assert len(server.runs) == 1


def test_restarts_in_a_row_are_limited_and_pauses_grow(supervised):
    server = supervised("be_ready()\nsys.exit(3)", **{"engine.restarts": 2})
    assert server.join() == GAVE_UP
    assert len(server.runs) == 3
    pauses = [said["pause_s"] for event, said in server.events if event == "engine restarts"]
    assert pauses == [0.0, 0.25]
    assert server.events[-1] == (
        "engine ends again and again, giving up",
        {"why": "ended with code 3", "restarts": 2},
    )


def test_one_that_was_sound_for_long_enough_is_always_started_at_once(supervised):
    program = "be_ready()\nsay('alive')\ntime.sleep(0.06)\nsys.exit(3)"
    server = supervised(program, **{"engine.restarts": 1, "engine.stable_s": 0.05})
    server.until_ready(4)
    assert all(said.get("pause_s", 0) == 0 for _, said in server.events)


def test_a_restart_that_fails_counts_and_is_tried_again(supervised):
    server = supervised("if run == 2: sys.exit(1)\nbe_ready()\nif run == 1: sys.exit(3)\nlive()")
    server.until_ready(2)
    assert [told["why"] for event, told in server.events if event == "engine restarts"] == [
        "ended with code 3",
        "ended with code 1",
    ]


def test_a_port_that_was_chosen_freely_stays(supervised):
    server = supervised("be_ready()\nlive()", endpoint="tcp://127.0.0.1:*")
    line = server.until_ready()
    os.kill(line["engine_pid"], signal.SIGKILL)
    assert server.until_ready(2)["endpoint"] == line["endpoint"] == "tcp://127.0.0.1:41999"
    endpoints = [told["settings"]["endpoint"] for told in server.runs]
    assert endpoints == ["tcp://127.0.0.1:*", "tcp://127.0.0.1:41999"]


def test_stopping_one_that_is_not_ready_yet_does_not_wait_for_it(supervised):
    server = supervised("time.sleep(60)")
    server.until(lambda: server.runs)
    assert server.stop() == 0
    assert server.lines == []


def test_stopping_one_that_does_not_end_takes_its_grace_and_no_longer(supervised):
    program = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nbe_ready()\ntime.sleep(60)"
    server = supervised(program, **{"shutdown_grace_s": 0.1, "engine.hang_s": 60})
    engine = server.until_ready()["engine_pid"]
    assert server.stop() == 0
    assert is_gone(engine)


def test_stopping_during_a_pause_ends_it(supervised, monkeypatch):
    monkeypatch.setattr(RestartPolicy, "next_pause_s", lambda *_: 60.0)
    server = supervised("be_ready()\nsys.exit(3)")
    server.until(lambda: server.events)
    assert server.stop() == 0


def test_it_ends_with_the_process_that_wanted_it(supervised):
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as wanted:
        server = supervised("be_ready()\nlive()", parent_pid=wanted.pid)
        engine = server.until_ready()["engine_pid"]
        wanted.kill()
    assert server.join() == 0
    assert is_gone(engine)
    assert server.runs[0]["settings"]["parent_pid"] == 0, "the supervisor looks after that"


def test_health_readiness_and_meters_tell_of_the_restart_at_the_same_port(supervised):
    program = "if run == 2:\n    while not os.path.exists(PLACE + '/go'): time.sleep(0.01)\n"
    server = supervised(f"{program}be_ready()\nlive()", metrics="127.0.0.1:0")
    line = server.until_ready()
    assert (get(line, "/health"), get(line, "/ready")[0]) == ((200, "alive\n"), 200)
    assert "phoenix_stems_engine_up 1.0" in get(line, "/metrics")[1]
    os.kill(line["engine_pid"], signal.SIGKILL)
    server.until(lambda: len(server.runs) == 2)
    told = "alive, engine has died, restarting\n"
    assert get(line, "/health") == (
        200,
        told + "engine restarts: 1, the last because it was killed by SIGKILL\n",
    )
    assert get(line, "/ready")[0] == 503
    meters = get(line, "/metrics")[1]
    assert "phoenix_stems_engine_up 0.0" in meters
    assert 'phoenix_stems_engine_restarts_total{cause="died"} 1.0' in meters
    (server._runs.parent / "go").touch()
    assert server.until_ready(2)["metrics"] == line["metrics"]
    assert get(line, "/ready")[0] == 200
    assert "phoenix_stems_engine_recovery_seconds" in get(line, "/metrics")[1]


def test_the_engines_own_meters_are_shown_with_the_supervisors(supervised):
    serve = (
        "import http.server, threading\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'engine_own 1')\n"
        "    def log_message(self, *_): pass\n"
        "served = http.server.HTTPServer(('127.0.0.1', 0), Handler)\n"
        "threading.Thread(target=served.serve_forever, daemon=True).start()\n"
        "be_ready(metrics=f'http://127.0.0.1:{served.server_port}')\nlive()"
    )
    server = supervised(serve, metrics="127.0.0.1:0")
    line = server.until_ready()
    assert server.runs[0]["settings"]["metrics"] == "127.0.0.1:0"
    assert "engine_own 1" in get(line, "/metrics")[1]
    assert "phoenix_stems_engine_up 1.0" in get(line, "/metrics")[1]


def test_an_engine_that_does_not_tell_its_meters_costs_only_them(supervised):
    server = supervised("be_ready(metrics='http://127.0.0.1:1')\nlive()", metrics="127.0.0.1:0")
    assert "phoenix_stems_engine_up 1.0" in get(server.until_ready(), "/metrics")[1]


def test_a_metrics_port_in_use_is_named(supervised, tmp_path):
    line = supervised("be_ready()\nlive()", metrics="127.0.0.1:0").until_ready()
    address = line["metrics"].removeprefix("http://")
    with pytest.raises(EndpointInUseError, match=address):
        Supervisor(build({"metrics": address}), ["none"], log=None, announce=print)
