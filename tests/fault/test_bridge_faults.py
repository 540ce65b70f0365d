"""Servers that die, hang or never start: what scripts are told, and what is heard."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge import (
    EmbeddedServer,
    EmbeddedServerFailed,
    ServerLost,
    connect,
    connect_live,
)

MODEL = {"model": "fixed-gains"}
BLOCK = 1024


def tone(frames):
    wave = 0.5 * np.sin(2 * np.pi * 110 * np.arange(frames) / 44100)
    return np.stack([wave, wave]).astype(np.float32)


def test_a_server_killed_midway_is_told_with_its_fate():
    with EmbeddedServer(**MODEL, maximum_restarts=0) as server:
        session = connect(server.endpoint, **MODEL)
        separation = session.separate([tone(44100)] * 1000)
        next(separation)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerLost):
            list(separation)
        session.close()
        server._process._popen.wait(10)
        told = server.explain()
        assert "ended with code 1" in told
        assert re.search("giving up.*was killed by SIGKILL", told)


def test_a_server_killed_under_a_live_session_comes_back_without_a_click():
    """The embedded server is started again, the bridge reconnects, and no sample jumps."""
    dry = tone(44100 * 14)
    with (
        EmbeddedServer(**MODEL, profile="live") as server,
        connect_live(
            server.endpoint,
            max_block_frames=BLOCK,
            round_trip_samples=22050,
            stems=["mix", "vocals"],
            **MODEL,
        ) as live,
    ):
        output, start, killed, back_at = [], time.monotonic(), False, 0
        for at in range(0, dry.shape[1] - BLOCK, BLOCK):
            time.sleep(max(0.0, start + at / 44100 - time.monotonic()))
            output.append(live.process(dry[:, at : at + BLOCK]))
            if not killed and at > 2 * 44100:
                os.kill(server.pid, signal.SIGKILL)
                killed = True
            back_at = back_at or (at if live.statistics.reconnects else 0)
            if back_at and at > back_at + 2 * 44100:
                break
        statistics, latency = live.statistics, live.latency.total
    output = np.concatenate(output, axis=2)
    assert (statistics.losses, statistics.reconnects) == (1, 1), statistics
    assert server.restarts == 1
    # `mix` is the delayed dry signal all along, whoever plays it; the first 5 ms of a fade apart.
    delayed = dry[:, : output.shape[2] - latency]
    assert np.abs(output[0][:, latency:] - delayed).max() < 0.02
    assert np.abs(np.diff(output, axis=2)).max() < 0.03
    assert np.abs(output[1, :, -2000:]).max() > 0.2


def test_an_embedded_server_that_hangs_is_replaced_and_found_again():
    dry = tone(44100 * 12)
    with (
        EmbeddedServer(**MODEL, profile="live") as server,
        connect_live(server.endpoint, max_block_frames=BLOCK, **MODEL) as live,
    ):
        start, stopped, before = time.monotonic(), 0, live.statistics
        for at in range(0, dry.shape[1] - BLOCK, BLOCK):
            time.sleep(max(0.0, start + at / 44100 - time.monotonic()))
            live.process(dry[:, at : at + BLOCK])
            if not stopped and at > 44100:
                stopped, before = server.pid, live.statistics
                os.kill(stopped, signal.SIGSTOP)
            found_again = live.statistics.reconnects > before.reconnects
            if stopped and found_again and live.statistics.state == "live":
                break
        statistics = live.statistics
        assert statistics.losses - before.losses == statistics.reconnects - before.reconnects == 1
        deadline = time.monotonic() + 10
        while not server.restarts and time.monotonic() < deadline:
            time.sleep(0.02)  # it is told by a line of its own, which the first stems may overtake
        assert (server.restarts, server.pid == stopped) == (1, False)


def fake_program(tmp_path, body):
    program = tmp_path / "serve.py"
    program.write_text(body)
    return [sys.executable, str(program)]


def test_a_server_that_dies_at_start_is_told_with_the_end_of_its_log(tmp_path):
    body = "import sys; print('no weights here', file=sys.stderr); sys.exit(3)"
    with pytest.raises(EmbeddedServerFailed, match=r"(?s)code 3.*no weights here"):
        EmbeddedServer(command=fake_program(tmp_path, body))


def test_a_server_that_never_gets_ready_is_given_up_and_stopped(tmp_path):
    body = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    body += "time.sleep(60)"
    with pytest.raises(EmbeddedServerFailed, match="not ready within 1"):
        EmbeddedServer(command=fake_program(tmp_path, body), start_timeout_s=1.5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_server_that_talks_nonsense_is_refused(tmp_path):
    with pytest.raises(EmbeddedServerFailed, match="did not start"):
        EmbeddedServer(command=fake_program(tmp_path, "print('hello'); input()"))


def test_the_directory_is_private_and_goes_with_the_server():
    with EmbeddedServer(**MODEL) as server:
        directory = Path(server.endpoint.removeprefix("ipc://")).parent
        assert directory.stat().st_mode & 0o777 == 0o700
        pid = server.pid
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    server.close()


def test_a_killed_script_takes_its_server_with_it():
    code = (
        "import plugin_bridge, time; s = plugin_bridge.EmbeddedServer(model='fixed-gains');"
        "print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as script:
        pid = int(script.stdout.readline())
        script.kill()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the server outlived the script that started it")
