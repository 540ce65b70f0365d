"""The player keeps as much dry audio as its fallback reads, whatever history is asked for."""

import numpy as np
import pytest

from plugin_bridge.stem_player import StemPlayer
from protocol import Stems


def test_without_any_history_the_fallback_is_still_the_dry_audio():
    latency, block = 50, 30
    player = StemPlayer(
        ("mix",), 1, 44_100, latency_samples=latency, max_block_frames=block, history_frames=0
    )
    dry = np.arange(1, 20 * block + 1, dtype=np.float32)[None]
    heard = [player.play(dry[:, at : at + block]) for at in range(0, dry.shape[1], block)]
    output = np.concatenate(heard, axis=2)[0]
    settled = 10 * block  # the fade is over
    np.testing.assert_array_equal(output[:, settled:], dry[:, settled - latency : -latency])


def steady_player(value, **changes):
    """Return a player that has played ``value`` of both stems for a while, at 1000 Hz."""
    options = {"latency_samples": 0, "max_block_frames": 10, "history_frames": 0} | changes
    player = StemPlayer(("mix", "vocals"), 1, 1000, **options)
    for position in range(0, 100, 10):
        player.put(Stems(1, 0, position, player.stems, np.full((2, 1, 10), value, np.float32)))
        heard = player.play(np.zeros((1, 10), np.float32))
    assert np.all(heard == value)
    return player


@pytest.mark.parametrize("latency", [0, 20])
def test_a_seek_lets_what_was_played_last_die_away(latency):
    """With a latency, silence follows, which counts as having arrived."""
    player = steady_player(0.5, latency_samples=latency)
    player.seek(5000)
    heard = player.play(np.zeros((1, 10), np.float32))[:, 0]
    steps = np.diff(heard, axis=1, prepend=np.float32(0.5))
    assert np.max(np.abs(steps)) < 0.2, "no click"
    assert np.all(heard[:, 0] > 0.4)
    assert np.all(heard[:, 5:] == 0), "after five milliseconds"


def test_stems_of_a_player_that_has_a_place_in_the_song_are_waited_for_there():
    player = StemPlayer(
        ("mix",), 1, 1000, latency_samples=20, max_block_frames=10, history_frames=5,
        position_samples=700,
    )  # fmt: skip
    assert player.ready_frames == 0
    player.put(Stems(1, 0, 700, ("mix",), np.ones((1, 1, 10), np.float32)))
    assert player.ready_frames == 30, "20 of silence before the first"
    player.play(np.zeros((1, 10), np.float32))
    assert player.ready_frames == 20


def test_changes_of_stems_that_were_ahead_of_a_seek_hold_from_it_on():
    player = steady_player(0.5)
    player.change_stems(400, ("drums",))
    player.change_stems(900, ("vocals", "mix", "drums"))
    assert player.latest_stems == ("vocals", "mix", "drums")
    player.seek(50)
    assert player.play(np.zeros((1, 10), np.float32)).shape == (3, 1, 10)
    assert player.stems == ("vocals", "mix", "drums")


def test_the_ring_holds_the_latency_and_two_blocks_ahead():
    player = StemPlayer(
        ("mix",), 1, 1000, latency_samples=20, max_block_frames=10, history_frames=0
    )
    player.put(Stems(1, 0, 0, ("mix",), np.ones((1, 1, 19), np.float32)))
    assert player.refused_frames == 0
    player.put(Stems(1, 0, 19, ("mix",), np.ones((1, 1, 2), np.float32)))
    assert player.refused_frames == 1, "positions -20 to 20 fit"


def test_a_fallback_with_several_channels_is_the_dry_audio_of_each():
    player = StemPlayer(("mix",), 2, 1000, latency_samples=4, max_block_frames=8, history_frames=0)
    dry = np.arange(160, dtype=np.float32).reshape(2, 80)
    heard = [player.play(dry[:, at : at + 8]) for at in range(0, 80, 8)]
    output = np.concatenate(heard, axis=2)[0]
    np.testing.assert_array_equal(output[:, 40:], dry[:, 36:-4])
