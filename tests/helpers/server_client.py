"""A bare DEALER client and a server of its own, for tests that look at single messages."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import zmq

from protocol import (
    MAJOR,
    MINOR,
    Audio,
    Close,
    Closed,
    Flush,
    Flushed,
    Hello,
    Open,
    Opened,
    Stems,
    Welcome,
    decode,
    encode,
)
from server import Server
from server.config import build

TIMEOUT_MS = 10_000


class RawClient:
    """Sends messages or bytes, and waits for answers by kind; knows nothing else."""

    def __init__(self, endpoint, *, hello=True, receive_messages=1000):
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = receive_messages
        self.socket.connect(endpoint)
        self.seen = []
        if hello:
            self.send(Hello(MAJOR, MINOR, "test"))
            self.welcome = self.expect(Welcome)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._context.destroy(linger=0)

    def send(self, message):
        self.socket.send_multipart(encode(message))

    def send_frames(self, *frames):
        self.socket.send_multipart(list(frames))

    def receive(self, timeout_ms=TIMEOUT_MS):
        if not self.socket.poll(timeout_ms):
            return None
        message = decode(self.socket.recv_multipart())
        self.seen.append(message)
        return message

    def expect(self, kind):
        """Return the next message, which must be of this kind."""
        message = self.receive()
        assert isinstance(message, kind), message
        return message

    def ask(self, message, kind):
        self.send(message)
        return self.expect(kind)

    def open(self, stream=1, **fields):
        defaults = {"rate_hz": 44100, "channels": 2, "max_block_frames": 8192}
        return self.ask(Open(stream, **(defaults | fields)), Opened)

    def audio(self, samples, position_samples=0, stream=1, sequence=0):
        self.send(Audio(stream, sequence, position_samples, np.ascontiguousarray(samples)))

    def collect_until(self, kind):
        """Return the stems that come before the next message of this kind, and that message."""
        stems = []
        while not isinstance(message := self.receive(), kind):
            assert isinstance(message, Stems), message
            stems.append(message)
        return stems, message

    def flush(self, stream=1):
        self.send(Flush(stream))
        stems, flushed = self.collect_until(Flushed)
        return stems, flushed

    def close_stream(self, stream=1):
        self.send(Close(stream))
        return self.collect_until(Closed)[1]

    def separate(self, samples, block_frames=256, stream=1, position_samples=0):
        """Send everything on a freewheeling stream, flush, and return [stem, channel, frame]."""
        for sequence, start in enumerate(range(0, samples.shape[1], block_frames)):
            block = samples[:, start : start + block_frames]
            self.audio(block, position_samples + start, stream, sequence)
        return joined(self.flush(stream)[0])


def joined(blocks):
    """Put stems together, checking that they follow each other without a gap."""
    for before, after in itertools.pairwise(blocks):
        end = before.position_samples + before.samples.shape[-1]
        assert after.position_samples == end
        assert after.sequence == before.sequence + 1
    return np.concatenate([block.samples for block in blocks], axis=-1)


def noise(frames, channels=2, seed=0):
    """Return [channel, frame] of noise that a DAW might send."""
    generator = np.random.default_rng(seed)
    return (0.1 * generator.standard_normal((channels, frames))).astype(np.float32)


def expected(samples):
    """Return what the model fixed-gains makes of the dry signal: [stem, channel, frame]."""
    vocals, drums = samples * np.float32(0.5), samples * np.float32(0.25)
    return np.stack([vocals, drums, samples - (vocals + drums)])


@contextlib.contextmanager
def running_server(directory, **settings):
    """Run a server in this process, with the diagnostic model."""
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    defaults = {
        "endpoint": f"ipc://{directory}/server.sock",
        "model": "fixed-gains",
        "log.level": "error",
    }
    with Server(build(defaults | settings)) as server:
        yield server


class ServerProcess:
    """``phoenix-stems serve`` as users run it."""

    def __init__(self, directory, *arguments, environment=None):
        self.endpoint = f"ipc://{directory}/private/server.sock"
        command = [sys.executable, "-c", _MAIN, "serve", "--model", "fixed-gains"]
        self.process = subprocess.Popen(
            [*command, "--bind", self.endpoint, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | (environment or {}),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_ready(self):
        """Return the ready line's content."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def terminate(self):
        """Send SIGTERM; returns the exit code and how many seconds it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        return code, time.monotonic() - started


_MAIN = "import sys; from server.commands import main; sys.exit(main())"
