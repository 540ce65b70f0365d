"""Live streams whose network runs on a device: their hops meet in passes of a batch.

Sound becomes spectra, and spectra sound, on the processor, in each stream's own thread; what
threads want filtered at the same time is one pass (`shared_passes`).
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from dsp.errors import SeatsTakenError
from dsp.networks.batched_step import BatchedJoined
from dsp.networks.kept import Kept
from dsp.networks.live_hop_kernels import Seat, analyse_hop, synthesise_hop
from dsp.networks.live_network import SPECTRUM_BINS
from dsp.networks.phoenix_shape import CHANNELS
from dsp.networks.shared_passes import SharedPasses
from dsp.networks.sound_kernels import hop_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsp.networks.joined_network import JoinedNetwork
    from dsp.networks.live_hop_kernels import Live, Play
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.separator import FloatArray


class LiveBatch:
    """Seats for so many streams of one network, on the network's device. Thread-safe.

    Raises ValueError for no seat.
    """

    def __init__(self, network: JoinedNetwork, grid: HopGrid, seats: int) -> None:
        self._batch = BatchedJoined(network, grid, seats, SPECTRUM_BINS)
        self._spectra = torch.zeros(2, seats, CHANNELS, SPECTRUM_BINS, dtype=torch.complex64)
        self._free = list(reversed(range(seats)))
        self._passes = SharedPasses(self._filter_all)

    def step(self) -> SeatStep:
        """Return a new stream's step, whose seat is free again once nobody has it any more.

        Raises SeatsTakenError.
        """
        try:
            seat = self._free.pop()
        except IndexError:
            raise SeatsTakenError(
                f"{self._batch.streams} streams on {self._batch.device}: all seats are taken"
            ) from None
        step = SeatStep(self, seat)
        weakref.finalize(step, self._free.append, seat)
        return step

    def reset(self, seat: int, frame: int) -> None:
        """Silence so far in that seat; ``frame`` is the index of its first hop to come."""
        with self._passes.between():
            self._batch.reset(seat, frame)

    def filter(
        self, seat: int, heard: ComplexArray, spectra: ComplexArray, filtered: ComplexArray
    ) -> None:
        """Filter the seat's next frame, ``spectra`` to ``filtered``, [channel 2, bin] each."""
        self._passes.take_part(_Hop(seat, heard, spectra, filtered))

    def _filter_all(self, hops: Sequence[_Hop]) -> None:
        spectra = self._spectra.numpy()
        active = torch.zeros(self._batch.streams, dtype=torch.bool)
        for hop in hops:
            spectra[0, hop.seat], spectra[1, hop.seat] = hop.heard, hop.spectra
            active[hop.seat] = True
        filtered = self._batch.push(self._spectra, active).cpu().numpy()
        for hop in hops:
            hop.filtered[:] = filtered[hop.seat]


class _Hop(NamedTuple):
    seat: int
    heard: ComplexArray
    spectra: ComplexArray
    filtered: ComplexArray


class SeatStep:
    """One stream's seat; implements ``dsp.networks.live_network.Step``."""

    def __init__(self, batch: LiveBatch, seat: int) -> None:
        self._batch = batch
        self._seat = seat
        self.layers = Kept(Seat(seat))
        self.reset()

    @property
    def play(self) -> Play[Seat]:
        """What plays a stream through it."""
        return self._play

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        self._batch.reset(self._seat, frame)

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [hop, channel 2, bin], the first ``frame``."""
        self.reset(frame)
        unheard = np.empty(heard.shape[1:], np.complex64)
        for each in heard:
            self._batch.filter(self._seat, each, each, unheard)

    def _play(self, live: Kept[Live[Seat]], samples: FloatArray, played: FloatArray) -> None:
        kept = live.parts.sound
        filtered = np.empty((CHANNELS, SPECTRUM_BINS), np.complex64)
        for first in range(0, samples.shape[1], hop_of(kept.parts)):
            self._batch.filter(self._seat, *analyse_hop(kept, samples, first), filtered)
            synthesise_hop(kept, filtered, played, first)
