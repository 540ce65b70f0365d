"""Phoenix with its live streams on a device: in 32 bits there; other profiles are as without."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dsp.errors import DeviceMissingError
from dsp.networks.joined_step import GRID, QUICK_GRID
from dsp.networks.live_network import LIVE, LIVE_FLOAT32, LiveNetwork

if TYPE_CHECKING:
    from dsp.networks.batched_live import LiveBatch
    from dsp.networks.phoenix_model import Phoenix
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.separator import Separator

_ON_DEVICE = {LIVE.name: (LIVE, QUICK_GRID), LIVE_FLOAT32.name: (LIVE_FLOAT32, GRID)}
"""Each with when its deep levels are heard; a pass computes them at every hop anyway."""


def check_device(device: str) -> None:
    """Raise DeviceMissingError where torch finds no such device."""
    import torch  # noqa: PLC0415 -- takes seconds, and only devices need it

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without
        reason = str(error).splitlines()[0]
        raise DeviceMissingError(
            f"device {device!r}: {reason}; install a torch that was built for it, or use cpu"
        ) from error


class DevicePhoenix:
    """The model; each profile's batch is made when a stream first needs it. Thread-safe."""

    def __init__(self, model: Phoenix, device: str, seats: int) -> None:
        self.name, self.stems, self.card = model.name, model.stems, model.card
        self.profiles = model.profiles
        self._model = model
        self._device = device
        self._seats = seats
        self._batches: dict[str, LiveBatch] = {}
        self._lock = threading.Lock()

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are.

        Raises SeatsTakenError when the device has as many streams as it takes.
        """
        if profile_name not in _ON_DEVICE:
            return self._model.separator(profile_name)
        profile, grid = _ON_DEVICE[profile_name]
        return LiveNetwork(self._batch_of(profile_name, grid).step(), profile)

    def _batch_of(self, profile_name: str, grid: HopGrid) -> LiveBatch:
        from dsp.networks.batched_live import LiveBatch  # noqa: PLC0415 -- torch takes seconds
        from dsp.networks.bundled_networks import load_phoenix  # noqa: PLC0415

        with self._lock:
            if profile_name not in self._batches:
                network = load_phoenix(self.card.weights_for("vocals")).to(self._device)
                self._batches[profile_name] = LiveBatch(network, grid, self._seats)
            return self._batches[profile_name]
