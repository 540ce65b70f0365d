"""The whole core under the sanitizers, each of which is seen to catch a seeded fault."""

import os
import shutil
import subprocess
import sys
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


def drive(tmp_path, *flags, under=(), program=None):
    """Build the driver with these flags and run it, with a server, under a command."""
    sources = [*sorted(CORE.glob("*.c")), DRIVER]
    driver = compile_core(tmp_path / "drive", *flags, sources=sources, program=program)
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        environment = os.environ | OPTIONS | {"PHOENIX_STEMS_ENDPOINT": server.endpoint}
        return subprocess.run(
            [*under, driver], env=environment, capture_output=True, text=True, check=False
        )


def run(tmp_path, sanitizer, *defines):
    flags = [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-Wno-maybe-uninitialized"]
    return drive(tmp_path, *flags, *defines)


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
    for defines in [[], ["-DSEED_BLOCKING"]]:
        flags = ["-fsanitize=realtime", "-Wno-function-effects", *defines]
        done = drive(tmp_path, *flags, program=clang())
        assert (done.returncode != 0) == bool(defines), done.stderr
        assert ("RealtimeSanitizer" in done.stderr) == bool(defines)


@pytest.mark.slow
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


def memcheck(tmp_path, *defines):
    """Run under valgrind, which ends with 66 where it found anything, a lost byte included."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is missing: `make system-packages-hosts` installs it")
    kinds = "--errors-for-leak-kinds=all"
    command = ["valgrind", "--error-exitcode=66", "--leak-check=full", kinds, "--track-fds=yes"]
    return drive(tmp_path, "-Wno-maybe-uninitialized", *defines, under=command)


@pytest.mark.slow
def test_memcheck_finds_nothing(tmp_path):
    done = memcheck(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "connected" in done.stdout
    assert "ERROR SUMMARY: 0 errors" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("-DSEED_STALE", "Invalid read"),
        ("-DSEED_UNSET", "uninitialised value"),
        ("-DSEED_LEAK", "definitely lost"),
    ],
)
def test_memcheck_catches_a_seeded_fault(tmp_path, fault, words):
    done = memcheck(tmp_path, fault)
    assert done.returncode == 66
    assert words in done.stderr


LAWS = ["msgpack", "rings", "mixer", "player", "zmtp", "wire"]


def laws(*names, flags=""):
    """Run the laws of the core's parts in another Python, the parts built with sanitizers."""
    sanitizers = "-fsanitize=address,undefined -fno-sanitize-recover=all"
    library = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {
        "NATIVE_CORE_FLAGS": f"{sanitizers} -Wno-maybe-uninitialized {flags}",
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=66",  # Python itself never frees all it has
    }
    files = [str(Path(__file__).with_name(f"test_native_{name}.py")) for name in names]
    options = ["-q", "-s", "-p", "no:cacheprovider", "--timeout=600"]  # -s: see the sanitizer
    command = [sys.executable, "-m", "pytest", *options, *files]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_laws_of_the_parts_hold_under_the_sanitizers():
    done = laws(*LAWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(".") > 100, "not a test was left out"


@pytest.mark.slow
def test_a_fault_in_a_part_is_caught():
    done = laws("rings", flags="-DSEED_OVERFLOW")
    assert done.returncode == 66
    assert "heap-buffer-overflow" in done.stderr
