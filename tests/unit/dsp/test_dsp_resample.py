"""The resampler: exact latency, exact alignment, any partition, and clean in band and out of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.resample import RateRatio, StreamingResampler, warm_up

MODEL_HZ = 44_100
HOST_RATES = [8000, 22_050, 44_056, 47_999, 48_000, 88_200, 96_000, 176_400, 192_000]
BOTH_WAYS = [(rate, MODEL_HZ) for rate in HOST_RATES] + [(MODEL_HZ, rate) for rate in HOST_RATES]
rates = st.one_of(st.sampled_from(HOST_RATES), st.integers(8000, 192_000))


def noise(frames: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((channels, frames)).astype(np.float32)


def sine(rate_hz: int, frequency_hz: float, frames: int, start: int = 0) -> np.ndarray:
    time = (start + np.arange(frames)) / rate_hz
    return np.sin(2 * np.pi * frequency_hz * time)[None].astype(np.float32)


def whole(signal: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    resampler = StreamingResampler(rate_in, rate_out, signal.shape[0])
    return np.concatenate([resampler.push(signal), resampler.flush()], axis=1)


def level_db(signal: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(signal, dtype=np.float64))) + 1e-12))


@given(rate_in=rates, rate_out=rates, blocks=st.lists(st.integers(0, 700), max_size=12))
@settings(deadline=None, max_examples=40)
def test_streaming_equals_offline_bit_for_bit(rate_in, rate_out, blocks) -> None:
    signal = noise(sum(blocks))
    resampler = StreamingResampler(rate_in, rate_out, 2)
    ends = np.cumsum([0, *blocks])
    parts = [resampler.push(signal[:, a:b]) for a, b in itertools.pairwise(ends)]
    parts.append(resampler.flush())
    assert np.array_equal(np.concatenate(parts, axis=1), whole(signal, rate_in, rate_out))


@pytest.mark.parametrize(("rate_in", "rate_out"), BOTH_WAYS)
def test_reported_latency_is_measured_latency_for_every_output(rate_in, rate_out) -> None:
    resampler = StreamingResampler(rate_in, rate_out, 1)
    out = 0
    for pushed in range(1, 1200):
        frames = resampler.push(np.zeros((1, 1), np.float32)).shape[1]
        for index in range(out, out + frames):
            moment = index * rate_in // rate_out
            assert pushed == moment + 1 + resampler.latency_samples
        out += frames
    assert out > 0


@given(rate_in=rates, rate_out=rates, output_end=st.integers(-(10**9), 10**9))
def test_as_much_input_as_is_said_determines_the_output_and_no_sample_less_does(
    rate_in, rate_out, output_end
) -> None:
    ratio = RateRatio.between(rate_in, rate_out)
    needed = ratio.input_end(output_end)
    assert ratio.output_end(needed) >= output_end > ratio.output_end(needed - 1)


@pytest.mark.parametrize(("rate_in", "rate_out"), BOTH_WAYS)
def test_output_lies_at_its_own_time(rate_in, rate_out) -> None:
    again = whole(sine(rate_in, 1000.0, rate_in // 4), rate_in, rate_out)
    expected = sine(rate_out, 1000.0, again.shape[1])
    middle = slice(rate_out // 16, -rate_out // 16)
    assert np.abs(again - expected)[:, middle].max() < 2e-5


@pytest.mark.parametrize(("rate_in", "rate_out"), BOTH_WAYS)
def test_flush_gives_every_output_before_the_end(rate_in, rate_out) -> None:
    for frames in (0, 1, 2, 17, 500):
        again = whole(noise(frames), rate_in, rate_out)
        assert again.shape[1] == -(-frames * rate_out // rate_in)


@pytest.mark.parametrize(("rate_in", "rate_out"), BOTH_WAYS)
def test_the_pass_band_is_flat(rate_in, rate_out) -> None:
    edge_hz = 0.9 * min(rate_in, rate_out) / 2
    for share in (0.01, 0.3, 0.7, 1.0):
        again = whole(sine(rate_in, share * edge_hz, rate_in // 2), rate_in, rate_out)
        clean = sine(rate_out, share * edge_hz, again.shape[1])
        middle = slice(rate_out // 8, -rate_out // 8)
        assert level_db((again - clean)[:, middle]) < -95.0


@pytest.mark.parametrize("rate_in", [48_000, 88_200, 96_000, 192_000])
def test_nothing_above_the_stop_band_edge_folds_back(rate_in) -> None:
    edge_hz = 24_000.0 if rate_in > 48_000 else 23_999.0
    again = whole(sine(rate_in, edge_hz, rate_in // 2), rate_in, MODEL_HZ)
    assert level_db(again[:, 4410:-4410]) < -100.0


@pytest.mark.parametrize("rate_out", [48_000, 88_200, 96_000, 192_000])
def test_no_image_of_the_pass_band_is_left(rate_out) -> None:
    again = whole(sine(MODEL_HZ, 15_000.0, MODEL_HZ // 2), MODEL_HZ, rate_out)
    clean = sine(rate_out, 15_000.0, again.shape[1])
    middle = slice(rate_out // 8, -rate_out // 8)
    assert level_db((again - clean)[:, middle]) < -100.0


@pytest.mark.parametrize("rate_hz", [22_050, 48_000, 96_000])
def test_there_and_back_agrees_with_an_independent_resampler(rate_hz) -> None:
    bandlimited = soxr.resample(noise(4000, 1)[0], 8000, rate_hz, quality="VHQ")[None]
    ours = whole(bandlimited.astype(np.float32), rate_hz, MODEL_HZ)
    theirs = soxr.resample(bandlimited[0], rate_hz, MODEL_HZ, quality="VHQ")
    frames = min(ours.shape[1], theirs.size)
    middle = slice(2000, frames - 2000)
    assert np.abs(ours[0, middle] - theirs[middle]).max() < 1e-4


@given(
    rate=rates,
    start=st.integers(-(10**6), 10**9),
    history=st.integers(0, 300),
)
@settings(deadline=None, max_examples=40)
def test_a_restarted_stream_has_the_same_bits(rate, start, history) -> None:
    """Phases are those of the absolute position, wherever a stream begins."""
    signal = noise(history + 6000)
    long, late = (StreamingResampler(rate, MODEL_HZ, 2) for _ in range(2))
    long.reset(start)
    late.reset(start + history)
    first, second = long.output_position, late.output_position
    full, part = long.push(signal), late.push(signal[:, history:])
    settle = -(-2 * late.latency_samples * MODEL_HZ // rate)
    offset = second - first
    assert np.array_equal(full[:, offset + settle :], part[:, settle:])


def test_equal_rates_pass_through_with_no_latency() -> None:
    resampler = StreamingResampler(48_000, 48_000, 2)
    signal = noise(100)
    assert resampler.latency_samples == 0
    assert np.array_equal(resampler.push(signal), signal)
    assert resampler.flush().shape == (2, 0)


def test_a_constant_stays_exactly_that_constant() -> None:
    again = whole(np.ones((1, 4000), np.float32), 48_000, MODEL_HZ)
    assert np.abs(again[0, 100:-100] - 1.0).max() < 1e-6


def test_warming_up_leaves_nothing_to_compile() -> None:
    from dsp.resample import _convolve  # noqa: PLC0415 - the kernel itself is looked at

    warm_up()
    known = len(_convolve.signatures)
    StreamingResampler(48_000, MODEL_HZ, 6).push(noise(512, 6))
    assert len(_convolve.signatures) == known


@pytest.mark.parametrize("rate_hz", [7999, 192_001])
def test_rates_out_of_range_are_refused(rate_hz) -> None:
    with pytest.raises(SignalError, match="8000 to 192000 Hz"):
        RateRatio.between(rate_hz, MODEL_HZ)
    with pytest.raises(SignalError, match=str(rate_hz)):
        RateRatio.between(MODEL_HZ, rate_hz)


def test_another_channel_count_is_refused() -> None:
    with pytest.raises(SignalError, match=r"\[2, n\]"):
        StreamingResampler(48_000, MODEL_HZ, 2).push(noise(8, 1))
