"""The whole core under the sanitizers, each of which is seen to catch a seeded fault."""

import os
import shutil
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


def clang():
    """Return a clang that knows what blocks; skips, naming it, where there is none."""
    found = shutil.which("clang-22")
    if found is None:
        pytest.skip("clang-22 is missing: only clang from version 20 on checks real-time safety")
    return found


def effects(*defines):
    """Return what -Wfunction-effects says of the core and the driver."""
    files = [*sorted(CORE.glob("*.c")), DRIVER]
    flags = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", f"-I{CORE}", f"-I{CORE.parent}"]
    command = [clang(), *flags, "-fsyntax-only", "-Wfunction-effects", *defines, *files]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_the_compiler_proves_that_the_callback_never_blocks():
    assert "function-effects" not in effects()
    assert "function-effects" in effects("-DSEED_BLOCKING")


def test_the_callback_is_watched_while_it_runs_and_never_blocks(tmp_path):
    sources = [*sorted(CORE.glob("*.c")), DRIVER]
    for defines in [[], ["-DSEED_BLOCKING"]]:
        flags = ["-fsanitize=realtime", "-Wno-function-effects", *defines]
        program = compile_core(tmp_path / "drive", *flags, sources=sources, program=clang())
        with ServerProcess(tmp_path) as server:
            server.wait_ready()
            environment = os.environ | {"PHOENIX_STEMS_ENDPOINT": server.endpoint}
            done = subprocess.run([program], env=environment, capture_output=True, check=False)
        assert (done.returncode != 0) == bool(defines), done.stderr
        assert (b"RealtimeSanitizer" in done.stderr) == bool(defines)


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
