"""Sound fonts play parts: FluidSynth, as a program of its own, one part at a time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import soundfile

from dsp.training.errors import TrainingDataError
from dsp.training.pcm_cache import RATE_HZ
from dsp.training.rendering.score import write_part

if TYPE_CHECKING:
    from dsp.training.rendering.score import Part

FloatArray = npt.NDArray[np.float32]

FONTS_FOLDER = Path("/usr/share/sounds")
_PATIENCE_S = 300.0
_GAIN = 0.5  # of FluidSynth, low enough that sixteen loud notes at once do not clip


def find_fonts(folder: Path = FONTS_FOLDER) -> tuple[Path, ...]:
    """List the sound fonts of a folder, each once; raises TrainingDataError if there are none."""
    fonts = {path.resolve() for path in folder.rglob("*.sf[23]")}
    if not fonts:
        raise TrainingDataError(
            f"{folder}: no sound fonts (*.sf2, *.sf3); run: make system-packages-render"
        )
    return tuple(sorted(fonts))


def find_fluidsynth() -> str:
    """Return FluidSynth's path; raises TrainingDataError that says how to install it."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise TrainingDataError("fluidsynth is not installed; run: make system-packages-render")
    return program


def play(part: Part, font: Path, frames: int, rng: np.random.Generator) -> FloatArray:
    """Play a part: [channel 2, frame] at ``RATE_HZ``, with a room now and then.

    Raises TrainingDataError where FluidSynth fails, with what it said.
    """
    room = ["-R", str(int(rng.random() < 0.5)), "-C", str(int(rng.random() < 0.3))]
    with tempfile.TemporaryDirectory() as folder:
        notes, sound = Path(folder, "part.mid"), Path(folder, "part.wav")
        write_part(part, notes)
        command = [find_fluidsynth(), "-ni", "-q", *room, "-g", str(_GAIN), "-r", str(RATE_HZ)]
        command += ["-O", "float", "-T", "wav", "-F", str(sound), str(font), str(notes)]
        done = subprocess.run(  # noqa: S603 -- our own command line
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
        # A font that it cannot read is an error on its standard error, silence, and exit code 0.
        if done.returncode or "error" in done.stderr or not sound.is_file():
            raise TrainingDataError(f"fluidsynth with {font.name}: {done.stderr.strip()}")
        samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    played = np.zeros((2, frames), np.float32)
    heard = min(frames, len(samples))
    played[:, :heard] = samples[:heard].T
    return played
