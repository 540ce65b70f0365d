"""Small U-Nets and streams for the streaming laws, and the window re-run that they are held to."""

import numpy as np
import torch

from dsp.networks.packing import pack_unet
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet import unet_mask
from dsp.networks.unet_shape import GUESSED_FRAMES
from dsp.networks.unet_weights import untrained_weights

torch.set_num_threads(1)  # as the engine runs; threads only get in each other's way here

BINS = 64
WIDTHS = (2, 3, 4, 5, 6, 7)
WINDOW_COLUMNS = 320  # a multiple of 64: the newest frame is in every level's last column

NEWEST = -1 - GUESSED_FRAMES  # the newest real frame's place in a window

TINY = untrained_weights(WIDTHS, seed=5)
TINY_PACKED = pack_unet(TINY, BINS)


def magnitudes(hops, seed=0, bins=BINS):
    """Falling spectra of random level, [hop, channel, bin]."""
    noise = np.abs(np.random.default_rng(seed).standard_normal((hops, 2, bins)))
    return (noise * np.linspace(3.0, 0.1, bins)).astype(np.float32)


def window_of(stream, hop_index, hops_per_column=2, columns=WINDOW_COLUMNS):
    """The frames of the column grid that ends at a hop, silence before: [column, channel, bin].

    The newest is there again for as many frames as a stream guesses.
    """
    window = np.zeros((columns, *stream.shape[1:]), np.float32)
    seen = stream[hop_index::-hops_per_column][: columns - GUESSED_FRAMES]
    window[columns - GUESSED_FRAMES - len(seen) :][: len(seen)] = seen[::-1]
    window[-GUESSED_FRAMES:] = seen[0]
    return window


def rerun(weights, stream, hop_index, hops_per_column=2):
    """Run the offline network over the window and take its newest mask: [channel, bin]."""
    window = window_of(stream, hop_index, hops_per_column)
    batch = torch.from_numpy(window).transpose(0, 1)[None]
    return unet_mask(weights, batch)[0, :, NEWEST].numpy()


def tiny_stream(hops_per_column=2, deep_period=1, deep_hops=1):
    return StreamingUNet(TINY_PACKED, HopGrid(hops_per_column, deep_period, deep_hops))


def push_all(unet, stream):
    return np.stack([unet.push(frame) for frame in stream])
