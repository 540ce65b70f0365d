"""The coverage-guided fuzzer for ten thousand messages, from the kept inputs on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "10000"))
FUZZER = Path(__file__).with_name("guided_fuzz.py")

pytest.importorskip("atheris", reason="the fuzzer atheris is not installed")


@pytest.mark.timeout(180 + MESSAGES // 100)
def test_no_input_that_reaches_new_code_gets_past_the_protocol(tmp_path, capsys):
    tmp_path.chmod(0o700)
    folder = Path(os.environ.get("FUZZ_FOLDER", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(FUZZER), str(MESSAGES), str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    with capsys.disabled():
        print(f"\n{finished.stdout}", end="")
    assert finished.returncode == 0, finished.stderr[-4000:]
    sent = int(finished.stdout.split()[0])
    assert sent >= MESSAGES
