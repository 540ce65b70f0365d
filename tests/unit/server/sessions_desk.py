"""A server's I/O side without sockets or threads: a clock that is set, answers that are kept."""

from types import SimpleNamespace

import structlog

from dsp.separator import Lane
from protocol import (
    MAJOR,
    MINOR,
    Hello,
    Latency,
    Limits,
    Open,
    Opened,
    Welcome,
    decode,
    encode,
)
from server.config import build
from server.lanes.admission import Admission
from server.lanes.hop_costs import HopCosts
from server.monitoring.log import RateLimit
from server.monitoring.metrics import Metrics
from server.sessions.opening import Opening
from server.sessions.peers import PeerTable
from server.sessions.replies import Replies
from server.sessions.sessions import Sessions
from server.sessions.stream_requests import StreamRequests
from server.sessions.traffic import Traffic
from server.transport.outbound import Outbound, SendResult

A, B = b"a", b"b"
CREDIT_FRAMES = 1000


class Opener:
    """Keeps what was asked for; the test says when and how it ends."""

    def __init__(self):
        self.asked = []

    def open(self, request, _counters, on_opened, on_failed):
        self.asked.append((request, on_opened, on_failed))

    def switch(self, _opened, request, on_loaded, on_failed):
        self.asked.append((request, on_loaded, on_failed))

    def succeed(self):
        request, on_opened, _ = self.asked.pop(0)
        on_opened(opening(request))

    def fail(self, error):
        self.asked.pop(0)[2](error)


def opening(request):
    credit = CREDIT_FRAMES if request.freewheel else 0
    opened = Opened(request.stream, "model", "live", ("vocals",), Latency(1, 1, 0, 0), 1, credit, 8)
    worker = SimpleNamespace(stream=request.stream, hop_frames=512, next_hop_end=0)
    return Opening(opened, worker, Lane.REALTIME, 0.02, 500, 600)


class Desk:
    """A server's I/O side whose clock, wire, opener and engine are the test's."""

    def __init__(self, **limits):
        self.now = 100.0
        self.wire = []
        self.gone = set()
        self.woken = []
        self.opener = Opener()
        self.metrics = Metrics()
        self.log = structlog.testing.CapturingLogger()
        config = build({"endpoint": "tcp://127.0.0.1:*", "peer_timeout_s": 10.0})
        bounds = Limits(**({"maximum_streams": 4, "maximum_streams_per_peer": 2} | limits))
        self.table = PeerTable(bounds, 2)
        outbound = Outbound(self.offer)
        replies = Replies(outbound, self.metrics, self.log, RateLimit(1.0, lambda: self.now))
        self.costs = costs = HopCosts(lambda: self.now)
        self.admission = Admission(0.9, costs)
        streams = StreamRequests(
            table=self.table,
            limits=bounds,
            opener=self.opener,
            engine=SimpleNamespace(wake=self.woken.append),
            replies=replies,
            metrics=self.metrics,
            log=self.log,
            clock=lambda: self.now,
            run_on_io_thread=lambda job: job(),
            costs=costs,
            admission=self.admission,
        )
        self.sessions = Sessions(
            config=config,
            limits=bounds,
            models=tuple,
            table=self.table,
            streams=streams,
            replies=replies,
            outbound=outbound,
            metrics=self.metrics,
            log=self.log,
            clock=lambda: self.now,
            traffic=Traffic(config.limits, lambda: self.now),
            server_name="desk",
        )

    def offer(self, peer, frames):
        if peer in self.gone:
            return SendResult.GONE
        self.wire.append((peer, decode([bytes(frame) for frame in frames])))
        return SendResult.SENT

    def say(self, peer, message):
        """Send one message; returns the answers it gets at once."""
        before = len(self.wire)
        self.sessions.receive(peer, [bytes(frame) for frame in encode(message)])
        return [answer for _, answer in self.wire[before:]]

    def hello(self, *peers):
        for peer in peers:
            (welcome,) = self.say(peer, Hello(MAJOR, MINOR, "test"))
            assert isinstance(welcome, Welcome)

    def opened(self, peer, number=1, **fields):
        self.say(peer, Open(number, 44_100, 2, 256, **fields))
        self.opener.succeed()
        return self.table.find(peer).streams[number]

    def meter(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"phoenix_stems_{name}", labels)
