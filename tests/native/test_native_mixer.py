"""The mixer against the parameter table's own words, in numpy; fallback against the bridge's."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from native_core import BYPASS, DRY_WET, FOCUS, INSTRUMENTAL, MIX, MULTI, VOCALS
from native_parts import Part, parts, planar, rows

from plugin_bridge.fallback import Fallback as BridgeFallback

RATE_HZ = 8000
RAMP = 161  # 20 ms
settings = st.fixed_dictionaries(
    {},
    optional={
        BYPASS: st.integers(0, 1),
        DRY_WET: st.floats(0, 100),
        FOCUS: st.floats(0, 150),
        **{first: st.floats(-60, 12) for first in (VOCALS, INSTRUMENTAL)},
        **{first + k: st.integers(0, 1) for first in (VOCALS, INSTRUMENTAL) for k in (1, 2)},
    },
)


class Parameters(Part):
    struct, created = "Parameters", ""

    def __init__(self, values=()):
        super().__init__()
        self.call("parameters_initialize")
        self.set(dict(values))

    def set(self, values):
        for identifier, value in values.items():
            assert self.call("parameters_set", identifier, value)


def gain(values, stem, other):
    db = values.get(stem, 0)
    soloed, left_out = values.get(stem + 2, 0), values.get(other + 2, 0)
    silent = values.get(stem + 1, 0) or (left_out and not soloed) or db == -60
    return 0.0 if silent else 10 ** (db / 20)


def expected(kind, values, vocals, rest):
    """Return each bus of these stems, as stems_plugin.h describes it."""
    dry = vocals + rest
    v, r = gain(values, VOCALS, INSTRUMENTAL), gain(values, INSTRUMENTAL, VOCALS)
    focus = values.get(FOCUS, 100) / 100
    wet = 0 if values.get(BYPASS) else values.get(DRY_WET, 100) / 100
    if kind == MIX:
        v, r = (g if g >= 1 else 1 - focus * (1 - g) for g in (v, r))
        return [wet * (v * vocals + r * rest) + (1 - wet) * dry]
    buses = [v * (dry - focus * rest), r * (dry - focus * vocals)]
    return [wet * buses[0], wet * buses[1] + (1 - wet) * dry]


class Mixer(Part):
    struct = "Mixer"

    def __init__(self, kind, parameters):
        super().__init__()
        self.kind, self.parameters = kind, parameters
        self.call("mixer_reset", kind, RATE_HZ, parameters.address)

    def mix(self, dry, vocals):
        """Return [bus, frame] of one block."""
        self.call("mixer_update", self.parameters.address)
        out = np.full((1 if self.kind == MIX else 2, len(dry)), np.nan, np.float32)
        for bus, row in enumerate(out):
            addresses = [array.ctypes.data for array in (dry, vocals, row)]
            self.call("mixer_mix", bus, *addresses, len(dry))
        self.call("mixer_advance", len(dry))
        return out

    def run(self, dry, vocals, cuts):
        blocks = zip(np.split(dry, cuts), np.split(vocals, cuts), strict=True)
        return np.concatenate([self.mix(planar(d), planar(v)) for d, v in blocks], axis=1)


def stems(frames, seed=3):
    vocals, rest = np.random.default_rng(seed).uniform(-1, 1, (2, frames))
    return vocals, rest


cuts = st.lists(st.integers(0, 400), max_size=6).map(sorted)


@given(kind=st.sampled_from([MIX, MULTI]), values=settings)
def test_from_the_first_sample_on_every_bus_is_what_the_table_says(kind, values):
    vocals, rest = stems(50)
    out = Mixer(kind, Parameters(values)).mix(planar(vocals + rest), planar(vocals))
    np.testing.assert_allclose(out, expected(kind, values, vocals, rest), atol=1e-5)


@given(kind=st.sampled_from([MIX, MULTI]), before=settings, after=settings, cuts=cuts)
def test_a_change_is_a_straight_ramp_of_20_ms_however_blocks_fall(kind, before, after, cuts):
    vocals, rest = stems(400)
    mixer = Mixer(kind, parameters := Parameters(before))
    parameters.set({VOCALS: 0, DRY_WET: 100, BYPASS: 0} | after)
    now = before | {VOCALS: 0, DRY_WET: 100, BYPASS: 0} | after
    weight = np.minimum(np.arange(1, 401) / RAMP, 1)
    old, new = (np.stack(expected(kind, s, vocals, rest)) for s in (before, now))
    out = mixer.run(vocals + rest, vocals, cuts)
    np.testing.assert_allclose(out, old * (1 - weight) + new * weight, atol=1e-5)
    settled = Mixer(kind, parameters).run(vocals + rest, vocals, [])
    np.testing.assert_array_equal(out[:, RAMP:], settled[:, RAMP:])


@given(changes=st.lists(st.tuples(settings, st.integers(1, 300)), min_size=1, max_size=6))
def test_a_change_within_a_change_starts_from_where_it_is(changes):
    mixer = Mixer(MIX, parameters := Parameters())
    parts_played = []
    for values, frames in changes:
        parameters.set(values)
        ones = np.ones(frames, np.float32)
        parts_played.append(mixer.mix(ones, ones)[0])
    steps = np.abs(np.diff(np.concatenate([[1.0], *parts_played])))
    assert steps.max() <= 5.0 / RAMP + 1e-5  # +12 dB is 3.98, focus and solo add at most one


def test_at_unity_multi_sums_to_dry_to_the_bit():
    vocals, rest = stems(300)
    out = Mixer(MULTI, Parameters()).mix(planar(vocals + rest), planar(vocals))
    np.testing.assert_array_equal(out[0], planar(vocals))
    np.testing.assert_allclose(out.sum(axis=0), vocals + rest, atol=1e-6)


# ---- Fallback ----


class FadeShape(Part):
    struct, created, destroyed = "FadeShape", "fade_shape_create", "fade_shape_destroy"


class Fallback(Part):
    struct = "Fallback"

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.call("fallback_reset", shape.address)

    def apply(self, samples, valid, instead):
        out = planar(samples).copy()
        valid, instead = np.ascontiguousarray(valid, np.uint8), planar(instead)
        arguments = rows(out), valid.ctypes.data, rows(instead), 2, out.shape[1]
        self.call("fallback_apply", self.shape.address, *arguments)
        return out


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 96000, 192000])
def test_fades_last_5_ms(rate_hz):
    assert FadeShape(rate_hz).call("probe_fade_frames") == -(-rate_hz // 200)


runs = st.lists(st.tuples(st.booleans(), st.integers(1, 90)), min_size=1, max_size=8)


def presence(runs):
    return np.concatenate([np.full(length, here) for here, length in runs])


@given(runs=runs, cuts=cuts)
def test_it_is_the_bridges_fallback_to_rounding(runs, cuts):
    valid = presence(runs)
    cuts = [cut for cut in cuts if cut < len(valid)]
    stem, instead = np.random.default_rng(5).uniform(-1, 1, (2, 2, len(valid))).astype(np.float32)
    here = Fallback(FadeShape(RATE_HZ))
    there = BridgeFallback(["vocals"], 2, RATE_HZ)
    edges = list(zip([0, *cuts], [*cuts, len(valid)], strict=True))
    out = [here.apply(stem[:, a:b], valid[a:b], instead[:, a:b]) for a, b in edges]
    seen = [
        there.apply(stem[None, :, a:b], valid[None, a:b], instead[None, :, a:b])[0]
        for a, b in edges
    ]
    np.testing.assert_allclose(np.hstack(out), np.hstack(seen), atol=1e-6)


@given(runs=runs, jumps=st.sets(st.integers(0, 30), max_size=4), level=st.floats(-1, 1))
def test_whatever_comes_and_goes_no_step_is_larger_than_a_fade_makes(runs, jumps, level):
    """Two constants: every step in the output is of the fallback's own making."""
    shape = FadeShape(RATE_HZ)
    fade_frames = shape.call("probe_fade_frames")
    fallback, valid, played = Fallback(shape), presence(runs), [np.zeros((2, 0))]
    fallback.apply(np.ones((2, 1)), [1], np.full((2, 1), level))
    for block, start in enumerate(range(0, len(valid), 17)):
        here = valid[start : start + 17]
        sign = -1.0 if len([jump for jump in jumps if jump <= block]) % 2 else 1.0
        if block in jumps:
            fallback.call("fallback_jump")
        shape_of = (2, len(here))
        played.append(fallback.apply(np.full(shape_of, sign), here, np.full(shape_of, level)))
    steps = np.abs(np.diff(np.hstack([np.ones((2, 1)), *played]), axis=1))
    # A fade of distance d makes steps of up to d pi / 2 / frames; three of at most 4 may overlap.
    assert steps.max() <= 3 * 4 * np.pi / 2 / fade_frames


@given(frames=st.integers(1, 200))
def test_what_arrives_is_played_to_the_bit_and_what_does_not_is_the_other(frames):
    stem, instead = np.random.default_rng(6).uniform(-1, 1, (2, 2, frames)).astype(np.float32)
    whole = Fallback(FadeShape(RATE_HZ))
    np.testing.assert_array_equal(whole.apply(stem, np.ones(frames), instead), stem)
    gone = Fallback(FadeShape(RATE_HZ))
    out = gone.apply(stem, np.zeros(frames), instead)
    np.testing.assert_array_equal(out, instead)  # nothing was played before: no distance to fade
    assume(frames > 60)
    back = whole.apply(stem, np.zeros(frames), instead)
    np.testing.assert_array_equal(back[:, 40:], instead[:, 40:])


def test_the_probe_sees_the_ramp():
    mixer = Mixer(MIX, Parameters())
    assert parts().probe_ramp_frames(mixer.address) == RAMP
