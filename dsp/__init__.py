"""Signal processing of phoenix-stems; knows no socket and no clock.

A ``StreamPipeline`` turns one stream's dry blocks into aligned stems: it keeps the rolling context,
resamples to the model's rate and back, drives a ``Separator`` hop by hop and mixes what comes out.
The parts it is made of (context, STFT, overlap-add, reblocking, resampling, mixing) stand on their
own. Models live in ``dsp.networks``.
"""

from dsp.context import RollingContext
from dsp.errors import (
    DspError,
    SeparatorError,
    SignalError,
    UnknownModelError,
    UnknownProfileError,
    WeightsCorruptError,
    WeightsMissingError,
)
from dsp.latency import AlgorithmicLatency
from dsp.pipeline import StemBlock, StreamCounters, StreamPipeline
from dsp.reblock import Reblocker, SampleFifo
from dsp.resample import RateRatio, StreamingResampler
from dsp.separator import Lane, Profile, Separator
from dsp.stft import StreamingAnalysis, StreamingSynthesis, WindowPair, asymmetric_windows
from dsp.warm_up import warm_up

__all__ = [
    "AlgorithmicLatency",
    "DspError",
    "Lane",
    "Profile",
    "RateRatio",
    "Reblocker",
    "RollingContext",
    "SampleFifo",
    "Separator",
    "SeparatorError",
    "SignalError",
    "StemBlock",
    "StreamCounters",
    "StreamPipeline",
    "StreamingAnalysis",
    "StreamingResampler",
    "StreamingSynthesis",
    "UnknownModelError",
    "UnknownProfileError",
    "WeightsCorruptError",
    "WeightsMissingError",
    "WindowPair",
    "asymmetric_windows",
    "warm_up",
]
