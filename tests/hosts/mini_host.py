"""The host in miniature (mini_host/*.c): one program, three formats, live or offline."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import LV2_HEADER, NATIVE
from native_core import CORE, compile_core

SOURCES = [*Path(__file__).with_name("mini_host").glob("*.c"), NATIVE / "lv2" / "ports.c"]
FORMATS = ("lv2", "vst3", "clap")
TIMEOUT_S = 150


def build_mini_host(output, *flags, program=None):
    """Build it, without a warning; skips, naming what is missing."""
    if not LV2_HEADER.exists():
        pytest.skip("needs the LV2 headers (Debian package lv2-dev)")
    include = [f"-I{NATIVE / folder}" for folder in ("shims", "lv2", "clap", "vst3")]
    sources = [*sorted(CORE.glob("*.c")), *SOURCES]
    return compile_core(output, *include, *flags, "-ldl", sources=sources, program=program)


class MiniHost:
    """Runs the program; audio is [channel, frame] at 44.1 kHz."""

    def __init__(self, program, bundles, folder):
        self.program, self.bundles, self.folder = program, bundles, folder

    def run(self, form, mode, dry, block_frames, *kill):
        """Play ``dry``; returns the process, and what was played if it came to its end.

        ``kill``: the server's process number, and the frame at which it is killed.
        """
        played, recorded = self.folder / "in.f32", self.folder / "out.f32"
        dry.astype("<f4").tofile(played)
        recorded.unlink(missing_ok=True)
        command = [self.program, form, self.bundles.libraries[form], mode, block_frames]
        done = subprocess.run(
            [*map(str, command), str(played), str(recorded), *map(str, kill)],
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        wet = np.fromfile(recorded, "<f4").reshape(2, -1) if recorded.exists() else None
        return done, wet


def clang():
    """Return a clang that watches real-time safety; skips, naming it, where there is none."""
    found = shutil.which("clang-22")
    if found is None:
        pytest.skip("clang-22 is missing: only clang from version 20 on checks real-time safety")
    return found
