"""A hop of the joined network as one kernel: Phoenix asks the U-Net before it filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import njit

from dsp.networks import phoenix_hop_kernels, phoenix_kernels, rocknet_hop_kernels
from dsp.networks.kernel_cache import hop_kernel

if TYPE_CHECKING:
    from dsp.networks.kept import Kept
    from dsp.networks.phoenix_hop_kernels import Head, Trunk
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.rocknet_hop_kernels import UNet
    from dsp.separator import FloatArray


class Joined(NamedTuple):
    """Both trunks and the head; ``features`` and what follows are how they hear of one another.

    The head's features are the trunk's answer, the U-Net's opinion, and what it adds itself.
    """

    trunk: Kept[Trunk]
    unet: Kept[UNet]
    head: Head
    features: FloatArray  # [2 + bin + 2, channel]
    opinion_at: int  # where in these, flat, the U-Net's first value goes
    magnitudes: FloatArray  # [channel 2, bin], what the U-Net hears
    opinion: FloatArray  # [channel 2, bin], its mask


@hop_kernel
def push(
    kept: Kept[Joined], heard: ComplexArray, spectra: ComplexArray, filtered: ComplexArray
) -> None:
    """Filter the next frame, ``spectra`` to ``filtered``, [channel 2, bin] through either window.

    ``kept`` is a `Joined`.
    """
    take_step(kept.parts, heard, spectra, filtered)


@njit(inline="always")
def take_step(
    joined: Joined, heard: ComplexArray, spectra: ComplexArray, filtered: ComplexArray
) -> None:
    """Do so, within a kernel."""
    mask = phoenix_hop_kernels.listen(joined.trunk, heard, joined.features)
    phoenix_kernels.find_magnitudes(heard, joined.magnitudes)
    rocknet_hop_kernels.push(joined.unet, joined.magnitudes, joined.opinion)
    phoenix_kernels.join(joined.opinion, mask, joined.features, joined.opinion_at)
    phoenix_hop_kernels.filter_frame(joined.head, mask, spectra, joined.features, filtered)
