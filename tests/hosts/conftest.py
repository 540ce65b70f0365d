"""Plugins built once, a server with the diagnostic model, and what is right to expect of them."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import plugin_bridge
from plugin_bridge import EmbeddedServer

NATIVE = Path(__file__).parents[2] / "plugin_bridge" / "native"
LV2_HEADER = Path("/usr/include/lv2/core/lv2.h")
BUILD_TIMEOUT_S = 300
# What a fake server says: nothing, noise, another protocol, nearly ours.
BAD_ANSWERS = [b"", b"\xff" * 5000, b"HTTP/1.1 200 OK\r\n\r\n", bytes(64)]


@dataclass(frozen=True)
class Bundles:
    """Where the built plugins are, one folder for each format."""

    folder: Path

    @property
    def lv2(self):
        return self.folder / "lv2" / "phoenix-stems.lv2"

    @property
    def vst3(self):
        return self.folder / "vst3" / "phoenix-stems.vst3"

    @property
    def clap(self):
        return self.folder / "clap" / "phoenix-stems.clap"

    @property
    def libraries(self):
        """The shared library of each format."""
        inner = self.vst3 / "Contents" / "x86_64-linux" / "phoenix-stems.so"
        return {"lv2": self.lv2 / "phoenix-stems.so", "vst3": inner, "clap": self.clap}


def require(*programs):
    """Skip, naming what is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: `make system-packages-hosts` installs them")


def build(folder, *options):
    """Build all plugins into a folder; the compiler's warnings are errors."""
    require("cmake", "gcc")
    if not LV2_HEADER.exists():
        pytest.skip("needs the LV2 headers (Debian package lv2-dev)")
    configure = ["cmake", "-S", NATIVE, "-B", folder, "-DCMAKE_C_FLAGS=-Werror", *options]
    for command in (configure, ["cmake", "--build", folder, "--parallel", "2"]):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return Bundles(folder)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    return build(tmp_path_factory.mktemp("plugin-build"))


@pytest.fixture(scope="session")
def server():
    with EmbeddedServer(model="fixed-gains", profile="live") as server:
        yield server


@pytest.fixture
def served(server, monkeypatch):
    """Every plugin made during the test talks to the server; nothing starts another one."""
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    return server


def noise(seconds, rate_hz, seed=0):
    """Return [channel, frame] of noise that a DAW might send."""
    generator = np.random.default_rng(seed)
    frames = round(seconds * rate_hz)
    return (0.1 * generator.standard_normal((2, frames))).astype(np.float32)


def vocals_of(endpoint, dry, rate_hz, profile="live"):
    """What the server makes the vocals, heard through the Python bridge: [channel, frame]."""
    with plugin_bridge.connect(
        endpoint, rate_hz=rate_hz, profile=profile, stems=["vocals"]
    ) as session:
        return np.concatenate([block["vocals"] for block in session.separate(dry)], axis=1)


def amplitude(decibels):
    return 10.0 ** (decibels / 20.0)


def is_alarm(wet, rate_hz):
    """Whether [channel, frame] begins with half a second of the tone of a render that failed.

    880 Hz at -12 dBFS, a quarter of a second on, a quarter off, from anywhere in a beep.
    """
    beeps = wet[:, : rate_hz // 2]
    power = np.abs(np.fft.rfft(beeps)) ** 2
    around_880_hz = power[:, 420:461].sum() / power.sum()  # half a second: bins are 2 Hz apart
    return around_880_hz > 0.95 and abs(np.abs(beeps).max() - 0.25) < 0.001


def tool_environment(server=None, **more):
    """The environment for a host in a process of its own."""
    chosen = {"PHOENIX_STEMS_SERVE": ""}
    if server is not None:
        chosen["PHOENIX_STEMS_ENDPOINT"] = server.endpoint
    return os.environ | chosen | more


@contextlib.contextmanager
def garbage_server(path, answer):
    """A socket that answers everyone with the same bytes, and hangs up."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_answer_all, args=(listener, answer), daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer_all(listener, answer):
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer, contextlib.suppress(OSError):
            peer.sendall(answer)
