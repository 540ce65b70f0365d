"""The whole core under the thread, address and undefined-behaviour sanitizers; each seen to catch a seeded fault."""

import os
import subprocess
from pathlib import Path

import pytest
from native_core import CORE, compile_core
from server_client import ServerProcess

DRIVER = Path(__file__).with_name("drive.c")
OPTIONS = {
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=66",
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=66",
    "UBSAN_OPTIONS": "halt_on_error=1:exitcode=66",
}


def run(tmp_path, sanitizer, *defines):
    sources = [*sorted(CORE.glob("*.c")), DRIVER]
    flags = [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-Wno-maybe-uninitialized"]
    program = compile_core(tmp_path / "drive", *flags, *defines, sources=sources)
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        environment = os.environ | OPTIONS | {"PHOENIX_STEMS_ENDPOINT": server.endpoint}
        return subprocess.run(
            [program], env=environment, capture_output=True, text=True, check=False
        )


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_a_busy_host_finds_nothing(tmp_path, sanitizer):
    done = run(tmp_path, sanitizer)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()


@pytest.mark.parametrize(
    ("sanitizer", "fault"),
    [
        ("thread", "-DSEED_RACE"),
        ("address,undefined", "-DSEED_OVERFLOW"),
        ("address,undefined", "-DSEED_SHIFT"),
        ("address", "-DSEED_LEAK"),
    ],
)
def test_a_seeded_fault_is_caught(tmp_path, sanitizer, fault):
    done = run(tmp_path, sanitizer, fault)
    assert done.returncode != 0
    assert "Sanitizer" in done.stderr or "runtime error" in done.stderr
