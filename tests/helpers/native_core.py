"""The C core through ctypes: built by gcc, called as a plugin format would."""

import ctypes as c
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

NATIVE = Path(__file__).parents[2] / "plugin_bridge" / "native"
CORE = NATIVE / "core"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
MIX, MULTI = 0, 1
OK, INACTIVE, FAILED = 0, 1, 2
BYPASS, DRY_WET, FOCUS, PROFILE, STATUS = 1, 2, 3, 4, 5
VOCALS, INSTRUMENTAL = 100, 110  # gain; + 1 mute, + 2 solo
OFF, STARTING, CONNECTED, FALLBACK, REFUSED = range(5)


class Block(c.Structure):
    _fields_ = [
        ("input", c.c_void_p),
        ("output", c.c_void_p),
        ("frames", c.c_uint32),
        ("offline", c.c_bool),
    ]


class Statistics(c.Structure):
    _fields_ = [
        ("blocks", c.c_uint64),
        ("late_frames", c.c_uint64),
        ("fallbacks", c.c_uint64),
        ("reconnects", c.c_uint64),
        ("lost_frames", c.c_uint64),
        ("headroom_samples", c.c_uint32),
    ]


def compiler():
    """Return gcc's path; skips the test, naming it, where there is none."""
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("gcc is missing: the native core cannot be built")
    return found


def compile_core(output, *extra, sources=None, program=None):
    """Build the core, or these sources, without a warning; NATIVE_CORE_FLAGS adds flags."""
    files = sorted(CORE.glob("*.c")) if sources is None else sources
    flags = ["-std=c11", "-O1", "-g", "-fPIC", "-pthread", "-D_POSIX_C_SOURCE=200809L"]
    include = [f"-I{CORE}", f"-I{NATIVE}"]
    flags += shlex.split(os.environ.get("NATIVE_CORE_FLAGS", ""))
    command = [program or compiler(), *flags, *WARNINGS, *include, *map(str, files), *extra]
    subprocess.run([*command, "-o", str(output), "-lm"], check=True)
    return output


@lru_cache(maxsize=1)
def library():
    """Return the core as a shared library, built once for each state of its sources."""
    digest = hashlib.sha256()
    for file in sorted([*CORE.iterdir(), NATIVE / "phoenix_protocol.h"]):
        digest.update(file.name.encode() + file.read_bytes())
    folder = Path(tempfile.mkdtemp(prefix="native-core-"))
    core = c.CDLL(str(compile_core(folder / f"{digest.hexdigest()[:12]}.so", "-shared")))
    shutil.rmtree(folder)
    p = c.c_void_p
    core.stems_plugin_create.restype = p
    core.stems_plugin_create.argtypes = [c.c_int]
    for name in ("destroy", "deactivate", "reset"):
        getattr(core, f"stems_plugin_{name}").argtypes = [p]
    core.stems_plugin_activate.argtypes = [p, c.c_double, c.c_uint32, c.c_uint32]
    core.stems_plugin_activate.restype = c.c_bool
    core.stems_plugin_process.argtypes = [p, c.POINTER(Block)]
    core.stems_plugin_latency_samples.argtypes = [p]
    core.stems_plugin_latency_samples.restype = c.c_uint32
    core.stems_plugin_set_parameter.argtypes = [p, c.c_uint32, c.c_double]
    core.stems_plugin_set_parameter.restype = c.c_bool
    core.stems_plugin_get_parameter.argtypes = [p, c.c_uint32]
    core.stems_plugin_get_parameter.restype = c.c_double
    core.stems_plugin_load_preset.argtypes = [p, c.c_size_t]
    core.stems_plugin_load_preset.restype = c.c_bool
    core.stems_plugin_save.argtypes = [p, c.c_char_p, c.c_size_t]
    core.stems_plugin_save.restype = c.c_size_t
    core.stems_plugin_restore.argtypes = [p, c.c_char_p, c.c_size_t]
    core.stems_plugin_restore.restype = c.c_bool
    core.stems_plugin_status.argtypes = [p]
    core.stems_plugin_status_text.argtypes = [p, c.c_char_p, c.c_size_t]
    core.stems_plugin_status_text.restype = c.c_size_t
    core.stems_plugin_statistics.argtypes = [p, c.POINTER(Statistics)]
    return core


def _pointers(rows):
    return (c.c_void_p * len(rows))(*[row.ctypes.data for row in rows])


class Plugin:
    """One instance; use as a context manager."""

    def __init__(self, kind=MIX):
        self.core = library()
        self.handle = self.core.stems_plugin_create(kind)
        self.buses = 1 if kind == MIX else 2

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.core.stems_plugin_destroy(self.handle)

    def activate(self, rate_hz=44100, max_block_frames=256, channels=2):
        self.channels = channels
        return self.core.stems_plugin_activate(self.handle, rate_hz, max_block_frames, channels)

    def deactivate(self):
        self.core.stems_plugin_deactivate(self.handle)

    def reset(self):
        self.core.stems_plugin_reset(self.handle)

    def process(self, dry, *, offline=False, in_place=False):
        """Take [channel, frame]; return the result's code and [bus, channel, frame]."""
        dry = np.ascontiguousarray(dry, np.float32).copy()
        out = np.full((self.buses, *dry.shape), np.nan, np.float32)
        rows = [list(out[bus]) for bus in range(self.buses)]
        if in_place:
            rows[0] = list(dry)
        buses = [_pointers(row) for row in rows]
        inputs = _pointers(list(dry))
        table = (c.c_void_p * len(buses))(*[c.addressof(bus) for bus in buses])
        block = Block(c.addressof(inputs), c.addressof(table), dry.shape[1], offline)
        code = self.core.stems_plugin_process(self.handle, c.byref(block))
        if in_place:
            out[0] = dry
        return code, out

    def play(self, dry, cuts, *, offline=True):
        """Process in blocks of these lengths, over and over; return [bus, channel, frame]."""
        parts, at, i = [], 0, 0
        while at < dry.shape[1]:
            code, out = self.process(dry[:, at : at + cuts[i % len(cuts)]], offline=offline)
            assert code == OK, self.why
            parts.append(out)
            at, i = at + out.shape[2], i + 1
        return np.concatenate(parts, axis=2)

    def set(self, identifier, value):
        return self.core.stems_plugin_set_parameter(self.handle, identifier, value)

    def get(self, identifier):
        return self.core.stems_plugin_get_parameter(self.handle, identifier)

    @property
    def latency(self):
        return self.core.stems_plugin_latency_samples(self.handle)

    @property
    def status(self):
        return self.core.stems_plugin_status(self.handle)

    @property
    def why(self):
        text = c.create_string_buffer(600)
        self.core.stems_plugin_status_text(self.handle, text, len(text))
        return text.value.decode()

    @property
    def statistics(self):
        statistics = Statistics()
        self.core.stems_plugin_statistics(self.handle, c.byref(statistics))
        return statistics

    def save(self):
        state = c.create_string_buffer(512)
        length = self.core.stems_plugin_save(self.handle, state, len(state))
        return state.raw[:length]

    def restore(self, state):
        return self.core.stems_plugin_restore(self.handle, state, len(state))
