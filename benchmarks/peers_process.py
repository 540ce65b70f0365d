"""A contestant in a process of its own: its memory is its own, and it computes when asked to.

Cost is the process's time on the processor, not the wall clock: with one thread they are the same
on an idle machine, and on a busy one the others' work does not count as the contestant's.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from multiprocessing.connection import Connection
from typing import Any

import torch

from benchmarks.peers_contestants import CONTESTANTS, Runner, Use
from benchmarks.song import Song, bundled_song
from dsp.evaluation.metrics import usdr

TURN_S = 0.5  # a turn repeats its step until it has taken this long
_KIBIBYTE_PER_MEBIBYTE = 1024


@dataclass(frozen=True)
class UseReport:
    """What is known of a use before anything is timed."""

    way: str
    how: str
    advance_samples: int
    latency_samples: int
    real_weights: bool


@dataclass(frozen=True)
class Hello:
    """A contestant that is ready; or, with ``missing``, why it is not."""

    version: str
    uses: tuple[UseReport, ...]
    missing: str = ""


class ContestantFailedError(RuntimeError):
    """A contestant's process broke down; the message holds what it said last."""


class ContestantProcess:
    """The parent's end of a contestant; used as a context."""

    def __init__(self, name: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(name, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.hello: Hello = self._answer()

    def step_seconds(self) -> float:
        """Take a turn; returns processor seconds of one step."""
        return float(self._ask("turn"))

    def peak_mib(self) -> float:
        """Return the most memory that the process has had resident so far."""
        return float(self._ask("peak"))

    def scores(self, start_s: float, seconds: float) -> list[float | None]:
        """Return vocals uSDR in dB of each use on a span of the song; None for random weights."""
        answer: list[float | None] = self._ask("score", start_s, seconds)
        return answer

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._pipe.send(("stop",))
        self._process.join(1.0)
        self._process.kill()
        self._pipe.close()

    def _ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        return self._answer()

    def _answer(self) -> Any:
        try:
            failed, answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            raise ContestantFailedError(f"a contestant ended with code {code}") from None
        if failed:
            raise ContestantFailedError(answer)
        return answer


@contextlib.contextmanager
def processes(names: Sequence[str]) -> Iterator[list[ContestantProcess]]:
    """Start these contestants, one after the other, and end them."""
    with contextlib.ExitStack() as stack:
        started: list[ContestantProcess] = []
        for name in names:
            started.append(ContestantProcess(name))
            stack.callback(started[-1].close)
        yield started


def serve(name: str, pipe: Connection) -> None:
    """Be a contestant: say hello, then do what is asked until told to stop."""
    with pipe:
        try:
            torch.set_num_threads(1)
            _serve(name, pipe)
        except Exception as failure:  # noqa: BLE001 -- whatever a peer raises, the parent tells it
            pipe.send((True, f"{name}: {type(failure).__name__}: {failure}"))


def _serve(name: str, pipe: Connection) -> None:
    (contestant,) = (one for one in CONTESTANTS if one.name == name)
    song = bundled_song()
    try:
        version = contestant.version
    except PackageNotFoundError:
        pipe.send((False, Hello("", (), f"{contestant.package} is not installed")))
        return
    runner = contestant.make(song)
    runner.step()  # compiles, fills caches
    pipe.send((False, Hello(version, tuple(_report(use) for use in runner.uses))))
    while (request := pipe.recv())[0] != "stop":
        pipe.send((False, _answer(runner, song, request)))


def _answer(runner: Runner, song: Song, request: tuple[Any, ...]) -> Any:
    match request:
        case ("turn",):
            return timed_turn(runner.step)
        case ("peak",):
            peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return peak_kib / _KIBIBYTE_PER_MEBIBYTE
        case ("score", start_s, seconds):
            return [score(use, song, start_s, seconds) for use in runner.uses]
    raise ValueError(f"{request[0]}: turn, peak, score or stop expected")


def timed_turn(step: Callable[[], object]) -> float:
    """Repeat a step for TURN_S; returns processor seconds of one."""
    count, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < TURN_S or not count:
        step()
        count += 1
    return elapsed / count


def score(use: Use, song: Song, start_s: float, seconds: float) -> float | None:
    """Vocals uSDR in dB on a span of the song; None where the weights are random."""
    if use.vocals is None:
        return None
    start = round(start_s * song.rate_hz)
    span = slice(start, start + round(seconds * song.rate_hz))
    return usdr(song.vocals[:, span], use.vocals(song.mixture, span))


def _report(use: Use) -> UseReport:
    return UseReport(
        str(use.way), use.how, use.advance_samples, use.latency_samples, use.vocals is not None
    )
