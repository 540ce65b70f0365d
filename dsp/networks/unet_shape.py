"""What the amplitude U-Net is shaped like: known without weights, and without torch."""

from __future__ import annotations

LEVELS = 6
FIELDS = ("weight", "bias", "scale", "shift")

BIN_COUNT = 1024
"""The bins that the published weights were trained on, of a 4096-point transform: 0 to 11 kHz."""

GRID = 64
"""Six halvings: windows that start at multiples of this many frames fall on the same columns."""

GUESSED_FRAMES = 2
"""How many frames a stream puts behind the newest one where it has no future: it sounds on.

Against a future of zeros that is worth 0.3 to 0.4 dB live; one frame less and two more are worse.
"""

LOOK_AHEAD_FRAMES = 194
"""By how much offline masks trail their magnitudes: what the levels together wait for."""
