"""Reordered, doubled and lost messages, 5 % of each in both directions: positions put all right."""

import numpy as np
import pytest
from echo_model import stems_of
from faulty_proxy import Faults, FaultyProxy
from server_client import RawClient
from zygote_programs import BLOCK, noise

from plugin_bridge.stem_player import StemPlayer
from protocol import Applied, Flush, Flushed, Set, Stems

BLOCKS = 800
TOGETHER = 8  # blocks sent before the answers are waited for
ROUND_TRIP_SAMPLES = 16 * BLOCK
SHARE = 0.05


class Way:
    """A live stream through a proxy, played as the bridge does, but without a clock."""

    def __init__(self, client, dry):
        self._client, self._dry = client, dry
        opened = client.open(max_block_frames=BLOCK, round_trip_samples=ROUND_TRIP_SAMPLES)
        self.latency = opened.latency.total + BLOCK + ROUND_TRIP_SAMPLES
        self.player = StemPlayer(
            opened.stems,
            2,
            44100,
            latency_samples=self.latency,
            max_block_frames=BLOCK,
            history_frames=8 * 44100,
        )
        self.received, self.dropped_frames, self.heard = [], 0, []

    def run(self):
        """Play everything; returns what was heard, [stem, channel, frame]."""
        blocks = [(at, self._dry[:, at : at + BLOCK]) for at in range(0, self._dry.shape[1], BLOCK)]
        for number, (at, block) in enumerate(blocks):
            self._client.audio(block, at)
            self.heard.append(self.player.play(block).copy())
            if number % TOGETHER == TOGETHER - 1:
                self._client.send(Set(1))
                self._take_until(Applied)
        self._client.send(Flush(1))
        self._take_until(Flushed)
        return np.concatenate(self.heard, axis=2)

    def _take_until(self, kind):
        while not isinstance(message := self._client.receive(), kind):
            assert isinstance(message, Stems), message
            self.player.put(message)
            self.received.append(message)
            self.dropped_frames = max(self.dropped_frames, message.dropped_frames)


@pytest.fixture
def play(serve, endpoint, tmp_path):
    """Return a function that plays through a faulty proxy: way, proxy and what was heard."""
    serve()

    def through(dry, **faults):
        with (
            FaultyProxy(
                f"ipc://{tmp_path}/proxy.sock",
                endpoint,
                to_server=Faults(("audio",), **faults),
                to_client=Faults(("stems",), **faults),
                seed=4,
            ) as proxy,
            RawClient(proxy.endpoint) as client,
        ):
            way = Way(client, dry)
            return way, proxy, way.run()

    return through


def test_reordered_and_doubled_messages_change_nothing(play, figure):
    dry = noise(BLOCKS * BLOCK, 5)
    way, proxy, heard = play(dry, reorder=SHARE, duplicate=SHARE)
    due = stems_of(dry)[:, :, : dry.shape[1] - way.latency]
    different = int(np.count_nonzero(heard[:, :, way.latency :] != due))
    figure(
        "reorder, duplicate 5 %",
        blocks=BLOCKS,
        overtaken=f"{len(proxy.to_server.overtaken)} and {len(proxy.to_client.overtaken)}",
        doubled=f"{len(proxy.to_server.doubled)} and {len(proxy.to_client.doubled)}",
        samples_that_differ=different,
        late_blocks=way.player.late_blocks,
    )
    assert min(len(proxy.to_server.overtaken), len(proxy.to_client.overtaken)) > BLOCKS / 50
    assert min(len(proxy.to_server.doubled), len(proxy.to_client.doubled)) > BLOCKS / 50
    assert (different, way.player.late_blocks, way.dropped_frames) == (0, 0, 0)


def test_lost_messages_are_exact_gaps_and_counted(play, figure):
    dry = noise(BLOCKS * BLOCK, 6)
    way, proxy, heard = play(dry, loss=SHARE)
    there = dry.copy()
    for block in proxy.to_server.lost:
        there[:, block.position_samples : block.position_samples + BLOCK] = 0
    due = stems_of(there)
    for stems in way.received:
        end = stems.position_samples + stems.samples.shape[2]
        np.testing.assert_array_equal(stems.samples, due[:, :, stems.position_samples : end])
    played = dry.shape[1] - way.latency
    gone = [span(stems, played) for stems in proxy.to_client.lost]
    never_heard = sum(last - first for first, last in gone)
    lost_frames = BLOCK * len(proxy.to_server.lost)
    figure(
        "loss 5 %",
        blocks=BLOCKS,
        audio_lost=f"{lost_frames} frames, counted {way.dropped_frames}",
        stems_lost=f"{never_heard} frames, counted late {way.player.late_frames}",
        stems_exact=f"{len(way.received)} messages",
    )
    assert min(len(proxy.to_server.lost), len(proxy.to_client.lost)) > BLOCKS / 50
    assert way.dropped_frames == lost_frames
    assert way.player.late_frames == never_heard
    for first, last in gone:  # 5 ms of fade, then silence
        assert not heard[:, :, way.latency + first + 256 : way.latency + last].any()


def span(stems, played):
    """Return which of its positions were played."""
    first = min(stems.position_samples, played)
    return first, min(first + stems.samples.shape[2], played)
