"""JACK on its dummy driver, and a tape that plays a signal and records what comes back."""

import contextlib
import os
import subprocess
import threading
import time

import numpy as np
import pytest

jack = pytest.importorskip("jack", reason="needs the jack extra (JACK-Client) and libjack")

SIDES = ("left", "right")
_READY_TIMEOUT_S = 10.0
_CLIENT_TIMEOUT_MS = 10_000


@contextlib.contextmanager
def jack_server(rate_hz, block_frames):
    """Run a JACK server of its own; yields its name.

    With real-time priority where that is allowed, as musicians run it: without, its own clients
    hold its clock up several times a second, and plugins get blocks in bursts.
    Synchronous and patient: each period waits for all clients, so a busy machine makes the clock
    late and takes no period from anybody.
    """
    name = f"stems-hosts-{os.getpid()}"
    command = ["jackd", "-R", "-S", "-t", str(_CLIENT_TIMEOUT_MS), "-n", name]
    command += ["-d", "dummy", "-r", str(rate_hz), "-p", str(block_frames)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            _wait_for(name, daemon)
            yield name
        finally:
            daemon.terminate()


def _wait_for(name, daemon):
    until = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < until and daemon.poll() is None:
        with contextlib.suppress(jack.JackError):
            jack.Client("probe", no_start_server=True, servername=name).close()
            return
        time.sleep(0.1)
    pytest.skip("jackd -d dummy does not start here")


class Tape:
    """Plays [channel, frame] into a host's inputs and records its outputs, period by period.

    Two JACK clients: JACK would take what goes through one client as that client's latency.
    ``recorded[:, n]`` is what came out in the period in which ``played[:, n]`` went in: both begin
    with the same period, by JACK's frame counter, and from then on count what they are given.
    """

    def __init__(self, server_name, played, outputs):
        self._player = jack.Client("player", no_start_server=True, servername=server_name)
        self._recorder = jack.Client("recorder", no_start_server=True, servername=server_name)
        self.played = played
        self.recorded = np.zeros((len(outputs), played.shape[1]), np.float32)
        self.xruns = 0
        self._start_frame = None
        self._starts = {self._player: None, self._recorder: None}
        self._sources = [self._player.outports.register(side) for side in SIDES]
        self._sinks = [self._recorder.inports.register(f"in_{n}") for n in range(len(outputs))]
        self._outputs = outputs
        self._ended = threading.Event()
        self._player.set_process_callback(self._play)
        self._player.set_xrun_callback(self._count_xrun)
        self._recorder.set_process_callback(self._record)

    def start(self, inputs):
        """Connect and roll: ``inputs`` are the host's, the outputs are those of the constructor."""
        self._player.activate()
        self._recorder.activate()
        for source, port in zip(self._sources, inputs, strict=True):
            self._player.connect(source, port)
        for sink, port in zip(self._sinks, self._outputs, strict=True):
            self._recorder.connect(port, sink)
        self._start_frame = self._player.last_frame_time + self._player.samplerate // 2

    def feed(self, side, port):
        """Play to one more host as well."""
        self._player.connect(f"{self._player.name}:{side}", port)

    def wait(self, seconds):
        """Wait until everything is played."""
        assert self._ended.wait(seconds), "the tape did not come to its end"

    @property
    def position(self):
        """The frame behind what has been played."""
        return self._starts[self._player] or 0

    def close(self):
        for client in (self._player, self._recorder):
            client.deactivate()
            client.close()

    def _count_xrun(self, _delay_us):
        self.xruns += 1

    def _play(self, frames):
        start = self._advance(self._player, frames)
        for source, channel in zip(self._sources, self.played, strict=True):
            _copy(channel, start, source.get_array(), frames)

    def _record(self, frames):
        start = self._advance(self._recorder, frames)
        if start is None:
            return
        stop = min(start + frames, self.recorded.shape[1])
        for sink, channel in zip(self._sinks, self.recorded, strict=True):
            if start < stop:
                channel[start:stop] = sink.get_array()[: stop - start]
        if stop == self.recorded.shape[1]:
            self._ended.set()

    def _advance(self, client, frames):
        """Where on the tape this period begins; None before the start."""
        start = self._starts[client]
        if start is None:
            if self._start_frame is None or client.last_frame_time < self._start_frame:
                return None
            start = 0
        self._starts[client] = start + frames
        return start


def _copy(channel, start, target, frames):
    target[:] = 0.0
    if start is not None and start < len(channel):
        part = channel[start : start + frames]
        target[: len(part)] = part
