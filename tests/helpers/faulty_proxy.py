"""A way to a server on which messages are lost, doubled and overtaken, by a seed.

Speaks ROUTER to clients and DEALER to the server, a connection of its own for each client, and
touches only messages of the kinds it was given: a handshake goes through.
"""

import random
import threading
from dataclasses import dataclass, field

import zmq

from protocol import StemsError, decode

_TURN_MS = 5


@dataclass(frozen=True)
class Faults:
    """How often what happens to messages of one direction, and to which kinds."""

    kinds: tuple[str, ...]
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0  # the message goes behind the one that follows; never two at a time


@dataclass
class Log:
    """What was done to one direction: the messages, in the order they came."""

    lost: list = field(default_factory=list)
    doubled: list = field(default_factory=list)
    overtaken: list = field(default_factory=list)


class FaultyProxy:
    """Between clients at ``endpoint`` and the server at ``target``; a thread until closed."""

    def __init__(self, endpoint, target, *, to_server, to_client, seed=0):
        self.endpoint = endpoint
        self._target = target
        self._draw = random.Random(seed)  # noqa: S311 -- no secret
        self.to_server, self.to_client = Log(), Log()
        self._ways = {True: (to_server, self.to_server), False: (to_client, self.to_client)}
        self._held = {}  # by way: what waits to be overtaken
        self._stop = threading.Event()
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._bound.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)

    def _run(self):
        context = zmq.Context()
        clients = context.socket(zmq.ROUTER)
        clients.set_hwm(0)
        clients.bind(self.endpoint)
        servers = {}
        poller = zmq.Poller()
        poller.register(clients, zmq.POLLIN)
        self._bound.set()
        while not self._stop.is_set():
            ready = dict(poller.poll(_TURN_MS))
            if clients in ready:
                identity, *frames = clients.recv_multipart()
                if identity not in servers:
                    servers[identity] = self._dial(context)
                    poller.register(servers[identity], zmq.POLLIN)
                self._forward(frames, servers[identity].send_multipart, is_to_server=True)
            for identity, server in servers.items():
                if server in ready:
                    frames = server.recv_multipart()
                    prefix = [identity]
                    self._forward(
                        frames,
                        lambda out, prefix=prefix: clients.send_multipart(prefix + out),
                        is_to_server=False,
                    )
            if not ready:  # nothing follows: what waits to be overtaken need not wait for ever
                self._flush(is_to_server=True)
                self._flush(is_to_server=False)
        context.destroy(linger=0)

    def _dial(self, context):
        server = context.socket(zmq.DEALER)
        server.set_hwm(0)
        server.connect(self._target)
        return server

    def _forward(self, frames, send, *, is_to_server):
        faults, log = self._ways[is_to_server]
        message = _decoded(frames)
        if message is None or message.kind not in faults.kinds:
            self._flush(is_to_server)
            send(frames)
            return
        fate = self._draw.random()
        if fate < faults.loss:
            log.lost.append(message)
        elif fate < faults.loss + faults.reorder and is_to_server not in self._held:
            log.overtaken.append(message)
            self._held[is_to_server] = lambda: send(frames)
            return
        else:
            send(frames)
            if fate > 1 - faults.duplicate:
                log.doubled.append(message)
                send(frames)
        self._flush(is_to_server)

    def _flush(self, is_to_server):
        """Send what has been overtaken now."""
        send = self._held.pop(is_to_server, None)
        if send is not None:
            send()


def _decoded(frames):
    try:
        return decode(frames)
    except StemsError:
        return None
