"""Rocknet with its trained weights, where they are installed."""

import numpy as np
import pytest
from unet_streams import magnitudes, push_all, rerun

from dsp.errors import WeightsMissingError
from dsp.networks import rocknet
from dsp.networks.live_network import LiveNetwork
from dsp.networks.packing import pack_unet
from dsp.networks.products import has_bytes
from dsp.networks.registry import load_model
from dsp.networks.rocknet_live import GRID, QUICK_GRID, RocknetStep
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.rocknet_weights import load_rocknet_weights
from dsp.separator import Separator

RELATIVE = 1e-5
HOPS = 60


@pytest.fixture(scope="module")
def weights():
    try:
        return load_rocknet_weights("vocals")
    except WeightsMissingError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def packed(weights):
    return pack_unet(weights)


@pytest.fixture(scope="module")
def stream():
    return 10 * magnitudes(HOPS + 520, bins=1024)


@pytest.fixture(scope="module")
def masks(packed, stream):
    """Masks of the last hops, after a rebuild from all before."""
    unet = StreamingUNet(packed)
    unet.rebuild(stream[:-HOPS], 0)
    return push_all(unet, stream[-HOPS:])


@pytest.mark.parametrize("back", [1, 2, 31, HOPS])
def test_streaming_equals_rerun_of_window(weights, stream, masks, back):
    expected = rerun(weights, stream, len(stream) - back)
    assert 0.05 < expected.max() <= 1
    assert np.abs(masks[-back] - expected).max() <= RELATIVE * expected.max()


def test_rebuild_with_held_deep_levels_equals_pushing(packed, stream):
    pushed, rebuilt = (StreamingUNet(packed, GRID) for _ in range(2))
    push_all(pushed, stream[:HOPS])
    rebuilt.rebuild(stream[:HOPS], 0)
    coming = stream[HOPS : HOPS + 9]
    assert np.abs(push_all(pushed, coming) - push_all(rebuilt, coming)).max() <= RELATIVE


@pytest.mark.parametrize("profile", ["live", "live-float32", "studio", "offline"])
def test_every_profile_separates(weights, profile):
    model = load_model("rocknet")
    separator = model.separator(profile)
    assert isinstance(separator, Separator)
    assert separator.profile is model.profiles[profile]
    hop = separator.profile.hop_samples
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, hop)).astype(np.float32)
    stems = separator.push(noise)
    assert stems.shape == (1, 2, hop)
    assert np.isfinite(stems).all()


@pytest.mark.parametrize("profile", ["live", "live-float32"])
def test_packed_weights_are_shared_between_streams(weights, profile):
    model = load_model("rocknet")
    first, second = model.separator(profile), model.separator(profile)
    assert first._step._unet.packed is second._step._unet.packed


@pytest.mark.parametrize("is_quantised", [False, True])
def test_live_is_in_eight_bits_where_the_processor_has_them(weights, monkeypatch, is_quantised):
    if is_quantised and not has_bytes():
        pytest.skip("no AMX and no VNNI here")
    monkeypatch.setattr(rocknet, "has_bytes", lambda: is_quantised)
    model = rocknet.Rocknet()
    noise = 0.1 * np.random.default_rng(2).standard_normal((2, 40 * 512)).astype(np.float32)
    exact = model.separator("live-float32").push(noise)
    assert np.array_equal(exact, LiveNetwork(RocknetStep(pack_unet(weights))).push(noise))
    live = model.separator("live")
    assert live._step._unet.grid == (QUICK_GRID if is_quantised else GRID)
    assert np.array_equal(live.push(noise), exact) != is_quantised


@pytest.mark.skipif(not has_bytes(), reason="no AMX and no VNNI here")
def test_eight_bits_are_near_32(packed):
    noise = 0.1 * np.random.default_rng(2).standard_normal((2, 60 * 512)).astype(np.float32)
    exact = LiveNetwork(RocknetStep(packed, QUICK_GRID)).push(noise)
    error = load_model("rocknet").separator("live").push(noise) - exact
    assert 0 < np.square(error).sum() < 0.1 * np.square(exact).sum()
