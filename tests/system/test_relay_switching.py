"""Two real servers, a way between that is delayed and cut, and clients that notice nothing."""

import time

import numpy as np
import pytest
from secure_server import Keys, Proxy, secure_server
from server_client import expected, noise, running_server

import plugin_bridge
from plugin_bridge.access import Access
from plugin_bridge.errors import AccessRefused, ServerUnreachable
from protocol import LatencyTooSmall, UnknownModel, UnknownStem
from server.commands.relay import RelayProcess

RATE_HZ = 44_100
BLOCK_FRAMES = 441  # 10 ms
GRANTED_SAMPLES = 4410  # 100 ms: five Python threads share one interpreter here
LATE_S = 0.4


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path / "keys")


@pytest.fixture
def remote(tmp_path, keys):
    with secure_server(tmp_path / "remote", keys) as server, Proxy(server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def local(tmp_path):
    with running_server(tmp_path / "local") as server:
        yield server


class Relayed:
    """A relay on a socket of its own."""

    def __init__(self, tmp_path, keys, to, local, server_keys=()):
        accesses = [Access(key, keys.client.secret) for key in server_keys or [keys.server.public]]
        directory = tmp_path / "relay"
        directory.mkdir(mode=0o700, exist_ok=True)
        self._process = RelayProcess(to, accesses, local, f"ipc://{directory}/server.sock")
        self._process.start()
        self.endpoint = self._process.endpoint

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stop()

    @property
    def heard(self):
        """Return the name of the server that the one stream is heard from."""
        (stream,) = self._process.relay.streams
        return stream.active.name

    @property
    def switches(self):
        (stream,) = self._process.relay.streams
        return stream.switches


@pytest.fixture
def relay(tmp_path, keys, remote, local):
    with Relayed(tmp_path, keys, remote.endpoint, local.endpoint) as relay:
        yield relay


class Player:
    """A live client in real time, and everything it was given."""

    def __init__(self, endpoint):
        self.live = plugin_bridge.connect_live(
            endpoint,
            rate_hz=RATE_HZ,
            max_block_frames=BLOCK_FRAMES,
            stems=["mix"],
            round_trip_samples=GRANTED_SAMPLES,
        )
        self.audio = noise(60 * RATE_HZ)
        self.out = []
        self.blocks = 0
        self._started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.live.close()

    def play(self, seconds, until=lambda: False):
        for _ in range(round(seconds * 100)):
            start = self.blocks * BLOCK_FRAMES
            self.out.append(self.live.process(self.audio[:, start : start + BLOCK_FRAMES]))
            self.blocks += 1
            pause = self._started + self.blocks / 100 - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            if until():
                return True
        return False

    def difference(self):
        """Return |output - dry input|, after the latency: mix at 0 dB is the dry signal."""
        out = np.concatenate(self.out, axis=-1)[0]
        total = self.live.latency.total
        return np.abs(out[:, total:] - self.audio[:, : out.shape[1] - total])


def test_a_live_client_hears_the_remote_server_then_the_local_one_then_the_remote_one(
    relay, remote
):
    """The way gets late, then recovers; mix is the dry signal throughout: no click, no gap."""
    with Player(relay.endpoint) as player:
        player.play(1.0)
        assert relay.heard == "remote"
        assert player.live.statistics.late_blocks == 0
        remote.delay_s = LATE_S
        assert player.play(10, until=lambda: relay.heard == "local")
        remote.delay_s = 0.0
        assert player.play(20, until=lambda: relay.heard == "remote")
        late = player.live.statistics.late_blocks
        player.play(1.0)
        assert player.live.statistics.late_blocks == late, "the way back costs nothing"
        assert player.live.statistics.losses == 0, "the client never lost its server"
        assert relay.switches == 2
        assert player.difference().max() < 1e-5


def test_a_cut_is_bridged_and_the_way_back_is_found(relay, remote):
    with Player(relay.endpoint) as player:
        player.play(1.0)
        remote.is_cut = True
        assert player.play(10, until=lambda: relay.heard == "local")
        player.play(1.0)
        remote.is_cut = False
        assert player.play(20, until=lambda: relay.heard == "remote")
        assert player.live.statistics.losses == 0
        assert player.difference().max() < 1e-5


def test_single_stems_fade_out_and_in_without_a_step(relay, remote):
    """Stems alone have no dry signal to fall back on: they fade to silence and return."""
    live = plugin_bridge.connect_live(
        relay.endpoint, max_block_frames=BLOCK_FRAMES, round_trip_samples=GRANTED_SAMPLES
    )
    phase = 2 * np.pi * 100 / RATE_HZ * np.arange(8 * RATE_HZ)
    audio = np.stack([np.sin(phase)] * 2).astype(np.float32)
    out = []
    with live:
        for block in range(500):
            start = block * BLOCK_FRAMES
            out.append(live.process(audio[:, start : start + BLOCK_FRAMES]))
            time.sleep(0.009)
            remote.is_cut = 100 <= block < 300
    vocals = np.concatenate(out, axis=-1)[0, :, live.latency.total :]
    step = np.abs(np.diff(vocals)).max()
    assert step < 0.5 * 2 * np.pi * 100 / RATE_HZ + 0.02, (
        "no larger than the tone's own, and a fade's"
    )


def test_a_lossless_client_loses_nothing_when_the_way_is_cut(relay, remote):
    audio = noise(3 * RATE_HZ)
    with plugin_bridge.connect(relay.endpoint, profile="live") as session:
        blocks = []
        for block in session.separate(np.split(audio, 300, axis=1)):
            blocks.append(block)
            if len(blocks) == 20:
                remote.is_cut = True
    stems = np.concatenate([block.samples for block in blocks], axis=-1)
    np.testing.assert_allclose(stems, expected(audio), atol=1e-6)


def test_changes_are_answered_once_and_survive_a_switch(relay, remote):
    with Player(relay.endpoint) as player:
        player.play(0.5)
        player.live.set(gains_db={"vocals": -120.0})
        player.play(0.5)
        remote.is_cut = True
        assert player.play(10, until=lambda: relay.heard == "local")
        player.play(1.5)
        out = player.out[-1][0]
        end = player.blocks * BLOCK_FRAMES - player.live.latency.total
        dry = player.audio[:, end - BLOCK_FRAMES : end]
        np.testing.assert_allclose(out, 0.5 * dry, atol=1e-4)


def test_refusals_reach_the_client_by_their_code(relay):
    with pytest.raises(UnknownModel):
        plugin_bridge.connect(relay.endpoint, model="nonesuch")
    with pytest.raises(UnknownStem):
        plugin_bridge.connect(relay.endpoint, profile="live", stems=["kazoo"])
    with pytest.raises(LatencyTooSmall, match="the way to it"):
        plugin_bridge.connect_live(relay.endpoint, round_trip_samples=1)


def test_a_relay_starts_on_the_local_server_when_the_remote_one_is_away(
    tmp_path, keys, remote, local
):
    remote.is_cut = True
    with (
        Relayed(tmp_path, keys, "tcp://127.0.0.1:9", local.endpoint) as relay,
        Player(relay.endpoint) as player,
    ):
        player.play(0.3)
        assert relay.heard == "local"


def test_without_any_server_the_relay_does_not_start(tmp_path, keys):
    with pytest.raises(ServerUnreachable):
        Relayed(tmp_path, keys, "tcp://127.0.0.1:9", None)


def test_a_relay_that_is_not_let_in_says_so(tmp_path, keys, remote, local):
    keys.client = keys.store.create("stranger")
    with pytest.raises(AccessRefused, match="phoenix-stems keys allow"):
        Relayed(tmp_path, keys, remote.endpoint, local.endpoint)


def test_a_relay_that_has_both_keys_follows_a_rotation(tmp_path, keys, remote, local):
    old, new = keys.server.public, keys.store.prepare("server").public
    with (
        Relayed(tmp_path, keys, remote.endpoint, local.endpoint, [new, old]) as relay,
        Player(relay.endpoint) as player,
    ):
        player.play(1.0)
        assert relay.heard == "remote", "the second key is tried at start"
        keys.store.rotate("server")
        remote.is_cut = True
        assert player.play(10, until=lambda: relay.heard == "local")
        remote.is_cut = False
        assert player.play(90, until=lambda: relay.heard == "remote"), "under its new key"
        assert player.live.statistics.losses == 0
