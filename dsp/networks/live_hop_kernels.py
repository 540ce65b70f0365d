"""All that a live stream does at a hop, from samples to samples, as one kernel for each network.

Or, where the network is on a device, what it does before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from dsp.networks import (
    joined_hop_kernels,
    phoenix_hop_kernels,
    phoenix_kernels,
    rocknet_hop_kernels,
    rocknet_kernels,
)
from dsp.networks.kept import Kept
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.phoenix_shape import BINS
from dsp.networks.sound_kernels import analyse, hear, hop_of, synthesise

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsp.networks.joined_hop_kernels import Joined
    from dsp.networks.phoenix_hop_kernels import Phoenix
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.rocknet_hop_kernels import UNet
    from dsp.networks.sound_kernels import Sound
    from dsp.separator import FloatArray

_Network = TypeVar("_Network")


class Live(NamedTuple, Generic[_Network]):
    """A stream's sound and its network."""

    sound: Kept[Sound]
    network: Kept[_Network]


class Seat(NamedTuple):
    """Where a network is that is no kernel: its number in a batch on a device.

    Here, as Numba's cache of what it has kept imports every type in it: no torch may come with it.
    """

    number: int


if TYPE_CHECKING:
    Play = Callable[[Kept[Live[_Network]], FloatArray, FloatArray], None]
    """From samples [channel 2, n * hop] to what is played, [1, channel 2, n * hop]."""


@hop_kernel
def play_phoenix(kept: Kept[Live[Phoenix]], samples: FloatArray, played: FloatArray) -> None:
    """Play some hops through Phoenix or Cassiopeia."""
    sound, network = kept.parts.sound.parts, kept.parts.network.parts
    for first in range(0, samples.shape[1], hop_of(sound)):
        heard, spectra = analyse(sound, samples, first)
        filtered = phoenix_hop_kernels.take_step(network, heard, spectra)
        synthesise(sound, filtered, played, first)


@hop_kernel
def play_joined(kept: Kept[Live[Joined]], samples: FloatArray, played: FloatArray) -> None:
    """Play some hops through the joined network."""
    sound, network = kept.parts.sound.parts, kept.parts.network.parts
    for first in range(0, samples.shape[1], hop_of(sound)):
        heard, spectra = analyse(sound, samples, first)
        filtered = joined_hop_kernels.take_step(network, heard, spectra)
        synthesise(sound, filtered, played, first)


@hop_kernel
def play_masked(kept: Kept[Live[UNet]], samples: FloatArray, played: FloatArray) -> None:
    """Play some hops through the U-Net's mask."""
    sound, unet = kept.parts.sound.parts, kept.parts.network
    for first in range(0, samples.shape[1], hop_of(sound)):
        heard, spectra = analyse(sound, samples, first)
        mask = rocknet_hop_kernels.push(unet, phoenix_kernels.magnitudes_of(heard, BINS))
        synthesise(sound, rocknet_kernels.masked(mask, spectra), played, first)


@hop_kernel
def analyse_hop(
    kept: Kept[Sound], samples: FloatArray, first: int
) -> tuple[ComplexArray, ComplexArray]:
    """Take in a hop of ``samples`` [channel 2, sample], for a network that is no kernel.

    Returns what is heard of it and what is to be filtered, [channel 2, bin] each.
    """
    return analyse(kept.parts, samples, first)


@hop_kernel
def synthesise_hop(
    kept: Kept[Sound], filtered: ComplexArray, played: FloatArray, first: int
) -> None:
    """Play what that ``filtered``: a hop of ``played`` [1, channel 2, sample]."""
    synthesise(kept.parts, filtered, played, first)


@hop_kernel
def hear_all(kept: Kept[Sound], samples: FloatArray, heard: ComplexArray) -> None:
    """Take ``samples`` [channel 2, n * hop] in: what is heard of each hop, [n, channel 2, bin]."""
    sound = kept.parts
    for index in range(heard.shape[0]):
        heard[index] = hear(sound, samples, index * hop_of(sound))
