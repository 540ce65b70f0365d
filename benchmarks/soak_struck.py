"""A client that something happens to during a soak, while others must not notice.

``python -m benchmarks.soak_struck FAULT ENDPOINT MODEL SEED`` does for some seconds what ``FAULT``
says, prints ``running`` once it is at it, and ends by itself, unless it is killed or stopped.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import numpy as np
import zmq

from plugin_bridge import LiveSession, connect_live
from plugin_bridge.errors import BridgeError
from protocol import MAJOR, MINOR, Audio, Hello, Open, StemsError, encode

BLOCK_FRAMES = 256
RATE_HZ = 44100
SECONDS = 4.0

Act = Callable[[LiveSession, random.Random], None]


def _nothing(_session: LiveSession, _draws: random.Random) -> None:
    """Just play: this client is killed, or stopped, from outside."""


def _seek(session: LiveSession, draws: random.Random) -> None:
    if draws.random() < 0.01:
        session.seek(draws.randrange(10**7))


def _play(endpoint: str, model: str, draws: random.Random, seconds: float, act: Act) -> None:
    """Play noise in real time, and do something odd now and then."""
    noise = np.random.default_rng(draws.randrange(2**32)).standard_normal((2, BLOCK_FRAMES))
    block = (0.1 * noise).astype(np.float32)
    with connect_live(endpoint, max_block_frames=BLOCK_FRAMES, model=model) as session:
        print("running", flush=True)
        due = time.perf_counter()
        for _ in range(round(seconds * RATE_HZ / BLOCK_FRAMES)):
            act(session, draws)
            session.process(block)
            due = max(due + BLOCK_FRAMES / RATE_HZ, time.perf_counter() - 1)
            time.sleep(max(0.0, due - time.perf_counter()))


def _play_on(endpoint: str, model: str, draws: random.Random) -> None:
    """Play until killed, or for a minute."""
    _play(endpoint, model, draws, 60.0, _nothing)


def _play_a_while(endpoint: str, model: str, draws: random.Random) -> None:
    _play(endpoint, model, draws, SECONDS, _nothing)


def _seek_about(endpoint: str, model: str, draws: random.Random) -> None:
    _play(endpoint, model, draws, SECONDS, _seek)


def _reconnect(endpoint: str, model: str, draws: random.Random) -> None:
    for _ in range(4):
        _play(endpoint, model, draws, SECONDS / 4, _nothing)


def _garbage(endpoint: str, _model: str, draws: random.Random) -> None:
    """Send noise, cut messages, and real ones with a byte changed."""
    real = [bytes(frame) for frame in encode(Audio(1, 0, 0, np.zeros((2, 64), np.float32)))]
    with _dealer(endpoint) as socket:
        print("running", flush=True)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            header = bytearray(real[0])
            header[draws.randrange(len(header))] = draws.randrange(256)
            socket.send_multipart(
                draws.choice(
                    [
                        [bytes(header), real[1]],
                        [draws.randbytes(draws.randrange(200))],
                        [real[0], real[1][: draws.randrange(len(real[1]))]],
                        [b"x"] * draws.randrange(1, 9),
                    ]
                ),
                zmq.DONTWAIT,
            )
            while socket.poll(0):
                socket.recv_multipart()
            time.sleep(0.001)


def _slow(endpoint: str, model: str, _draws: random.Random) -> None:
    """Open a stream, send audio, and never read."""
    with _dealer(endpoint) as socket:
        socket.setsockopt(zmq.RCVHWM, 1)
        silence = np.zeros((2, BLOCK_FRAMES), np.float32)
        for message in (
            Hello(MAJOR, MINOR, "slow"),
            Open(1, RATE_HZ, 2, BLOCK_FRAMES, model, round_trip_samples=768),
        ):
            socket.send_multipart(encode(message))
        time.sleep(0.5)
        print("running", flush=True)
        for index in range(round(SECONDS * RATE_HZ / BLOCK_FRAMES)):
            block = Audio(1, index, index * BLOCK_FRAMES, silence)
            socket.send_multipart(encode(block), zmq.DONTWAIT)
            time.sleep(BLOCK_FRAMES / RATE_HZ)


def _dealer(endpoint: str) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    return socket


FAULTS: dict[str, Callable[[str, str, random.Random], None]] = {
    "killed": _play_on,
    "stopped": _play_a_while,
    "seek": _seek_about,
    "reconnect": _reconnect,
    "garbage": _garbage,
    "slow": _slow,
}


if __name__ == "__main__":
    try:
        FAULTS[sys.argv[1]](sys.argv[2], sys.argv[3], random.Random(int(sys.argv[4])))  # noqa: S311
    except (BridgeError, StemsError, zmq.Again) as error:
        sys.exit(f"{type(error).__name__}: {error}")
