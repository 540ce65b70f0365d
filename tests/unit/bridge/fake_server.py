"""A server of known gains and latency, with faults on request; no network of any kind in it.

``FakeServer`` answers messages. ``FakeWire`` stands where a connection would, on a clock that
counts samples; ``SocketServer`` serves the same thing on a real socket.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import zmq

from protocol import (
    Applied,
    Audio,
    Close,
    Closed,
    Error,
    Flush,
    Flushed,
    Hello,
    Latency,
    LatencyTooSmall,
    ModelInfo,
    Open,
    Opened,
    Ping,
    Pong,
    Preroll,
    ProfileInfo,
    Seek,
    Set,
    Stems,
    UnexpectedMessage,
    UnknownModel,
    UnknownStem,
    Welcome,
    decode,
    encode,
)

GAINS = {"vocals": 0.5, "drums": 0.25, "other": 0.25}
HOP, OVERLAP = 128, 64
LATENCY = Latency(hop=HOP, synthesis_overlap=OVERLAP, look_ahead=0, resampler=0)
CREDIT = 4096
PREROLL = 8 * 44100


@dataclass
class FakeStream:
    """Dry audio received, and how far stems have been sent."""

    request: Open
    stems: tuple[str, ...]
    position: int
    audio: list = field(default_factory=list)  # not answered yet, from ``position`` on
    end: int = 0
    answered: int = 0
    sequence: int = 0
    prerolled: list = field(default_factory=list)
    gains_db: dict = field(default_factory=dict)

    def restart(self, position):
        self.position = self.end = self.answered = position
        self.audio = []


class FakeServer:
    """Answers one client at a time; attributes switch its faults on."""

    def __init__(self):
        self.stream = None
        self.greeted = False
        self.redirect = ""
        self.refuse_open = None  # an error instead of opened
        self.is_mute = False  # takes everything, answers pings only
        self.skip_stems = 0  # as many stems messages are left out
        self.latency = LATENCY
        self.minimum_round_trip = 16
        self.log = []

    def handle(self, message):
        """Return the answers to a message."""
        self.log.append(message)
        if isinstance(message, Hello):
            self.greeted = True
            return [WELCOME]
        if not self.greeted or (self.stream is None and not isinstance(message, Ping | Open)):
            return [Error.of(UnexpectedMessage(f"{message.kind} before hello and open"))]
        if self.is_mute and not isinstance(message, Ping | Open):
            return []
        return {
            Ping: lambda ping: [Pong(ping.token)],
            Open: self._open,
            Audio: self._audio,
            Preroll: self._preroll,
            Seek: self._seek,
            Flush: self._flush,
            Set: self._set,
            Close: self._close,
        }[type(message)](message)

    def _open(self, message):
        if self.refuse_open is not None:
            return [Error.of(self.refuse_open, message.stream)]
        if message.model not in {"", "fake", "duo"}:
            return [Error.of(UnknownModel(f"{message.model}: fake allowed"), message.stream)]
        if 0 < message.round_trip_samples < self.minimum_round_trip:
            refusal = LatencyTooSmall(f"{self.minimum_round_trip} or more needed")
            return [Error.of(refusal, message.stream)]
        stems = message.stems or tuple(GAINS)
        if not self.redirect:
            self.stream = FakeStream(message, stems, message.position_samples)
            self.stream.restart(message.position_samples)
        credit = CREDIT if message.freewheel else 0
        return [
            Opened(
                message.stream,
                "fake",
                message.profile,
                stems,
                self.latency,
                self.minimum_round_trip,
                credit,
                PREROLL,
                self.redirect,
            )
        ]

    def _audio(self, message):
        stream = self.stream
        assert message.position_samples == stream.end
        stream.audio.append(message.samples.copy())
        stream.end += message.samples.shape[1]
        return self._stems(stream.end // HOP * HOP - OVERLAP)

    def _flush(self, message):
        return [*self._stems(self.stream.end), Flushed(message.stream, self.stream.end)]

    def _stems(self, until):
        stream = self.stream
        if until <= stream.answered:
            return []
        dry = np.concatenate(stream.audio, axis=1)
        part = dry[:, stream.answered - stream.position : until - stream.position]
        stream.audio, stream.position = [dry[:, until - stream.position :]], until
        gains = [GAINS.get(name, 1.0) for name in stream.stems]
        samples = np.stack([np.float32(gain) * part for gain in gains])
        message = Stems(
            stream.request.stream, stream.sequence, stream.answered, stream.stems, samples
        )
        stream.answered = until
        stream.sequence += 1
        if self.skip_stems:
            self.skip_stems -= 1
            return []
        return [message]

    def _preroll(self, message):
        self.stream.prerolled.append(message)
        if message.last:
            self.stream.restart(message.position_samples + message.samples.shape[1])
        return []

    def _seek(self, message):
        self.stream.restart(message.position_samples)
        return []

    def _set(self, message):
        stream = self.stream
        if set(message.stems or ()) - {*GAINS, "mix"}:
            return [Error.of(UnknownStem("vocals, drums, other, mix allowed"), message.stream)]
        if message.stems is not None:
            stream.stems = message.stems or tuple(GAINS)
        stream.gains_db |= message.gains_db
        return [Applied(message.stream, stream.answered, "fake", stream.stems)]

    def _close(self, message):
        self.stream = None
        return [Closed(message.stream, 0, 0)]


class FakeWire:
    """A connection in memory; what the server says arrives ``delay`` samples later."""

    def __init__(self, world):
        self._world = world
        self._arriving = deque()  # (moment, message), in order
        self.is_open = True
        world.server.greeted = False
        world.server.stream = None
        self._server = world.server

    def try_send(self, message):
        world = self._world
        if world.is_down or self._server is not world.server:
            return False
        if world.loses(message):
            return True
        for answer in self._server.handle(message):
            self._arriving.append((world.now + world.delay(answer), answer))
        return True

    def try_receive(self):
        for index, (moment, message) in enumerate(self._arriving):
            if moment < self._world.now:
                del self._arriving[index]
                return message
        return None

    def close(self):
        self.is_open = False


class World:
    """A clock in samples, a server that may go down and come back, and the network between."""

    def __init__(self, rate=44100):
        self.rate = rate
        self.now = 0  # samples
        self.server = FakeServer()
        self.is_down = False
        self.delay = lambda _message: 0
        self.loses = lambda _message: False
        self.wires = []

    def dial(self, _endpoint):
        self.wires.append(FakeWire(self))
        return self.wires[-1]

    def clock(self):
        return self.now / self.rate

    def crash(self):
        """Kill the server; ``restart`` puts one that knows nothing in its place."""
        self.is_down = True

    def restart(self):
        self.server = FakeServer()
        self.is_down = False


WELCOME = Welcome(
    major=1,
    minor=0,
    server="fake",
    models=(ModelInfo("fake", tuple(GAINS), 44100, (ProfileInfo("live", HOP, OVERLAP, 0, 0),)),),
    default_model="fake",
    minimum_rate_hz=8000,
    maximum_rate_hz=192000,
    maximum_block_frames=8192,
    maximum_payload_bytes=8388608,
    maximum_streams_per_peer=4,
)


class SocketServer:
    """A fake server on a ROUTER socket, in a thread."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.server = FakeServer()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._bound = threading.Event()
        self._thread.start()
        assert self._bound.wait(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join(5)

    def _run(self):
        context = zmq.Context()
        socket = context.socket(zmq.ROUTER)
        socket.bind(self.endpoint)
        self._bound.set()
        while not self._stop.is_set():
            if socket.poll(20):
                identity, *frames = socket.recv_multipart()
                for answer in self.server.handle(decode(frames)):
                    socket.send_multipart([identity, *encode(answer)])
        context.destroy(linger=0)
