"""What must be heard when a server is killed in mid-stream, whatever the host and its format.

The vocals are muted and the test separator halves the signal, so each frame is the stems (half the
dry signal), the dry signal, or, for a moment, a fade. A machine that is too busy may make the stems
late; it cannot make any of these claims false.
"""

import numpy as np

RATE_HZ = 44_100
TOLERANCE = 1e-5
FADE_FRAMES = RATE_HZ // 100  # 5 ms, and as much again to be sure
LONGEST_FADE_FRAMES = RATE_HZ // 10  # several in a row, where blocks are late one by one
LARGEST_STEP = 0.01


def tone(seconds):
    """A tone so low that a click stands out: its own steps are below 0.004. [channel, frame]."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.tile(0.25 * np.sin(2 * np.pi * 100.0 * time_s), (2, 1)).astype(np.float32)


def delayed(dry, latency_samples):
    """[channel, frame] of the same length, later."""
    return np.pad(dry, ((0, 0), (latency_samples, 0)))[:, : dry.shape[1]]


def longest_run(is_so):
    """Frames of the longest stretch of [frame] in which it is so."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_so, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def is_like(wet, expected):
    """[frame]: whether [channel, frame] are the same there."""
    return (np.abs(wet - expected) < TOLERANCE).all(axis=0)


def assert_aligned(wet, late, gain=0.5):
    """Every frame is the stems at this gain, or the dry signal, to the sample; fades are short."""
    stems = is_like(wet, gain * late)
    strays = longest_run(~(stems | is_like(wet, late)))
    assert strays < LONGEST_FADE_FRAMES, f"{strays} frames are neither stems nor dry in its place"
    assert longest_run(stems) > RATE_HZ // 2, "there were no stems"


def assert_dry_without_a_click_and_stems_again(wet, dry, latency_samples, killed_at, block_frames):
    """Hold [channel, frame] to all that is promised; ``killed_at``: the frame played by then."""
    late = delayed(dry, latency_samples)
    assert_aligned(wet[:, :killed_at], late[:, :killed_at])
    assert_aligned(wet, late)
    # What the server had sent when it died is still played: at most the latency's worth.
    dry_from = killed_at + latency_samples + block_frames + FADE_FRAMES
    lost = slice(dry_from, dry_from + RATE_HZ // 4)
    np.testing.assert_allclose(wet[:, lost], late[:, lost], atol=TOLERANCE)
    assert np.abs(np.diff(wet)).max() < LARGEST_STEP, "a click"
    assert longest_run(is_like(wet, 0.5 * late)[dry_from:]) > RATE_HZ, "the stems did not come back"
