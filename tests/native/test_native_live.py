"""The core in real time: fallback, reconnects, a server of its own, and hostile servers."""

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from native_core import (
    CONNECTED,
    FALLBACK,
    INACTIVE,
    MIX,
    MULTI,
    OFF,
    OK,
    REFUSED,
    STARTING,
    VOCALS,
    Plugin,
)
from server_client import ServerProcess, noise, running_server

BLOCK = 512


def tone(frames, rate_hz=44100):
    wave = 0.5 * np.sin(2 * np.pi * 110 * np.arange(frames) / rate_hz)
    return np.stack([wave, wave]).astype(np.float32)


class Paced:
    """Calls the plugin as a sound card would, keeping all it played."""

    def __init__(self, plugin, dry):
        self.plugin, self.dry, self.at, self.start = plugin, dry, 0, time.monotonic()
        self.parts = []

    def step(self):
        time.sleep(max(0.0, self.start + self.at / 44100 - time.monotonic()))
        code, out = self.plugin.process(self.dry[:, self.at : self.at + BLOCK])
        assert code == OK
        self.parts.append(out)
        self.at += BLOCK

    def until(self, condition, seconds):
        last = self.at + seconds * 44100
        while not condition():
            assert self.at < last, (self.plugin.status, self.plugin.why)
            self.step()

    def run(self, seconds):
        for _ in range(int(seconds * 44100 / BLOCK)):
            self.step()

    @property
    def played(self):
        return np.concatenate(self.parts, axis=2)


def kill(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


@pytest.mark.parametrize("kind", [MIX, pytest.param(MULTI, marks=pytest.mark.slow)])
def test_a_killed_server_leaves_dry_sound_without_a_click_and_its_successor_brings_stems_back(
    kind, tmp_path, monkeypatch
):
    dry = tone(44100 * 50)
    with ServerProcess(tmp_path) as first:
        first.wait_ready()
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", first.endpoint)
        with Plugin(kind) as plugin:
            plugin.set(VOCALS, -60)
            plugin.activate(max_block_frames=BLOCK)
            paced = Paced(plugin, dry)
            paced.until(lambda: plugin.status == CONNECTED and paced.at > 44100, 20)
            paced.run(0.5)
            alive = paced.played[-1, 0, -4410:]
            kill(first)
            paced.until(lambda: plugin.status == FALLBACK, 2)
            paced.run(0.3)
            at = paced.at - plugin.latency
            dead = paced.played[:, :, -4410:]
            assert np.abs(dead[-1] - dry[:, at - 4410 : at]).max() < 1e-6
            assert kind == MIX or not dead[0].any()
            # The host plays on meanwhile: after a pause it has seconds to catch up, all late.
            with ServerProcess(tmp_path):
                paced.until(lambda: plugin.status == CONNECTED, 20)
                paced.run(3)
                back = paced.played[-1, 0, -4410:]
                assert plugin.statistics.reconnects == 1
            assert np.abs(alive).max() == pytest.approx(0.25, abs=0.01)
            assert np.abs(back).max() == pytest.approx(0.25, abs=0.01)
            assert np.abs(np.diff(paced.played, axis=2)).max() < 0.03


def test_it_starts_one_server_for_all_instances_which_ends_by_itself(tmp_path, monkeypatch):
    starts = tmp_path / "starts"
    script = tmp_path / "program"
    real = Path(sys.executable).with_name("phoenix-stems")
    script.write_text(
        f'#!/bin/sh\necho $$ >>{starts}\nexec {real} "$@" --idle-exit-s 1 --peer-timeout-s 1 '
        "--model fixed-gains\n"
    )
    script.chmod(0o755)
    monkeypatch.delenv("PHOENIX_STEMS_ENDPOINT", raising=False)
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", str(script))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    plugins = [Plugin() for _ in range(4)]
    for plugin in plugins:
        assert plugin.activate()
    deadline = time.monotonic() + 60
    seen = set()
    while {plugin.status for plugin in plugins} != {CONNECTED}:
        seen |= {plugin.status for plugin in plugins}
        assert time.monotonic() < deadline, [plugin.why for plugin in plugins]
        time.sleep(0.05)
    assert seen <= {STARTING, CONNECTED}
    for plugin in plugins:
        plugin.core.stems_plugin_destroy(plugin.handle)
    pids = starts.read_text().split()
    assert len(pids) == 1
    while Path(f"/proc/{pids[0]}").exists():
        assert time.monotonic() < deadline, "the server does not end by itself"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo no such model >&2; exit 3", "no such model"), (None, "cannot be run")],
)
def test_a_server_that_does_not_start_is_told_with_its_last_words(
    script, words, tmp_path, monkeypatch
):
    program = tmp_path / "program"
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.delenv("PHOENIX_STEMS_ENDPOINT", raising=False)
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", str(program))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with Plugin() as plugin:
        plugin.activate()
        wait_for(lambda: plugin.status == REFUSED, plugin)
        assert words in plugin.why


def wait_for(condition, plugin, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (plugin.status, plugin.why)
        time.sleep(0.01)


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER"
GARBAGE = {
    "noise": bytes(np.random.default_rng(7).integers(0, 256, 100_000, np.uint8)),
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "silence": b"",
    "short": GREETING[:30],
    "old": GREETING.replace(b"\x03\x00NULL", b"\x01\x00NULL"),
    "curve": GREETING[:12] + b"CURVE" + GREETING[17:],
    "no_handshake": GREETING + b"\x00\x05hello",
    "endless_frame": GREETING + READY + b"\x02" + b"\x7f" + b"\xff" * 7 + b"x" * 1000,
    "error_command": GREETING + b"\x04\x0a\x05ERROR\x03bad",
    "many_frames": GREETING + READY + b"\x01\x01a\x01\x01b\x01\x01c",
    "no_map": GREETING + READY + b"\x00\x01\x93",
    "stems_too_early": GREETING + READY + b"\x00\x0d\x81\xa4type\xa5stems",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_whatever_a_fake_server_sends_the_host_lives_and_hears_dry(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/fake.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{tmp_path}/fake.sock")
    listener.listen(8)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            try:
                peer, _ = listener.accept()
                peer.sendall(GARBAGE[name])
                peer.settimeout(0.2)
                while peer.recv(4096) and not stop.is_set():
                    pass
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        dry = noise(44100)
        with Plugin() as plugin:
            plugin.activate()
            out = plugin.play(dry, [256], offline=False)
            latency = plugin.latency
            start = latency + 300
            assert np.abs(out[0][:, start:] - dry[:, 300 : 44100 - latency]).max() < 1e-6
            wait_for(lambda: plugin.status in {FALLBACK, REFUSED}, plugin)
            assert plugin.why
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://8.8.8.8:80", "ipc://relative", "tcp://127.0.0.1:99999", "nonsense", "ipc:///"],
)
def test_an_endpoint_that_is_not_local_is_never_dialled(endpoint, monkeypatch):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", endpoint)
    with Plugin() as plugin:
        plugin.activate()
        wait_for(lambda: plugin.status != STARTING, plugin)
        assert plugin.status == FALLBACK


def counts():
    return [len(list(Path("/proc/self", what).iterdir())) for what in ("fd", "task")]


def test_activations_leave_nothing_behind(tmp_path, monkeypatch):
    with running_server(tmp_path) as server:
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        with Plugin() as plugin:
            plugin.activate()
            wait_for(lambda: plugin.status == CONNECTED, plugin)
            plugin.deactivate()
            before = counts()
            for i in range(60):
                plugin.activate(max_block_frames=64)
                if i % 10 == 0:
                    wait_for(lambda: plugin.status == CONNECTED, plugin)
                plugin.deactivate()
            assert plugin.status == OFF
            assert plugin.process(noise(64))[0] == INACTIVE
        deadline = time.monotonic() + 10
        while counts() > before:  # the server's side of the sockets is in this process too
            assert time.monotonic() < deadline, (counts(), before)
            time.sleep(0.05)


def test_without_descriptors_the_host_lives_and_finds_the_server_later(tmp_path, monkeypatch):
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        with Plugin() as plugin:
            taken = []
            try:
                while True:
                    taken.append(os.dup(0))
            except OSError:
                pass
            try:
                assert plugin.activate()
                wait_for(lambda: plugin.status == FALLBACK, plugin)
                assert plugin.process(noise(256))[0] == OK
                assert "open files" in plugin.why
            finally:
                for handle in taken:
                    os.close(handle)
            wait_for(lambda: plugin.status == CONNECTED, plugin)
