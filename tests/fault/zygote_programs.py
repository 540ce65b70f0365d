"""What the zygote's children run: a server, clients of several manners."""

import contextlib
import io
import random
import resource
import signal
import threading
import time

import numpy as np
import torch
from echo_model import install, stems_of
from server_client import RawClient

from benchmarks.paced import run_paced
from dsp.networks.registry import load_model
from dsp.pipeline import StreamPipeline
from plugin_bridge import connect_live
from protocol import Close, Error, Open, Opened
from server.commands import main
from server.config import build
from server.server import Server

BLOCK = 512
RATE_HZ = 44100
ROUND_TRIP_SAMPLES = RATE_HZ // 2  # generous: what is late by more is not a matter of scheduling


def warm_up():
    """Load every kernel, so that a forked server is ready within a tenth of a second."""
    torch.set_num_threads(1)
    install()
    model = load_model("fixed-gains")
    for rate_hz in (44100, 48000):
        pipeline = StreamPipeline(
            model.separator("live"),
            rate_hz=rate_hz,
            channels=2,
            model_stems=model.stems,
            max_block_frames=BLOCK,
        )
        pipeline.push(0, np.zeros((2, 8192), np.float32))
        pipeline.preroll(0, np.zeros((2, 8192), np.float32))


def server(say, *, endpoint, settings=None, spare_bytes=0):
    """Serve until killed; with ``spare_bytes`` there is only so much memory left."""
    defaults = {
        "endpoint": endpoint,
        "model": "fixed-gains",
        "log.level": "error",
        "metrics": "127.0.0.1:0",
    }
    with Server(build(defaults | (settings or {}))) as running:
        if spare_bytes:
            _leave(spare_bytes)
        say(ready=True, metrics=running.metrics_url)
        threading.Event().wait()


def _leave(spare_bytes):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: SIM115, PTH123
    resource.setrlimit(resource.RLIMIT_AS, (used + spare_bytes, used + spare_bytes))


def restless(say, *, endpoint, seed):
    """Open streams, send audio, change things, close some: whatever it does, it is killed in it."""
    draw = random.Random(seed)  # noqa: S311 -- no secret
    client, audio = RawClient(endpoint), noise(8192, seed)
    positions = {}
    say(connected=True)
    while True:
        step = draw.random()
        number = draw.randrange(3)
        if number not in positions:
            if _is_opened(client, number, freewheel=step < 0.3):
                positions[number] = 0
        elif step < 0.02:
            client.send(Close(number))
            del positions[number]
        else:
            frames = draw.randrange(1, 2048)
            client.audio(audio[:, :frames], positions[number], number)
            positions[number] += frames
        while client.socket.poll(draw.randrange(3)):
            client.socket.recv_multipart()


def _is_opened(client, number, *, freewheel):
    """Open a stream; there may be no room for it. Answers to what was sent before come first."""
    granted = 0 if freewheel else ROUND_TRIP_SAMPLES
    client.send(Open(number, RATE_HZ, 2, 8192, freewheel=freewheel, round_trip_samples=granted))
    while (answer := client.receive()) is not None:
        if isinstance(answer, Opened) or (isinstance(answer, Error) and answer.code == "E210"):
            return isinstance(answer, Opened)
    raise TimeoutError("no answer to open")


def bystander(say, *, endpoint, seconds):
    """Play in real time beside whatever happens; say what was late, and whether it was exact."""
    dry = noise(round(seconds * RATE_HZ), 7)
    with connect_live(
        endpoint,
        max_block_frames=BLOCK,
        round_trip_samples=ROUND_TRIP_SAMPLES,
        model="fixed-gains",
        stems=["vocals", "other"],
    ) as live:
        say(playing=True)
        run = run_paced(live, dry, block_frames=BLOCK, rate_hz=RATE_HZ)
        counted, latency = live.statistics, live.latency.total
    due = stems_of(dry)[[0, 2]][:, :, : run.stems.shape[2] - latency]
    say(
        blocks=counted.blocks,
        late_blocks=counted.late_blocks,
        losses=counted.losses,
        dropped_frames=counted.dropped_frames,
        host_xruns=run.xruns,
        is_exact=bool(np.array_equal(run.stems[:, :, latency:], due)),
    )


def sleeper(say, *, endpoint):
    """Open a live stream, send a little, and fall silent with the connection open."""
    client = RawClient(endpoint)
    client.open(1, max_block_frames=BLOCK, round_trip_samples=ROUND_TRIP_SAMPLES)
    client.audio(noise(BLOCK, 1))
    say(silent=True)
    time.sleep(3600)


def separate(say, *, endpoint, source, output, limit_bytes):
    """Run the command; with ``limit_bytes`` no file can grow further, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit_bytes:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limits[1]))
    words = io.StringIO()
    arguments = [source, "-o", output, "--model", "fixed-gains", "--connect", endpoint]
    with contextlib.redirect_stderr(words):
        code = main(["separate", *arguments])
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)  # what measures coverage writes at the end
    say(code=code, words=words.getvalue()[-2000:])


def noise(frames, seed):
    """Return [channel, frame] of noise that a DAW might send."""
    drawn = np.random.default_rng(seed).standard_normal((2, frames), np.float32)
    return np.float32(0.1) * drawn
