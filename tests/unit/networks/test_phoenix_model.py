"""Phoenix's profiles, what they share and compute with; weights: `test_bundled_weights`."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dsp.errors import UnknownProfileError
from dsp.networks import phoenix_model
from dsp.networks.aligned import LINE_BYTES
from dsp.networks.bundled_networks import load_phoenix
from dsp.networks.joined_step import QUICK_GRID, QUICK_SHORT_GRID, SHORT_GRID, JoinedStep
from dsp.networks.live_network import LiveNetwork
from dsp.networks.model_card import load_card
from dsp.networks.packing import pack_joined
from dsp.networks.phoenix_model import Phoenix
from dsp.networks.products import has_bytes, has_halves
from dsp.networks.registry import load_model
from dsp.separator import Separator

FILE = load_card("phoenix").weights_for("vocals")


@pytest.mark.parametrize("profile", phoenix_model.PROFILES)
def test_every_profile_is_a_separator_of_its_own(profile):
    model = load_model("phoenix")
    first, second = model.separator(profile), model.separator(profile)
    assert isinstance(first, Separator)
    assert first is not second
    assert first.profile == model.profiles[profile]


@pytest.mark.parametrize("profile", ["live", "live-light", "live-short"])
def test_streams_on_threads_of_their_own_give_what_they_give_alone(profile):
    model = load_model("phoenix")
    x = noise(64)
    expected = model.separator(profile).push(x)
    separators = [model.separator(profile) for _ in range(3)]
    hops = np.split(x, 64, axis=1)
    with ThreadPoolExecutor(3) as threads:
        heard = list(threads.map(lambda s: [s.push(hop) for hop in hops], separators))
    for stems in heard:
        assert np.array_equal(np.concatenate(stems, axis=-1), expected)


def deepest_weights(stream):
    return stream._step._trunk.layers.parts.levels[-1].parts.down.weights


def noise(hops):
    rng = np.random.default_rng(2)
    return (0.1 * rng.standard_normal((2, hops * 512))).astype(np.float32)


def begins_a_line(array):
    return not array.size or array.ctypes.data % LINE_BYTES == 0


@pytest.mark.parametrize("profile", ["live", "live-float32"])
def test_what_is_multiplied_begins_a_line_of_the_cache(profile):
    step = load_model("phoenix").separator(profile)._step
    unet, trunk = step._unet.layers.parts, step._trunk.layers.parts
    blocks = unet.blocks.parts
    downs = [kept.parts for kept in (*blocks.downs, *blocks.deep_downs)]
    ups = [kept.parts for kept in (*blocks.skips, *blocks.deep_ups)]
    levels = [kept.parts for kept in trunk.levels]
    weights = [
        *(one for down in downs for one in (down.first, down.odd, down.even)),
        *(one for up in ups for one in (up.newer, up.older, up.even, up.odd)),
        *(one for level in levels for one in (level.down.weights, level.down.past, level.up)),
        trunk.mask.weights,
    ]
    arrays = [
        *(array for one in weights for array in one.arranged),
        *(level.joined for level in levels),
        *unet.state.arrays()[1:],
    ]
    assert all(map(begins_a_line, arrays))


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        pytest.param(
            "live", np.uint16, marks=pytest.mark.skipif(not has_halves(), reason="no AMX here")
        ),
        ("live-float32", np.float32),
    ],
)
def test_frames_are_kept_as_their_products_read_them(profile, kind):
    trunk = load_model("phoenix").separator(profile)._step._trunk.layers.parts
    for taps in (*(level.parts.down for level in trunk.levels), trunk.mask):
        assert taps.ring.dtype == kind
        assert len(taps.ring) > 1
        assert taps.ring.strides[0] % LINE_BYTES == 0
        assert begins_a_line(taps.ring)


@pytest.mark.skipif(not has_bytes(), reason="no AMX and no VNNI here")
def test_where_the_processor_has_eight_bits_live_uses_them_and_is_near_the_same_in_32():
    live = Phoenix().separator("live")
    assert live._step._unet.grid == QUICK_GRID
    exact = LiveNetwork(JoinedStep(pack_joined(load_phoenix(FILE), grid=QUICK_GRID))).push(
        noise(60)
    )
    error = live.push(noise(60)) - exact
    # Of noise hardly anything is taken for a voice, so what is rounded counts for more.
    assert 0 < np.square(error).sum() < 0.1 * np.square(exact).sum()


@pytest.mark.parametrize("profile", ["live-float32", "live-short"])
def test_other_forms_are_packed_when_a_stream_first_needs_them_and_then_shared(profile):
    model = Phoenix()
    assert not model._others
    first, second = (model.separator(profile) for _ in range(2))
    assert deepest_weights(first) is deepest_weights(second)
    assert first._step is not second._step


@pytest.mark.parametrize("is_quantised", [False, True])
def test_live_float32_is_the_network_in_32_bits_on_every_processor(monkeypatch, is_quantised):
    if is_quantised and not has_bytes():
        pytest.skip("no AMX and no VNNI here")
    monkeypatch.setattr(phoenix_model, "has_bytes", lambda: is_quantised)
    model = Phoenix()
    expected = LiveNetwork(JoinedStep(pack_joined(load_phoenix(FILE)))).push(noise(40))
    assert np.array_equal(model.separator("live-float32").push(noise(40)), expected)
    assert np.array_equal(model.separator("live").push(noise(40)), expected) != is_quantised


def test_light_streams_use_the_weights_that_live_ones_have_in_memory():
    model = load_model("phoenix")
    live, light = model.separator("live"), model.separator("live-light")
    assert deepest_weights(light) is deepest_weights(live)
    assert not np.array_equal(light.push(noise(20)), live.push(noise(20)))


def test_the_short_form_promises_half_the_latency():
    profiles = phoenix_model.PROFILES
    assert 2 * profiles["live-short"].algorithmic_latency_samples == 1024
    assert profiles["live"].algorithmic_latency_samples == 1024


@pytest.mark.parametrize("is_quantised", [False, True])
def test_the_short_form_computes_in_the_arithmetic_of_live(monkeypatch, is_quantised):
    if is_quantised and not has_bytes():
        pytest.skip("no AMX and no VNNI here")
    monkeypatch.setattr(phoenix_model, "has_bytes", lambda: is_quantised)
    stream = Phoenix().separator("live-short")
    assert stream._step._unet.grid == (QUICK_SHORT_GRID if is_quantised else SHORT_GRID)
    assert bool(deepest_weights(stream).arranged.bytes.size) == is_quantised


def test_a_profile_it_lacks_names_those_there_are():
    every = ", ".join(phoenix_model.PROFILES)
    with pytest.raises(UnknownProfileError, match=f"there are: {every}"):
        Phoenix().separator("extreme")
