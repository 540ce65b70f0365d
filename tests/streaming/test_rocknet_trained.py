"""Rocknet with its trained weights, where they are installed."""

import numpy as np
import pytest
from unet_streams import magnitudes, push_all, rerun

from dsp.errors import WeightsMissingError
from dsp.networks.packing import pack_unet
from dsp.networks.registry import load_model
from dsp.networks.rocknet_live import GRID
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


@pytest.mark.parametrize("profile", ["live", "studio", "offline"])
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


def test_packed_weights_are_shared_between_streams(weights):
    model = load_model("rocknet")
    first, second = model.separator("live"), model.separator("live")
    assert first._step._unet.packed is second._step._unet.packed
