"""What the host hears, from one instance's player, without worker or server."""

import ctypes as c
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_core import DRY_WET, MIX, MULTI, VOCALS
from native_parts import I64, U32, Part, planar, rows
from test_native_mixer import Parameters

RATE_HZ, LATENCY, MAXIMUM = 8000, 100, 300
FADE = 40
NONE_SEEN = 2**32 - 1


class Counts(c.Structure):
    _fields_ = [
        ("position", I64),
        ("late_frames", I64),
        ("fallbacks", I64),
        ("headroom", I64),
    ]


class Player(Part):
    struct, created, destroyed = "Player", "player_create", "player_destroy"

    def __init__(self, kind=MIX, values=(), latency=LATENCY):
        super().__init__(kind, RATE_HZ, 2, MAXIMUM, 256)
        self.kind, self.parameters = kind, Parameters(values)
        self.call("player_start", kind, self.parameters.address, latency)

    def put(self, position, samples):
        samples = planar(samples)
        self.call("player_put", position, rows(samples), samples.shape[1])

    def step(self, dry):
        """Return [bus, channel, frame]."""
        dry = planar(dry)
        out = np.full((1 if self.kind == MIX else 2, *dry.shape), np.nan, np.float32)
        tables = [rows(bus) for bus in out]
        buses = (c.c_void_p * 2)(*[c.addressof(table) for table in tables])
        self.call("probe_player_step", self.parameters.address, rows(dry), buses, dry.shape[1])
        return out

    @property
    def counts(self):
        counts = Counts()
        self.call("probe_player_counts", c.byref(counts))
        return counts


def noise(frames, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (2, frames)).astype(np.float32)


def delayed(dry, latency=LATENCY):
    return np.pad(dry, ((0, 0), (latency, 0)))[:, : dry.shape[1]]


blocks = st.lists(st.integers(0, 300), min_size=1, max_size=10)


def pieces(dry, lengths):
    edges = np.minimum(np.cumsum([0, *lengths]), dry.shape[1])
    return [(a, dry[:, a:b]) for a, b in itertools.pairwise(edges)]


@given(kind=st.sampled_from([MIX, MULTI]), blocks=blocks, muted=st.booleans())
def test_when_nothing_comes_the_dry_signal_is_heard_and_only_it(kind, blocks, muted):
    dry, player = noise(sum(blocks)), Player(kind, {VOCALS + 1: int(muted)})
    out = np.concatenate([player.step(block) for _, block in pieces(dry, blocks)], axis=2)
    np.testing.assert_array_equal(out[-1], delayed(dry))
    assert kind == MIX or not out[0].any()
    late = max(0, sum(blocks) - LATENCY)
    assert (player.counts.late_frames, player.counts.fallbacks) == (late, int(late > 0))
    assert player.counts.headroom == NONE_SEEN or late == 0


@given(blocks=blocks, order=st.randoms(use_true_random=False))
def test_when_all_comes_in_time_the_mix_is_exact_in_whatever_order(blocks, order):
    dry, vocals = noise(sum(blocks)), noise(sum(blocks), 2)
    player, out = Player(MULTI), []
    for start, block in pieces(dry, blocks):
        parts = [(start + at, part) for at, part in pieces(vocals[:, start:], [7, 90, 300])]
        order.shuffle(parts)
        for at, part in parts:
            player.put(at, part)
        out.append(player.step(block))
    out = np.concatenate(out, axis=2)
    np.testing.assert_array_equal(out[0], delayed(vocals))
    np.testing.assert_allclose(out[1], delayed(dry) - delayed(vocals), atol=1e-6)
    assert player.counts.late_frames == 0


@pytest.mark.parametrize("missing", [1, 10, 200])
def test_one_gap_is_one_fallback_and_the_stems_are_back_in_5_ms(missing):
    dry, vocals = noise(1500), noise(1500, 2)
    player = Player(MIX, {VOCALS + 1: 1})
    player.put(0, vocals[:, :300])
    first = player.step(dry[:, :400])
    player.put(300 + missing, vocals[:, 300 + missing : 500])
    out = [first, player.step(dry[:, 400:600])]
    player.put(500, vocals[:, 500:800])
    out += [player.step(dry[:, 600:900])]
    out = np.concatenate(out, axis=2)[0]
    mixed = delayed(dry - vocals)[:, :900]
    np.testing.assert_allclose(out[:, :400], mixed[:, :400], atol=1e-6)
    back = 400 + missing + FADE
    np.testing.assert_allclose(out[:, back + 1 :], mixed[:, back + 1 :], atol=1e-6)
    assert (player.counts.late_frames, player.counts.fallbacks) == (missing, 1)


actions = st.lists(
    st.sampled_from(["put", "put", "miss", "late", "reset", "latency", "set"]), max_size=25
)


@given(kind=st.sampled_from([MIX, MULTI]), actions=actions, data=st.data())
def test_no_transition_makes_a_step(kind, actions, data):
    """Constant dry and vocals: a step is of the player's making, save where dry itself begins."""
    player, start, origin, latency = Player(kind), 0, 0, LATENCY
    played, begins = [], {latency}
    for action in actions:
        frames = data.draw(st.integers(1, 256))
        if action in {"put", "late"}:
            at = start - latency if action == "put" else start - latency - 500
            player.put(at, np.full((2, frames), 0.5))
        elif action == "reset":
            player.call("player_reset")
            origin = start
        elif action == "latency":
            latency = data.draw(st.integers(0, MAXIMUM))
            player.call("player_set_latency", latency)
        elif action == "set":
            player.parameters.set({DRY_WET: data.draw(st.floats(0, 100))})
        played.append(player.step(np.ones((2, frames))))
        begins.add(origin + latency)
        start += frames
        assert player.counts.position == start
    if played:
        steps = np.abs(np.diff(np.concatenate(played, axis=2), axis=2)).max(axis=(0, 1))
        allowed = [at for at in range(len(steps)) if at + 1 not in begins]
        assert max(steps[allowed], default=0) <= 3 * 2 * np.pi / 2 / FADE


def test_a_reset_forgets_the_past_counts_on_and_is_silent_for_the_latency():
    dry, player = noise(1000), Player(MIX)
    player.step(dry[:, :400])
    late = player.counts.late_frames
    player.call("player_reset")
    assert player.counts.position == 400
    assert player.call("player_needed") == 400
    player.put(400, noise(300, 2))
    out = np.concatenate([player.step(dry[:, 400:600]), player.step(dry[:, 600:700])], axis=2)[0]
    assert np.abs(out[:, FADE:LATENCY]).max() == 0
    np.testing.assert_allclose(out[:, LATENCY:], dry[:, 400:600], atol=1e-6)
    assert player.counts.late_frames == late


@given(latency=st.integers(0, MAXIMUM), frames=st.integers(1, 256), have=st.integers(0, 600))
def test_it_is_ready_when_all_that_is_due_has_come(latency, frames, have):
    player = Player(latency=latency)
    player.step(noise(200))
    needed = max(200 - latency, 0)
    assert player.call("player_needed") == needed
    player.put(0, noise(have) if have else np.zeros((2, 1))[:, :0])
    due = range(needed, 200 + frames - latency)
    first_kept = 200 - latency  # what is older has been played without
    assert player.call("player_is_ready", frames) == (
        len(due) == 0 or (have >= due.stop and due.start >= first_kept)
    )


@given(latency=st.integers(0, MAXIMUM), jump=st.integers(0, MAXIMUM))
def test_another_latency_is_played_from_the_next_sample_on(latency, jump):
    dry, vocals = noise(900), noise(900, 2)
    player = Player(MIX, {VOCALS + 1: 1}, latency)
    player.put(0, vocals[:, :400])
    player.step(dry[:, :400])
    player.call("player_set_latency", jump)
    player.put(max(0, 400 - jump), vocals[:, max(0, 400 - jump) : 800])
    out = player.step(dry[:, 400:900])[0]
    expected = delayed(dry - vocals, jump)[:, 400:]
    settled = slice(FADE, None if jump >= 100 else 400 + jump)  # stems have come up to 800
    np.testing.assert_allclose(out[:, settled], expected[:, settled], atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_silence(bad):
    dry, player = noise(300), Player()
    clean = dry.copy()
    dry[0, 50], clean[0, 50] = bad, 0
    np.testing.assert_array_equal(player.step(dry)[0], delayed(clean))


def test_headroom_is_the_least_reserve_seen():
    player = Player()
    player.put(0, noise(300, 2))
    for frames, headroom in [(150, 250), (100, 150), (20, 130)]:
        player.step(noise(frames))
        assert player.counts.headroom == headroom
    player.put(300, noise(200, 2))
    player.step(noise(10))
    assert player.counts.headroom == 130


def test_buses_and_channels_that_nobody_wants_are_left_out():
    player, dry = Player(MULTI), planar(noise(200))
    out = np.zeros((2, 200), np.float32)
    table = (c.c_void_p * 2)(None, out[1].ctypes.data)
    buses = (c.c_void_p * 2)(None, c.addressof(table))
    player.call("probe_player_step", player.parameters.address, rows(dry), buses, U32(200))
    np.testing.assert_array_equal(out[1], delayed(dry)[1])
