"""Every truncation and every change of one byte of every message that servers send."""

import itertools
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from native_core import CORE, compile_core
from native_servers import WELCOME

from protocol import (
    Closed,
    Error,
    Latency,
    Opened,
    Ping,
    Pong,
    Stems,
    StemsError,
    decode,
    encode,
)

pytestmark = pytest.mark.slow  # minutes together: `make test-hosts`

SOURCES = [CORE / f"{name}.c" for name in ("wire_decode", "msgpack", "utf8")]
SOURCES += [Path(__file__).with_name("sweep.c")]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SAMPLES = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
MESSAGES = {
    "welcome": WELCOME,
    "opened": Opened(1, "m", "live", ("vocals",), Latency(1, 200, 70_000, 4), 2**40, 6, 7),
    "redirect": Opened(1, "m", "live", ("vocals",), Latency(1, 2, 3, 4), 5, 6, 7, "ipc:///x"),
    "stems": Stems(1, 0, 2**33, ("vocals",), SAMPLES),
    "ping": Ping(2**63),
    "pong": Pong(9),
    "closed": Closed(1, 2, 3),
    "error": Error("E302", "going, going", None),
    "error of a stream": Error("E201", "no", 70_000),
}
# Clients ignore fields that they have no use for, so what is wrong with those they do not see.
OF_FIELDS = {"E102", "E105", "E106"}
OTHER = 0


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    program = tmp_path_factory.mktemp("sweep") / "sweep"
    return compile_core(program, *SANITIZED, sources=SOURCES)


def run(program, message, folder):
    """Return the frames, and (result, kind) of every case in the program's order."""
    frames = [bytes(frame) for frame in encode(message)]
    file = folder / "message.bin"
    file.write_bytes(b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames))
    done = subprocess.run([program, file], env=os.environ, capture_output=True, check=False)
    return frames, done


def cases(frames):
    """The same cases, in the same order."""
    header, payload = frames[0], frames[1:]
    yield frames
    yield from ([header[:length], *payload] for length in range(len(header)))
    yield from ([header, payload[0][:n]] for n in range(len(payload[0]) if payload else 0))
    for at, value in itertools.product(range(len(header)), range(256)):
        yield [header[:at] + bytes([value]) + header[at + 1 :], *payload]


def refusal(frames):
    try:
        decode(frames)
    except StemsError as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", MESSAGES)
def test_c_takes_what_python_takes_and_refuses_what_it_refuses(name, sweep, tmp_path):
    frames, done = run(sweep, MESSAGES[name], tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    results = zip(done.stdout[::2], done.stdout[1::2], strict=True)
    count = 0
    for case, (result, kind) in zip(cases(frames), results, strict=True):
        code = refusal(case)
        assert result == 0 or code, case
        assert result != 0 or not code or code in OF_FIELDS or kind == OTHER, (case, code)
        count += 1
    assert count > 256 * len(frames[0])
    assert done.stdout[0] == 0


def test_a_byte_read_too_far_is_caught(tmp_path):
    flags = [*SANITIZED, "-DSEED_OVERREAD"]
    program = compile_core(tmp_path / "sweep", *flags, sources=SOURCES)
    _, done = run(program, MESSAGES["ping"], tmp_path)
    assert done.returncode != 0
    assert b"heap-buffer-overflow" in done.stderr
