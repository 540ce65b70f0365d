"""The JACK client against `jackd -d dummy`: stems arrive aligned at the latency told to JACK."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import numpy as np
import pytest

jack = pytest.importorskip("jack", reason="needs the jack extra (JACK-Client) and libjack")
if shutil.which("jackd") is None:
    pytest.skip("needs jackd (Debian package jackd2)", allow_module_level=True)

from plugin_bridge import EmbeddedServer  # noqa: E402 -- only where JACK is
from plugin_bridge.jack_latency import capture_latency_frames  # noqa: E402

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "phoenix-stems")
GAINS = {"vocals": 0.5, "drums": 0.25, "other": 0.25, "mix": 0.5 * 10**-0.3 + 0.5}
BLOCK = 1024  # this test is about alignment, not about how small a block a busy machine can take


@pytest.fixture(scope="module")
def jack_server():
    name = f"stems-test-{os.getpid()}"
    command = ["jackd", "-r", "-n", name, "-d", "dummy", "-r", "44100", "-p", str(BLOCK)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            yield wait_for_jack(name, daemon)
        finally:
            daemon.terminate()


@pytest.fixture(scope="module")
def served():
    with EmbeddedServer(model="fixed-gains", profile="live") as server:
        yield ("--connect", server.endpoint, "--model", "fixed-gains")


def wait_for_jack(name, daemon):
    for _ in range(100):
        with contextlib.suppress(jack.JackError):
            jack.Client("probe", no_start_server=True, servername=name).close()
            return name
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    pytest.skip("jackd -d dummy does not start here")


@contextlib.contextmanager
def running(server_name, *arguments):
    command = [PROGRAM, "live", "--jack-server", server_name, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def live(server_name, *arguments):
    command = [PROGRAM, "live", "--jack-server", server_name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


class Probe:
    """Two JACK clients, one playing known noise, one recording every stem, on JACK's own clock.

    Two, because JACK takes what goes through one client as that client's latency.
    """

    def __init__(self, server_name, name, seconds=3):
        frames = seconds * 44100 // BLOCK * BLOCK
        self.noise = np.random.default_rng(7).uniform(-0.5, 0.5, frames).astype(np.float32)
        self.recorded = {stem: np.zeros(frames, np.float32) for stem in GAINS}
        self.player = jack.Client("player", no_start_server=True, servername=server_name)
        self.recorder = jack.Client("recorder", no_start_server=True, servername=server_name)
        self.source = self.player.outports.register("source")
        self.sinks = {stem: self.recorder.inports.register(stem) for stem in GAINS}
        self.player.set_process_callback(self.play)
        self.recorder.set_process_callback(self.record)
        self.start = None
        self.is_done = False
        for client in (self.player, self.recorder):
            client.activate()
        self.player.connect(self.source, f"{name}:in_left")
        for stem, port in self.sinks.items():
            self.recorder.connect(f"{name}:{stem}_left", port)
        self.start = self.player.last_frame_time + 10 * BLOCK

    def span(self, client, frames):
        """Return which frames of the noise this cycle is about, if any."""
        first = -1 if self.start is None else client.last_frame_time - self.start
        self.is_done = first >= len(self.noise)
        return slice(first, first + frames) if 0 <= first < len(self.noise) else None

    def play(self, frames):
        span = self.span(self.player, frames)
        self.source.get_array()[:] = 0 if span is None else self.noise[span]

    def record(self, frames):
        span = self.span(self.recorder, frames)
        if span is not None:
            for stem, port in self.sinks.items():
                self.recorded[stem][span] = port.get_array()

    def wait(self):
        while not self.is_done:
            time.sleep(0.1)

    def close(self):
        self.player.close()
        self.recorder.close()


def test_stems_arrive_at_the_latency_reported_to_jack(jack_server, served, tmp_path):
    figures_file = tmp_path / "figures.json"
    arguments = ["--gain", "vocals=-6", "--json", str(figures_file)]
    with running(jack_server, *served, *arguments) as process:
        name = process.stdout.readline().split(":")[0]
        assert name, process.stderr.read()
        probe = Probe(jack_server, name)
        probe.wait()
        ports = {stem: probe.recorder.get_port_by_name(f"{name}:{stem}_left") for stem in GAINS}
        reported = {capture_latency_frames(port) for port in ports.values()}
        probe.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    figures = json.loads(figures_file.read_text())
    total = figures["latency_samples"]["total"]
    assert reported == {total}
    assert figures["latency_samples"]["block_adaptation"] == BLOCK
    for stem, gain in GAINS.items():
        assert aligned_lag(probe, stem, gain, total) == total


def aligned_lag(probe, stem, gain, total):
    """Return the lag at which the recorded stem is the noise times its gain, sample for sample."""
    middle = slice(44100, 88200)
    for lag in range(total - BLOCK, total + BLOCK + 1):
        delayed = gain * probe.noise[middle.start - lag : middle.stop - lag]
        if np.allclose(probe.recorded[stem][middle][:100], delayed[:100], atol=1e-3):
            late = np.abs(probe.recorded[stem][middle] - delayed) > 1e-3
            assert late.mean() < 0.5, "mostly fallback: the machine is too busy"
            return lag
    return None


def test_seconds_and_figures(jack_server, served, tmp_path):
    file = tmp_path / "f.json"
    done = live(jack_server, *served, "--seconds", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_text())
    assert figures["live"]["blocks"] > 10
    assert figures["jack"]["failed_blocks"] == 0
    assert "latency" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--gain", "kazoo=1"], "vocals, drums, other allowed"), (["--mute", "kazoo"], "allowed")],
)
def test_an_unknown_stem_is_refused(jack_server, served, arguments, told):
    done = live(jack_server, *served, *arguments)
    assert done.returncode == 1
    assert told in done.stderr


def test_no_jack_server_is_told():
    done = live("nobody", "--connect", "ipc:///nowhere")
    assert done.returncode == 1
    assert "no JACK server" in done.stderr
