"""Reported latency is actual latency, to the sample, for every rate and every partition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_driver import (
    HOST_RATES,
    RecursiveSeparator,
    fixed_gains,
    joined,
    noise,
    open_stream,
    partitions,
    push_all,
    separate,
)

from dsp.latency import algorithmic_latency
from dsp.resample import RateRatio

every_rate = pytest.mark.parametrize("rate_hz", HOST_RATES)


@every_rate
@given(blocks=partitions(30_000), start=st.integers(0, 10**7))
@settings(deadline=None, max_examples=15)
def test_sample_n_is_out_once_n_plus_total_samples_are_in(rate_hz, blocks, start) -> None:
    pipeline = open_stream(rate_hz, position_samples=start)
    dry, pushed = noise(30_000), 0
    for frames in blocks:
        pipeline.push(start + pushed, dry[:, pushed : pushed + frames])
        pushed += frames
        assert pipeline.position_samples > start + pushed - pipeline.latency.total


def worst_wait(pipeline, frames: int) -> int:
    """Most samples that were in beyond a sample and it was still not out, plus one."""
    worst = 0
    for position in range(frames):
        pipeline.write(position, np.zeros((1, 1), np.float32))
        if pipeline.ready_hops:
            worst = max(worst, position - pipeline.position_samples)
            pipeline.process()
    return worst + 1


@pytest.mark.parametrize(
    ("rate_hz", "period"), [(44_100, 2048), (48_000, 81_920), (88_200, 4096), (96_000, 163_840)]
)
def test_the_latency_is_reached_with_blocks_of_one_sample(rate_hz, period) -> None:
    """Over one period of the rates and the hop, some sample needs exactly what is reported."""
    pipeline = open_stream(rate_hz, channels=1)
    assert worst_wait(pipeline, period + pipeline.latency.total) == pipeline.latency.total


@given(
    rate_hz=st.sampled_from([8000, 22_050, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]),
    hop=st.integers(1, 12),
    overlap=st.integers(0, 30),
    look_ahead=st.integers(0, 30),
)
@settings(deadline=None, max_examples=25)
def test_the_latency_is_exact_for_any_profile(rate_hz, hop, overlap, look_ahead) -> None:
    separator = RecursiveSeparator(hop, overlap, look_ahead)
    pipeline = open_stream(
        rate_hz, separator, channels=1, model_stems=("vocals", "other"), max_block_frames=1
    )
    period = RateRatio.between(rate_hz, 44_100).down * hop
    worst = worst_wait(pipeline, min(period, 4000) + pipeline.latency.total)
    assert worst <= pipeline.latency.total
    if period <= 4000:
        assert worst == pipeline.latency.total


def test_no_work_is_announced_until_a_hop_is_full() -> None:
    pipeline = open_stream()
    pipeline.write(0, noise(256))
    assert pipeline.process() == []
    assert pipeline.ready_hops == 0
    pipeline.write(256, noise(255))
    assert (pipeline.ready_hops, pipeline.process()) == (0, [])
    pipeline.write(511, noise(513))
    assert pipeline.ready_hops == 2
    assert joined(pipeline.process()).shape[2] == 512
    assert pipeline.ready_hops == 0


@every_rate
@given(start=st.integers(0, 10**7), hops=st.integers(1, 5))
@settings(deadline=None, max_examples=15)
def test_the_next_hop_is_full_where_it_is_said_to_be_and_no_sample_before(
    rate_hz, start, hops
) -> None:
    pipeline, at = open_stream(rate_hz, channels=1, position_samples=start), start
    for _ in range(hops):
        end = pipeline.next_hop_end
        if end - 1 > at:
            pipeline.write(at, np.zeros((1, end - 1 - at), np.float32))
            assert pipeline.ready_hops == 0
        pipeline.write(end - 1, np.zeros((1, 1), np.float32))
        assert pipeline.ready_hops == 1
        pipeline.process()
        at = end


@given(blocks=partitions(20_000))
@settings(deadline=None, max_examples=15)
def test_at_the_model_s_own_rate_hops_are_read_whole_and_never_joined_from_parts(blocks) -> None:
    pipeline, dry, at = open_stream(), noise(20_000), 0
    for frames in blocks:
        pipeline.push(at, dry[:, at : at + frames])
        at += frames
        assert pipeline._voice._chain._hops.held_samples == 0


@every_rate
@pytest.mark.parametrize("position", [0, 1, 700, 5003, 9999])
@pytest.mark.parametrize("start", [0, 123_457])
def test_an_impulse_comes_out_where_it_went_in(rate_hz, position, start) -> None:
    dry = np.zeros((2, 10_000), np.float32)
    dry[:, position] = 1.0
    stems = separate(open_stream(rate_hz, position_samples=start), dry, start=start)
    assert stems.shape == (3, 2, 10_000)
    peaks = np.abs(stems).argmax(axis=2)
    assert np.all(peaks == position)
    # An impulse fills the host's band: the model keeps its own share, less the filters' edges.
    bandwidth = min(1.0, 44_100 / rate_hz)
    assert stems[0, 0, position] == pytest.approx(0.5 * bandwidth, rel=0.05)
    assert stems[1, 0, position] == pytest.approx(0.25 * bandwidth, rel=0.05)


@every_rate
def test_what_lies_in_the_model_s_band_keeps_its_waveform(rate_hz) -> None:
    time = np.arange(rate_hz // 2) / rate_hz
    dry = np.tile(0.8 * np.sin(2 * np.pi * 3000 * time), (2, 1)).astype(np.float32)
    stems = separate(open_stream(rate_hz), dry)
    middle = slice(rate_hz // 20, -rate_hz // 20)
    assert np.abs(stems[0] - 0.5 * dry)[:, middle].max() < 1e-5


def test_the_terms_at_the_model_s_rate_are_the_profile_s() -> None:
    latency = open_stream(44_100).latency
    assert (latency.hop, latency.synthesis_overlap) == (512, 512)
    assert (latency.look_ahead, latency.resampler, latency.total) == (0, 0, 1024)


@every_rate
@pytest.mark.parametrize("name", ["live", "studio", "offline"])
def test_terms_are_rounded_up_and_the_resampler_has_the_rest(rate_hz, name) -> None:
    profile = fixed_gains(name).profile
    there, back = RateRatio.between(rate_hz, 44_100), RateRatio.between(44_100, rate_hz)
    latency = algorithmic_latency(profile, there, back)
    assert latency.hop == int(np.ceil(profile.hop_samples * rate_hz / 44_100))
    assert latency.look_ahead == int(np.ceil(profile.look_ahead_samples * rate_hz / 44_100))
    assert 0 <= latency.resampler <= 0.002 * rate_hz


@every_rate
def test_a_look_ahead_profile_keeps_its_promise_too(rate_hz) -> None:
    pipeline = open_stream(rate_hz, fixed_gains("studio"))
    total = pipeline.latency.total
    push_all(pipeline, noise(3 * total), [997] * (3 * total // 997))
    assert pipeline.position_samples > 3 * total // 997 * 997 - total
