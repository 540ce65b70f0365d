"""Live separation as an ordinary JACK client: stereo in, a pair of outputs per stem and a mix.

Needs the ``jack`` extra (JACK-Client) and a running JACK server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jack
import numpy as np

from plugin_bridge.closeable import Closeable
from plugin_bridge.errors import BridgeError
from plugin_bridge.jack_latency import PortLatency
from plugin_bridge.live import LiveSession
from plugin_bridge.stem_player import MIX

CLIENT_NAME: Final = "phoenix-stems"
_SIDES: Final = ("left", "right")

OpenLive = Callable[[int, int], LiveSession]  # rate in Hz, JACK's block in frames


class JackFailed(BridgeError, RuntimeError):  # noqa: N818 -- see errors.py
    """JACK is not there, or went away."""


@dataclass(frozen=True, slots=True)
class JackStatistics:
    """What JACK did, beside what the session counts."""

    rate_hz: int
    block_frames: int
    xruns: int
    failed_blocks: int  # callbacks that raised; silence was played


class StemsClient(Closeable):
    """A JACK client that runs a live session from its process callback.

    Ports: ``in_left in_right``, ``STEM_left STEM_right`` for each stem, and ``mix_left mix_right``.
    All outputs report the session's latency to JACK. Raises JackFailed when there is no JACK
    server.
    """

    def __init__(self, open_session: OpenLive, *, server_name: str | None = None) -> None:
        """Register with JACK, then open a session for its rate and block; call ``start`` next."""
        self._client = _register(server_name)
        self.xruns = 0
        self.failed_blocks = 0
        self.last_failure = ""
        self.stopped = threading.Event()
        try:
            self.session = open_session(self._client.samplerate, self._client.blocksize)
        except BaseException:
            self._client.close()
            raise
        self._block_frames = self._client.blocksize
        self._input = np.zeros((2, self._block_frames), np.float32)
        self._inputs = [self._client.inports.register(f"in_{side}") for side in _SIDES]
        self._outputs = {stem: self._register_pair(stem) for stem in self.session.stems}
        everything = [port for pair in self._outputs.values() for port in pair]
        self._latency = PortLatency(
            self._client, self._inputs, everything, self.session.latency.total
        )
        self._client.set_process_callback(self._process)
        self._client.set_xrun_callback(self._count_xrun)
        self._client.set_shutdown_callback(self._shut_down)

    @property
    def name(self) -> str:
        """The client's name in JACK, which may have been made unique."""
        return str(self._client.name)

    @property
    def statistics(self) -> JackStatistics:
        """What JACK did so far."""
        return JackStatistics(
            self.session.rate_hz, self._block_frames, self.xruns, self.failed_blocks
        )

    def start(self) -> None:
        """Let audio run."""
        self._client.activate()

    def connect(self, sources: Sequence[str], destinations: Sequence[str]) -> None:
        """Connect two ports to our inputs, and our mix to two ports."""
        for source, port in zip(sources, self._inputs, strict=False):
            self._client.connect(source, port)
        for port, destination in zip(self._outputs[MIX], destinations, strict=False):
            self._client.connect(port, destination)

    def close(self) -> None:
        """Leave JACK and end the session."""
        self._client.close()
        self.session.close()

    def _register_pair(self, stem: str) -> list[Any]:
        return [self._client.outports.register(f"{stem}_{side}") for side in _SIDES]

    def _process(self, frames: int) -> None:
        """Run one block; whatever goes wrong must not end JACK's thread, and is counted."""
        try:
            if frames != self._block_frames:
                self._play_silence(f"JACK changed its block from {self._block_frames} to {frames}")
                return
            for side, port in enumerate(self._inputs):
                self._input[side] = port.get_array()
            stems = self.session.process(self._input)
            for stem, samples in zip(self.session.stems, stems, strict=True):
                for side, port in enumerate(self._outputs[stem]):
                    port.get_array()[:] = samples[side]
        except Exception as error:  # noqa: BLE001 -- see above
            self._play_silence(str(error))

    def _play_silence(self, why: str) -> None:
        self.failed_blocks += 1
        self.last_failure = why
        for pair in self._outputs.values():
            for port in pair:
                port.get_array()[:] = 0

    def _count_xrun(self, _delayed_us: float) -> None:
        self.xruns += 1

    def _shut_down(self, _status: object, reason: str) -> None:
        self.last_failure = f"JACK shut down: {reason}"
        self.stopped.set()


def _register(server_name: str | None) -> Any:
    try:
        return jack.Client(CLIENT_NAME, no_start_server=True, servername=server_name)
    except jack.JackError as error:
        raise JackFailed(
            f"no JACK server to connect to ({error}); start one, for instance with "
            "`jackd -d alsa`, `jackd -d dummy`, or PipeWire's `pw-jack`"
        ) from error
