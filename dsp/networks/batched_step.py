"""The joined network for some streams at once, as a GPU takes it: one pass, always the same.

Shapes, addresses and the order of what is computed never change, so a graph of it, recorded once,
is all that a GPU is asked for at a hop. `JoinedStep` is the same for one stream on a processor.

Reference: CUDA Programming Guide, "CUDA Graphs"; PyTorch documentation, ``torch.cuda.CUDAGraph``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dsp.networks.batched_trunk import BatchedTrunk
from dsp.networks.batched_unet import BatchedUNet
from dsp.networks.phoenix_shape import BINS, CHANNELS

if TYPE_CHECKING:
    from dsp.networks.joined_network import JoinedNetwork
    from dsp.networks.rocknet_grid import HopGrid

_WARM_UPS = 3  # passes before a graph is recorded, so that libraries have made their choices


class BatchedJoined:
    """What ``streams`` streams remember, on the network's device, and the step that moves them on.

    ``bins`` are those of the spectra that are filtered. A GPU's answers differ from a processor's
    by 2e-4 of the loudest bin at most: both add up in 32 bits, in another order. Raises ValueError
    for no stream.
    """

    def __init__(self, network: JoinedNetwork, grid: HopGrid, streams: int, bins: int) -> None:
        if streams < 1:
            raise ValueError(f"{streams} streams in a batch: 1 or more expected")
        self.streams = streams
        self._network, self._unet_ahead = network, grid.deep_period // 2
        self.device = network.unet.mask.bias.device
        with torch.no_grad():
            self._trunk = BatchedTrunk(network.trunk, streams)
            self._unet = BatchedUNet(network.unet.weights, grid, streams)
        self._hops = torch.zeros(streams, dtype=torch.int64, device=self.device)
        self._active = torch.zeros(streams, dtype=torch.bool, device=self.device)
        shape = (2, streams, CHANNELS, bins)
        self._spectra = torch.zeros(shape, dtype=torch.complex64, device=self.device)
        self._filtered = torch.zeros_like(self._spectra[0])
        self._graph = self._recorded() if self.device.type == "cuda" else None
        for stream in range(streams):
            self.reset(stream)

    @torch.no_grad()
    def reset(self, stream: int, hop_index: int = 0) -> None:
        """Silence so far, for one stream; ``hop_index`` is that of its first hop to come."""
        self._trunk.reset(stream)
        self._unet.reset(stream)
        self._hops[stream] = hop_index

    @torch.no_grad()
    def push(self, spectra: Tensor, active: Tensor) -> Tensor:
        """Filter one frame of each active stream: the vocals' spectra [stream, channel 2, bin].

        ``spectra`` [window 2, stream, channel 2, bin] are as heard and as filtered, ``active``
        [stream] says who has a hop. What is returned of the others means nothing, and the next call
        writes over all of it.
        """
        self._spectra.copy_(spectra)
        self._active.copy_(active)
        if self._graph is None:
            self._step()
        else:
            self._graph.replay()
        return self._filtered

    def _step(self) -> None:
        heard, filtering = self._spectra
        magnitudes = heard[..., :BINS].abs()
        answer, logits = self._trunk.listen(magnitudes, self._hops, self._active)
        opinion = self._unet.push(magnitudes, self._hops + self._unet_ahead, self._active)
        filtered = self._network.filter(opinion, answer, logits, filtering[:, :, None])
        self._filtered.copy_(filtered[:, :, 0])
        self._hops.add_(self._active)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        """Record the step, in 32 bits and not tensor cores' 19; `reset` clears what it leaves."""
        aside = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self.device))
        graph = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):
                    self._step()
            torch.cuda.current_stream(self.device).wait_stream(aside)
            # Others' streams may be on the device meanwhile: only this thread must do nothing else.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._step()
        return graph
