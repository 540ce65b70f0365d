"""A hop of the joined network as one kernel: Phoenix asks the U-Net before it filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import njit

from dsp.networks import phoenix_hop_kernels, phoenix_kernels, rocknet_hop_kernels
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.phoenix_hop_kernels import NEAR_REACH
from dsp.networks.phoenix_shape import BINS

if TYPE_CHECKING:
    from dsp.networks.kept import Kept
    from dsp.networks.phoenix_hop_kernels import Head, Trunk
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.rocknet_hop_kernels import UNet


class Joined(NamedTuple):
    """Both trunks and the head.

    The head's features are the trunk's answer, the U-Net's opinion, and what it adds itself.
    """

    trunk: Kept[Trunk]
    unet: Kept[UNet]
    head: Head
    answer_width: int  # channels of the features before the U-Net's


@hop_kernel
def push(kept: Kept[Joined], heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
    """Filter the next frame, ``spectra``; both are [channel 2, bin], through either window.

    ``kept`` is a `Joined`.
    """
    return take_step(kept.parts, heard, spectra)


@njit(inline="always")
def take_step(joined: Joined, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
    """Do so, within a kernel."""
    features = phoenix_hop_kernels.empty_features(joined.head)
    mask = phoenix_hop_kernels.listen(joined.trunk, heard, features)
    magnitudes = phoenix_kernels.magnitudes_of(heard, BINS)
    opinion = rocknet_hop_kernels.push(joined.unet, magnitudes)
    first = NEAR_REACH * features.shape[1] + joined.answer_width
    phoenix_kernels.join(opinion, mask, features, first)
    return phoenix_hop_kernels.filter_frame(joined.head, mask, spectra, features)
