"""Coverage-guided fuzzing of a running server: what reaches new code is kept and changed further.

    python tests/fuzz/guided_fuzz.py MESSAGES FOLDER

The bytecode of protocol and server is instrumented (atheris, libFuzzer), on every thread. Inputs
that reach something new are added to FOLDER/corpus, which begins with the kept ones. After so many
messages it prints its figures and ends with 0; when an answer is none of the protocol's it ends
with another code, and the input is in FOLDER. `keep_corpus.py` keeps what was found.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path

import atheris

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "helpers"), str(_HERE.parents[1])]

import dsp.networks.registry  # noqa: E402, F401 -- numba compiles nothing instrumented

with atheris.instrument_imports(include=["protocol", "server"]):
    from hostile_cases import MAXIMUM_CASE_BYTES, case_of
    from hostile_client import HostileClient
    from hostile_corpus import kept_inputs
    from hostile_target import (
        WellBehaved,
        check_well_behaved,
        describe,
        settled_tables,
        tables,
    )
    from server_client import running_server

    from server import Server


ROUND_TRIP_MS = 1000.0  # server and fuzzer share one interpreter here, and only here


class GuidedRun:
    """Attacks with what libFuzzer gives, until enough messages have been sent."""

    def __init__(self, server: Server, messages: int) -> None:
        self._server = server
        self._messages = messages
        self._started = time.monotonic()
        self._good = WellBehaved(server.endpoint, ROUND_TRIP_MS)
        self._client = HostileClient(server.endpoint)
        self._inputs = 0

    def attack(self, data: bytes) -> None:
        """Send what one input stands for; ends the process when it was the last."""
        self._client.attack(case_of(data))
        self._inputs += 1
        if self._client.messages >= self._messages:
            self._finish()

    def _finish(self) -> None:
        seconds = time.monotonic() - self._started
        during = tables(self._server)
        self._client.close()
        after = settled_tables(self._server, peers=1)
        counted = self._good.finish()
        print(f"{self._client.messages} messages in {self._inputs} inputs, {seconds:.1f} s")
        print("answers", dict(sorted(self._client.answers.items())))
        print("refused by", dict(sorted(self._client.codes.items())))
        print(describe(counted))
        print(f"tables at the end {during}\nafter the attackers {after}", flush=True)
        check_well_behaved(counted)
        assert after == dict.fromkeys(after, 0) | {"peers": 1, "streams": 1}
        os._exit(0)  # libFuzzer would go on


def main(messages: int, folder: Path) -> None:
    """Fuzz a server in this process; what was found is in the folder afterwards."""
    options = [f"-max_len={MAXIMUM_CASE_BYTES}", "-seed=1", "-timeout=60", "-len_control=0"]
    options += [f"-artifact_prefix={folder}/", "-verbosity=0"]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(kept_inputs()):
        (corpus / f"kept_{index:04}").write_bytes(data)
    with running_server(folder / "run", peer_timeout_s=1.0) as server:
        gc.collect()
        gc.freeze()  # as `serve` does: a search through all that was imported stops everybody
        run = GuidedRun(server, messages)
        atheris.Setup([sys.argv[0], *options, str(corpus)], run.attack)
        atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).resolve())
