"""A server's I/O side and one lane, on a clock that moves only as work is done: no thread, no wait.

Streams cost what the test says; blocks come in real time of that clock. Peers, requests, admission,
inboxes, tasks, the queue of deadlines and the watch for overload are the server's own.
"""

import itertools
from collections import Counter
from types import SimpleNamespace

import numpy as np
import structlog

from dsp.separator import Lane
from protocol import Audio, Error, Latency, Limits, Open, Opened, Stems, StemsError
from server.lanes.admission import Admission, Demand
from server.lanes.hop_costs import HopCosts
from server.lanes.scheduler import DeadlineQueue
from server.monitoring.metrics import Metrics
from server.sessions.opening import Opening
from server.sessions.peers import PeerTable
from server.sessions.stream_requests import StreamRequests

RATE_HZ = 44_100
BLOCK_FRAMES = 256
BLOCKS_PER_HOP = 2
HOP_S = BLOCKS_PER_HOP * BLOCK_FRAMES / RATE_HZ
ROUND_TRIP_S = 768 / RATE_HZ
KIND = ("model", "live")
SILENCE = np.zeros((2, BLOCK_FRAMES), np.float32)


class VirtualServer:
    """``cost_s`` of a hop may change at any time; ``late`` counts late hops by stream number."""

    def __init__(self, cost_s, live_load=0.95, live_threads=1):
        self.now = 1000.0
        self.cost_s = cost_s
        self.metrics = Metrics()
        self.late, self.stems, self.told = Counter(), Counter(), {}
        self._queue = DeadlineQueue()
        self.costs = HopCosts(lambda: self.now)
        self.costs.start(KIND, [cost_s])
        self.admission = Admission(live_load, self.costs, live_threads)
        limits = Limits()
        self.table = PeerTable(limits, 64)
        self._requests = StreamRequests(
            table=self.table,
            limits=limits,
            opener=SimpleNamespace(open=self._open),
            engine=SimpleNamespace(wake=self._wake),
            replies=SimpleNamespace(
                send=self._take, send_stems=self._take_stems, send_error=self._take_error
            ),
            metrics=self.metrics,
            log=structlog.testing.CapturingLogger(),
            clock=lambda: self.now,
            run_on_io_thread=lambda job: job(),
            costs=self.costs,
            admission=self.admission,
        )
        self.peer = self.table.add(b"peer", self.now)
        self._next_block = {}
        self._sequence = Counter()

    def open(self, number, phase=0.0):
        """Ask for a stream whose blocks come at this phase of a block; returns what is answered."""
        self.told.pop(number, None)
        self.peer.last_heard = self.now
        self._requests.open(self.peer, Open(number, RATE_HZ, 2, BLOCK_FRAMES))
        if isinstance(self.told[number], Opened):
            self._next_block[number] = self.now + phase * BLOCK_FRAMES / RATE_HZ
        return self.told[number]

    def live_thread(self, number):
        """Return which of the realtime lane's threads has the stream."""
        return self.peer.streams[number].opened_task.live_thread

    def run(self, seconds):
        """Let blocks come and the lane work."""
        end = self.now + seconds
        while self.now < end:
            self._deliver_due_blocks()
            task = self._queue.pop(self.now)
            if task is None:
                self.now = min([end, *self._next_block.values()])
                continue
            before = task._late_blocks._value.get()
            task.step()
            self.late[task._worker.stream] += task._late_blocks._value.get() - before
            self._wake(task)

    def _deliver_due_blocks(self):
        """Hand in what has come while the lane was busy, at the moments when it came."""
        now = self.now
        while self._next_block:
            number, due = min(self._next_block.items(), key=lambda item: item[1])
            if due > now:
                break
            self.now = due
            self._send_block(number)
        self.now = now

    def _send_block(self, number):
        self._next_block[number] += BLOCK_FRAMES / RATE_HZ
        sequence = self._sequence[number]
        self._sequence[number] += 1
        self.peer.last_heard = self.now
        try:
            block = Audio(number, sequence, sequence * BLOCK_FRAMES, SILENCE)
            self._requests.audio(self.peer, block)
        except StemsError:
            del self._next_block[number]  # the stream is gone

    def _wake(self, task):
        deadline = task.next_deadline()
        if deadline is not None:
            self._queue.put(task, deadline, task.rank)

    def _open(self, request, _counters, on_opened, on_failed):
        demand = Demand(KIND, Lane.REALTIME, HOP_S, ROUND_TRIP_S)
        try:
            self.admission.check(demand)
        except StemsError as error:
            on_failed(error)
            return
        latency = Latency(512, 512, 0, 0)
        opened = Opened(request.stream, "model", "live", ("vocals",), latency, 1, 0, 8)
        worker = _Worker(self, request.stream)
        on_opened(Opening(opened, worker, Lane.REALTIME, ROUND_TRIP_S, 2048, 90_000, demand))

    def _take(self, _identity, message):
        self.told[message.stream] = message

    def _take_stems(self, _stream, stems):
        self.stems[stems.stream] += 1

    def _take_error(self, _identity, error, stream=None):
        self.told[stream] = Error.of(error, stream)


class _Worker:
    """Computes for as long as the server's hops cost at that moment."""

    hop_frames = BLOCKS_PER_HOP * BLOCK_FRAMES
    has_ready_hop = False
    next_hop_end = 0

    def __init__(self, server, number):
        self.stream = number
        self._server = server
        self._blocks = itertools.count(1)

    def answer(self, block):
        if next(self._blocks) % BLOCKS_PER_HOP:
            return []
        self._server.now += self._server.cost_s
        samples = np.zeros((1, 2, self.hop_frames), np.float32)
        return [Stems(self.stream, 0, block.position_samples, ("vocals",), samples)]
