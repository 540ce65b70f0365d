"""One separator behind its resamplers: host samples in, estimated stems at the same positions out.

All grids are anchored to absolute positions: the resamplers' phases and the separator's hops are
those of a stream that has run since position 0, wherever this one began. Host position ``h`` lies
at model position ``h * up / down`` exactly; a chain starts on a hop boundary far enough before its
first sample that no filter's reach is cut off (before position 0 that boundary is negative).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.errors import SeparatorError, SignalError
from dsp.latency import AlgorithmicLatency, algorithmic_latency
from dsp.mixing import to_channels, to_stereo
from dsp.reblock import Reblocker, SampleFifo
from dsp.resample import StreamingResampler
from dsp.separator import Separator

FloatArray = npt.NDArray[np.float32]

_MODEL_CHANNELS = 2


class SeparationChain:
    """Resample, reblock, separate, resample back, align.

    Output is held in a FIFO of [stem, channel, frame] at the host's rate, contiguous from the
    position the chain was started for.
    """

    def __init__(self, separator: Separator, rate_hz: int, channels: int) -> None:
        if channels not in (1, _MODEL_CHANNELS):
            raise SignalError(f"{channels} channels: 1 or {_MODEL_CHANNELS} allowed")
        self.separator = separator
        self._channels = channels
        self._stems = len(separator.stems)
        self._hop = separator.profile.hop_samples
        self._to_model = StreamingResampler(rate_hz, separator.rate_hz, _MODEL_CHANNELS)
        self._to_host = StreamingResampler(
            separator.rate_hz, rate_hz, self._stems * _MODEL_CHANNELS
        )
        self._hops = Reblocker((_MODEL_CHANNELS,), self._hop)
        self._estimates = SampleFifo((self._stems, channels))
        self._surplus = 0
        self.latency: AlgorithmicLatency = algorithmic_latency(
            separator.profile, self._to_model.ratio, self._to_host.ratio
        )

    @property
    def available_frames(self) -> int:
        """Estimates ready to be popped."""
        return len(self._estimates)

    def start(self, history: FloatArray, position_samples: int) -> None:
        """Begin so that the next sample pushed, and the first one popped, is at this position.

        ``history`` [channel, frame]: the dry signal right before it, of any length, also none; the
        state is that of a stream which began with its first sample.
        """
        model_start = self._model_start(position_samples - history.shape[1])
        model = self._resample_history(history, position_samples, model_start)
        rebuilt = self._rebuildable(position_samples, model_start, model.shape[1])
        if rebuilt:
            self.separator.rebuild(model[:, :rebuilt], model_start)
        else:
            self.separator.reset(model_start)
        self._to_host.reset(model_start + rebuilt - self.separator.profile.delay_samples)
        self._surplus = position_samples - self._to_host.output_position
        self._hops.reset()
        self._estimates.clear()
        self._separate(model[:, rebuilt:])

    def push(self, samples: FloatArray) -> None:
        """Take [channel, frame], in order; runs the separator on every hop that becomes full."""
        self._separate(self._to_model.push(to_stereo(samples)))

    def pop(self, frames: int) -> FloatArray:
        """Take the oldest estimates: [stem, channel, frames]."""
        return self._estimates.pop(frames)

    def hops_after(self, position_samples: int) -> int:
        """How many hops would become full if input came up to this position; costs nothing."""
        model_end = self._to_model.ratio.output_end(position_samples)
        return max(0, model_end - self._separated) // self._hop

    def full_hops_end(self, position_samples: int) -> int:
        """Position up to which input is needed for the hops that are full by that position."""
        return self._end_of_hops(self.hops_after(position_samples))

    @property
    def next_hop_end(self) -> int:
        """Position up to which input must come for the next hop to be full."""
        return self._end_of_hops(1)

    def _end_of_hops(self, hops: int) -> int:
        return self._to_model.ratio.input_end(self._separated + hops * self._hop)

    @property
    def _separated(self) -> int:
        """The model's position up to which hops have been full."""
        return self._to_model.output_position - self._hops.held_samples

    def _model_start(self, position: int) -> int:
        """Find the last hop boundary that cuts off no filter's reach before ``position``."""
        ratio, back = self._to_model.ratio, self._to_host.ratio
        earliest = (position - ratio.half_width_samples) * ratio.up // ratio.down
        return (earliest - back.half_width_samples) // self._hop * self._hop

    def _resample_history(self, history: FloatArray, position: int, model_start: int) -> FloatArray:
        """Give the model's input from ``model_start`` on, as far as the history determines it."""
        begin = self._to_model.ratio.input_floor(model_start)
        self._to_model.reset(begin)
        skip = model_start - self._to_model.output_position
        silence = np.zeros((_MODEL_CHANNELS, position - history.shape[1] - begin), np.float32)
        before = self._to_model.push(silence)
        model = np.concatenate([before, self._to_model.push(to_stereo(history))], axis=1)
        return model[:, skip:]

    def _rebuildable(self, position: int, model_start: int, model_samples: int) -> int:
        """How much of the model's input may be rebuilt from, whole hops, rather than pushed.

        What is pushed gives output: it must begin where the first host sample's filter does.
        """
        back = self._to_host.ratio
        first_needed = back.input_floor(position) - back.half_width_samples
        latest = first_needed + self.separator.profile.delay_samples - model_start
        return max(0, min(latest, model_samples) // self._hop * self._hop)

    def _separate(self, model: FloatArray) -> None:
        hops = self._hops.push(model)
        if not hops.shape[1]:
            return
        stems = self.separator.push(hops)
        if not np.isfinite(stems).all():
            raise SeparatorError(
                f"{type(self.separator).__name__} gave samples that are not finite"
            )
        flat = stems.reshape(self._stems * _MODEL_CHANNELS, -1)
        host = self._to_host.push(flat).reshape(self._stems, _MODEL_CHANNELS, -1)
        surplus = min(self._surplus, host.shape[2])
        self._surplus -= surplus
        self._estimates.push(to_channels(host[:, :, surplus:], self._channels))
