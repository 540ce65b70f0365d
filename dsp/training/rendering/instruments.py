"""Which of General MIDI's programs belong to which stem (General MIDI level 1 sound set)."""

from __future__ import annotations

PROGRAMS: dict[str, tuple[int, ...]] = {
    "piano": tuple(range(8)),
    "acoustic_guitar": (24, 25),
    "electric_guitar": (26, 27, 28, 29, 30, 31),
    "bass": tuple(range(32, 40)),
    "synthesizer": (50, 51, *range(80, 104)),
    # Mallets, organs, strings, brass, reeds, pipes, plucked ones of the world.
    "other": (*range(8, 24), *range(40, 50), *range(56, 80), *range(104, 112)),
}
"""The instruments of each stem. Choir, voice and sound effects (52-55, 112-127) are left out."""

LEADS: tuple[int, ...] = (22, 26, 27, 29, 40, 56, 60, 64, 65, 66, 68, 71, 73, 74, 75, 80, 81)
"""Those that play a melody where a voice might: what is taken for one most easily."""

KITS: tuple[int, ...] = (0, 8, 16, 24, 25, 32, 40)
"""Drum kits of the GS standard: standard, room, power, electronic, TR-808, jazz, brush."""


def stem_of(program: int) -> str | None:
    """Name the stem a program belongs to; None where it sings or is no instrument."""
    return next((stem for stem, programs in PROGRAMS.items() if program in programs), None)
