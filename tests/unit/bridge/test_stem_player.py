"""The player keeps as much dry audio as its fallback reads, whatever history is asked for."""

import numpy as np

from plugin_bridge.stem_player import StemPlayer


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
