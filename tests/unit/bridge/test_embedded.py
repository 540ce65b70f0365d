"""The embedded server with programs that stand in for it: started, watched, told about, stopped."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from plugin_bridge import EmbeddedServer, EmbeddedServerFailed
from plugin_bridge import embedded as module
from plugin_bridge.embedded import serve_command

READY = "print('{\"ready\": true}', flush=True)\n"
STAY = "import time\ntime.sleep(60)\n"


@pytest.fixture
def program(tmp_path):
    """Return a function that makes a command of a program's text."""

    def make(text):
        (tmp_path / "serve.py").write_text(text)
        return [sys.executable, "-S", str(tmp_path / "serve.py")]

    return make


@pytest.fixture
def directories(tmp_path, monkeypatch):
    """Have servers make their directories here; returns a function that lists them."""
    home = tmp_path / "made"
    home.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(home))
    return lambda: list(home.iterdir())


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def failure(command, **options):
    with pytest.raises(EmbeddedServerFailed) as failed:
        EmbeddedServer(command=command, **options)
    return str(failed.value)


def test_the_command_gets_socket_parent_model_profile_and_threads(program, tmp_path):
    write = f"import json, sys\njson.dump(sys.argv[1:], open({str(tmp_path / 'argv')!r}, 'w'))\n"
    with EmbeddedServer(
        command=program(write + READY + STAY), model="duo", profile="live", threads=3
    ) as server:
        told = json.loads((tmp_path / "argv").read_text())
        assert told == [
            *("--bind", server.endpoint, "--parent-pid", str(os.getpid())),
            *("--engine-restarts", "5"),
            *("--model", "duo", "--profile", "live", "--threads", "3"),
        ]


def test_what_is_not_asked_for_is_left_to_the_server(program, tmp_path):
    write = f"import json, sys\njson.dump(sys.argv[1:], open({str(tmp_path / 'argv')!r}, 'w'))\n"
    with EmbeddedServer(command=program(write + READY + STAY)):
        assert len(json.loads((tmp_path / "argv").read_text())) == 6


def test_a_running_server_says_so_and_is_stopped_with_its_directory(program, directories):
    with EmbeddedServer(command=program(READY + STAY)) as server:
        assert server.explain() == "it runs and wrote no log"
        (directory,) = directories()
        assert directory.stat().st_mode & 0o777 == 0o700
        assert server.endpoint == f"ipc://{directory}/server.sock"
        pid = server.pid
    assert is_gone(pid)
    assert directories() == []
    server.close()


def test_two_servers_do_not_share_a_socket(program):
    command = program(READY + STAY)
    with EmbeddedServer(command=command) as one, EmbeddedServer(command=command) as other:
        assert one.endpoint != other.endpoint


def test_only_the_end_of_a_long_log_is_told(program):
    noisy = "import sys\nfor n in range(100): print(f'line {n}.', file=sys.stderr)\nsys.exit(7)\n"
    told = failure(program(noisy))
    assert "it ended with code 7; the end of its log:" in told
    assert "line 99." in told
    assert "line 80." in told
    assert "line 79." not in told


def test_a_log_that_is_no_text_is_told_all_the_same(program):
    told = failure(program("import os, sys\nos.write(2, b'caf\\xe9 \\xff')\nsys.exit(1)\n"))
    assert "caf\N{REPLACEMENT CHARACTER}" in told


@pytest.mark.parametrize(
    "line", ["", "ready", "{}", "[]", "3", "null", '{"ready": false}', '"ready"', '{"ready"']
)
def test_any_other_first_line_is_no_ready_server(program, directories, line):
    assert "did not start" in failure(program(f"print({line!r}, flush=True)\n{STAY}"))
    assert directories() == []


def test_a_server_that_never_speaks_is_given_up_in_time_and_leaves_nothing(program, directories):
    told = failure(program(STAY), start_timeout_s=0.2)
    assert "not ready within 0.2 s; it runs" in told
    assert directories() == []


def test_a_command_that_does_not_exist_leaves_no_directory(directories):
    with pytest.raises(FileNotFoundError):
        EmbeddedServer(command=["/nowhere/phoenix-stems"])
    assert directories() == []


def test_a_server_that_ignores_polite_requests_is_ended_all_the_same(program, monkeypatch):
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.2)
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with EmbeddedServer(command=program(deaf + READY + STAY)) as server:
        pid = server.pid
    assert is_gone(pid)
    assert "code -9" in server.explain()


def test_ctrl_c_is_for_the_script_not_for_its_server(program):
    with EmbeddedServer(command=program(READY + STAY)) as server:
        assert os.getsid(server.pid) == server.pid != os.getsid(0)


def test_what_the_newest_ready_line_says_holds(program, tmp_path):
    again = {"ready": True, "engine_pid": 77, "restarts": 2}
    go = tmp_path / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
    talk = f"print('no news')\nprint({json.dumps(again)!r}, flush=True)\n"
    with EmbeddedServer(command=program(READY + wait + talk + STAY)) as server:
        assert (server.pid, server.restarts) == (server._process.pid, 0)
        go.touch()
        for _ in range(500):
            if server.restarts:
                break
            time.sleep(0.01)
        assert (server.pid, server.restarts) == (77, 2)


@pytest.mark.parametrize("restarts", [0, 3])
def test_the_limit_of_restarts_is_handed_on(program, tmp_path, restarts):
    write = f"import json, sys\njson.dump(sys.argv[1:], open({str(tmp_path / 'argv')!r}, 'w'))\n"
    with EmbeddedServer(command=program(write + READY + STAY), maximum_restarts=restarts):
        told = json.loads((tmp_path / "argv").read_text())
    assert told[told.index("--engine-restarts") + 1] == str(restarts)


def test_the_command_is_the_one_beside_this_python_then_that_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setattr(module.sysconfig, "get_path", lambda _name: str(tmp_path / "scripts"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    with pytest.raises(EmbeddedServerFailed, match=r"no phoenix-stems command in .*pip install"):
        serve_command()
    for place in ("path", "scripts"):
        (tmp_path / place).mkdir()
        program = Path(tmp_path / place / "phoenix-stems")
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        assert serve_command() == [str(program), "serve"]
