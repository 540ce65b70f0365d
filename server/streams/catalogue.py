"""The models this server can open, loaded when first asked for, warmed up and timed.

Used by one thread at a time, except ``infos``, which loads nothing. Errors of ``dsp`` become
answers to a peer here: an unknown name says which there are, missing weights say what to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsp.errors import SeatsTakenError, WeightsCorruptError, WeightsMissingError
from dsp.networks.device_phoenix import DevicePhoenix
from dsp.networks.phoenix_model import Phoenix
from dsp.networks.registry import available_models, load_model
from protocol import (
    ModelInfo,
    ModelUnavailable,
    ProfileInfo,
    ServerFull,
    UnknownModel,
    UnknownProfile,
)
from server.streams.warm_up import measure_hops

if TYPE_CHECKING:
    from dsp.networks.registry import Model
    from dsp.separator import Profile, Separator

DEVICE_SEATS = 16  # live streams on a device; a pass takes as long for one of them as for all


class Catalogue:
    """Models by name; on another ``device`` than the processor those that can use it."""

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._descriptions = available_models()
        self._models: dict[str, Model] = {}
        self._hops: dict[tuple[str, str], list[float]] = {}

    def infos(self) -> tuple[ModelInfo, ...]:
        """Return what a client may know about every model."""
        return tuple(
            ModelInfo(
                description.name,
                tuple(description.stems),
                description.rate_hz,
                tuple(_profile_info(profile) for profile in description.profiles.values()),
            )
            for description in self._descriptions
        )

    def model(self, name: str) -> Model:
        """Return the model, loaded; raises UnknownModel or ModelUnavailable."""
        names = [description.name for description in self._descriptions]
        if name not in names:
            raise UnknownModel(f"model {name!r}: {', '.join(names)} allowed")
        if name not in self._models:
            try:
                self._models[name] = self._placed(load_model(name))
            except (WeightsMissingError, WeightsCorruptError) as error:
                raise ModelUnavailable(str(error)) from error
        return self._models[name]

    def separator(self, model: Model, profile: str) -> Separator:
        """Return a new stream's separator; raises ServerFull where a device takes no more."""
        try:
            return model.separator(profile)
        except SeatsTakenError as error:
            raise ServerFull(f"{error}; try again when others have gone") from error

    def profile(self, model: Model, name: str) -> Profile:
        """Return a model's profile; raises UnknownProfile."""
        if name not in model.profiles:
            raise UnknownProfile(f"profile {name!r}: {', '.join(model.profiles)} allowed")
        return model.profiles[name]

    def rate_hz(self, name: str) -> int:
        """Return the rate that a model of that name runs at."""
        return next(item.rate_hz for item in self._descriptions if item.name == name)

    def hop_seconds(self, model: Model, profile: str) -> float:
        """Return what the costliest hop takes on this machine, measured once."""
        return max(self.hops(model, profile))

    def hops(self, model: Model, profile: str) -> list[float]:
        """Return what the hops of a network's pattern take on this machine, measured once."""
        key = (model.name, profile)
        if key not in self._hops:
            self._hops[key] = measure_hops(self.separator(model, profile))
        return self._hops[key]

    def _placed(self, model: Model) -> Model:
        if self._device == "cpu" or not isinstance(model, Phoenix):
            return model
        return DevicePhoenix(model, self._device, DEVICE_SEATS)


def _profile_info(profile: Profile) -> ProfileInfo:
    return ProfileInfo(
        profile.name,
        profile.hop_samples,
        profile.synthesis_overlap_samples,
        profile.look_ahead_samples,
        profile.mask_lag_hops,
    )
