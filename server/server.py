"""The server put together: who creates what, what starts first, and how it ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dsp.errors import DeviceMissingError
from dsp.networks.device_phoenix import check_device
from dsp.separator import Lane
from protocol import Limits
from server.config import is_encrypted
from server.errors import DeviceUnavailableError
from server.lanes.admission import Admission
from server.lanes.engine import Engine, default_live_threads
from server.lanes.hop_costs import HopCosts
from server.monitoring.http import HealthEndpoint
from server.monitoring.log import RateLimit, make_logger
from server.monitoring.metrics import Metrics
from server.security.gate import Gate
from server.sessions.opening import StreamOpener
from server.sessions.overload import describe_load, note_load
from server.sessions.peers import PeerTable
from server.sessions.replies import Replies
from server.sessions.sessions import Sessions
from server.sessions.stream_requests import StreamRequests
from server.sessions.traffic import Traffic
from server.streams.catalogue import Catalogue
from server.supervision.pulse import Ask, LaneProbe
from server.transport.mailbox import Mailbox
from server.transport.outbound import Outbound
from server.transport.transport import Transport

if TYPE_CHECKING:
    from types import TracebackType

    from server.config import ServerConfig
    from server.sessions.peers import Stream

SERVER_NAME = "phoenix-stems"
_LOG_INTERVAL_S = 1.0  # between two lines about the same kind of refusal
_HOUSEKEEPING_S = 1.0
_DRAIN_POLL_S = 0.002


class Server:
    """A separation server; ``start`` returns when it is ready, ``stop`` when it is gone.

    Raises ``server.errors.StartError`` where it cannot listen, its device is not there or its model
    cannot run.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self.metrics = Metrics()
        self._log = make_logger(config.log)
        self._limits = Limits(
            maximum_streams=config.limits.streams,
            maximum_streams_per_peer=config.limits.streams_per_peer,
        )
        self._catalogue = Catalogue(_checked(config.device))
        live_threads = config.live_threads or default_live_threads()
        self._engine = Engine(live_threads)
        self._costs = HopCosts(time.monotonic)
        self._admission: Admission[Stream] = Admission(
            config.limits.live_load, self._costs, live_threads
        )
        self._opener = StreamOpener(self._catalogue, config, self._costs, self._admission)
        self._mailbox = Mailbox()
        self._transport: Transport | None = None
        self._health: HealthEndpoint | None = None
        self._sessions: Sessions | None = None
        self._is_ready = False
        self._drained = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """The address that clients connect to; a wildcard port has become a number."""
        if self._transport is None:
            raise RuntimeError("the server has not been started")
        return self._transport.endpoint

    @property
    def metrics_url(self) -> str:
        """The address of the HTTP endpoint, or nothing."""
        return "" if self._health is None else self._health.url

    @property
    def idle_s(self) -> float:
        """For how long nobody has been connected; from any thread."""
        return 0.0 if self._sessions is None else self._sessions.idle_s

    def threads(self) -> dict[str, Ask]:
        """Return how to have something called on each thread that live streams need, by name."""
        return {
            "I/O thread": self._mailbox.post,
            **{
                self._admission.thread_name(Lane.REALTIME, number): LaneProbe(
                    self._engine.wake, number
                ).ask
                for number in self._admission.threads(Lane.REALTIME)
            },
        }

    def start(self) -> None:
        """Listen, warm the start model up, then answer."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> bool:
        """Drain, then free everything; False when an inference step would not end in time."""
        self._is_ready = False
        deadline = time.monotonic() + self._config.shutdown_grace_s
        self._drain(self._config.shutdown_grace_s)
        self._opener.stop()
        has_ended = self._engine.stop(max(0.05, deadline - time.monotonic()))
        if self._transport is not None:
            self._transport.stop(timeout_s=1.0)
            self._transport = None
        self._mailbox.close()
        if self._health is not None:
            self._health.stop()
            self._health = None
        return has_ended

    def _start(self) -> None:
        config = self._config
        _limit_torch_threads(config.threads)
        self._transport = Transport(
            config.endpoint,
            config.queues,
            self._limits,
            self._mailbox,
            self._log,
            gate=Gate(Path(config.keys)) if is_encrypted(config) else None,
            metrics=self.metrics,
        )
        if config.metrics:
            self._health = HealthEndpoint(
                config.metrics,
                self.metrics,
                lambda: self._is_ready,
                describe=lambda: describe_load(self.metrics, self._admission),
            )
            self._health.start()
        self._opener.warm_up()
        self._engine.start()
        self._sessions = self._make_sessions(self._transport)
        interval_s = min(_HOUSEKEEPING_S, config.peer_timeout_s / 4)
        self._transport.start(
            self._sessions.receive,
            self._sessions.retry,
            self._keep_house,
            interval_s,
            self._sessions.revoke,
        )
        self._is_ready = True
        self._log.info("ready", endpoint=self.endpoint, model=config.model)

    def _make_sessions(self, transport: Transport) -> Sessions:
        outbound = Outbound(transport.offer)
        replies = Replies(
            outbound, self.metrics, self._log, RateLimit(_LOG_INTERVAL_S, time.monotonic)
        )
        table = PeerTable(self._limits, self._config.limits.peers)
        streams = StreamRequests(
            table=table,
            limits=self._limits,
            opener=self._opener,
            engine=self._engine,
            replies=replies,
            metrics=self.metrics,
            log=self._log,
            clock=time.monotonic,
            run_on_io_thread=self._mailbox.post,
            costs=self._costs,
            admission=self._admission,
        )
        return Sessions(
            config=self._config,
            limits=self._limits,
            models=self._catalogue.infos,
            table=table,
            streams=streams,
            replies=replies,
            outbound=outbound,
            metrics=self.metrics,
            log=self._log,
            clock=time.monotonic,
            traffic=Traffic(self._config.limits, time.monotonic),
            server_name=f"{SERVER_NAME}/{version('phoenix-stems')}",
        )

    def _keep_house(self) -> None:
        """Now and then, on the I/O thread: forget silent peers, fill gauges, notice the end."""
        sessions = self._sessions
        if sessions is None:
            return
        sessions.expire()
        note_load(self.metrics, self._admission, self._costs)
        loads = self._engine.queued_tasks
        for lane, tasks in loads.items():
            self.metrics.queued_streams.labels(lane=lane.value).set(tasks)
        if sessions.is_draining and not sessions.has_work and not any(loads.values()):
            sessions.say_goodbye()
            self._drained.set()

    def _drain(self, timeout_s: float) -> None:
        """Refuse what is new and wait until what is queued has been answered."""
        if self._sessions is not None:
            self._mailbox.post(self._sessions.drain)
            deadline = time.monotonic() + timeout_s
            while not self._drained.wait(_DRAIN_POLL_S) and time.monotonic() < deadline:
                self._mailbox.post(self._keep_house)
            if not self._drained.is_set():
                self._mailbox.post(self._sessions.say_goodbye)


def _checked(device: str) -> str:
    """Return it if it is there: only another one than the processor takes looking for."""
    if device != "cpu":
        try:
            check_device(device)
        except DeviceMissingError as error:
            raise DeviceUnavailableError(str(error)) from error
    return device


def _limit_torch_threads(threads: int) -> None:
    """Say how many threads torch may use, without importing it: only some profiles need it."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
