"""Guard: what we do over a yardstick, as ratios; ``make bench-check`` fails where one got worse.

A ratio is cost of ours over cost of the yardstick, so less is better. Both are taken in turn in one
process and timed by the processor time of this thread, so that other programs do not count. The
committed baseline, ``ratios.json``, holds ratios and the machine they are from, never times: each
is the median of some measurements, since a lucky one would make all later ones look worse.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.hop import one_thread
from benchmarks.machine import describe_machine
from benchmarks.ratios_pairs import PAIRS, Pair
from server.commands.json_output import write_json

ALLOWED_WORSENING = 1.25
TRIES = 3  # noise makes one measurement worse, what got slower is worse in all
STORED_OF = 5  # measurements, the median
BASELINE = Path(__file__).with_name("ratios.json")


@dataclass(frozen=True)
class Baseline:
    """Ratios by name, and the machine on which they were measured."""

    machine: Mapping[str, str]
    ratios: Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """A ratio beside its baseline."""

    name: str
    ratio: float
    baseline: float

    @property
    def is_worse(self) -> bool:
        """It costs more than a quarter more than it did."""
        return self.ratio > ALLOWED_WORSENING * self.baseline


def measure(pair: Pair) -> float:
    """Return our least cost over the yardstick's least, both taken in turn.

    What disturbs a round, another program in the cache or on the memory bus, only ever adds to it.
    """
    pair.ours(), pair.yardstick()
    costs_s = [
        (_cost_s(pair.ours, pair.repeats), _cost_s(pair.yardstick, pair.repeats))
        for _ in range(pair.rounds)
    ]
    ours_s, yardstick_s = map(min, zip(*costs_s, strict=True))
    return ours_s / yardstick_s


def measure_all(names: Iterable[str] = PAIRS) -> dict[str, float]:
    """Return ratios by name, on one thread."""
    with one_thread():
        return {name: measure(PAIRS[name]()) for name in names}


def compare(
    baseline: Mapping[str, float], again: Callable[[str], float], tries: int = TRIES
) -> list[Finding]:
    """Measure every ratio of the baseline; of one that is worse, the best of several tries."""
    findings = []
    for name, before in baseline.items():
        finding = Finding(name, again(name), before)
        for _ in range(tries - 1):
            if not finding.is_worse:
                break
            finding = Finding(name, min(finding.ratio, again(name)), before)
        findings.append(finding)
    return findings


def read_baseline(file: Path) -> Baseline:
    """Read a stored baseline; raises ValueError where its ratios are not those that we measure."""
    stored = json.loads(file.read_text(encoding="utf-8"))
    if stored["ratios"].keys() != PAIRS.keys():
        raise ValueError(
            f"{file} holds {', '.join(stored['ratios'])}; {', '.join(PAIRS)} expected: store it "
            "again with `make bench`"
        )
    return Baseline(stored["machine"], stored["ratios"])


def check(file: Path) -> int:
    """Compare with a baseline and print; 1 where a ratio is worse, 0 where all hold.

    Ratios of another processor say nothing about this one: then nothing is measured.
    """
    baseline, here = read_baseline(file), describe_machine()
    if _processor(here) != _processor(baseline.machine):
        print(f"nothing compared: {file} is of {_processor(baseline.machine)}, here is "
              f"{_processor(here)}; `make bench` stores a baseline")  # fmt: skip
        return 0
    findings = compare(baseline.ratios, lambda name: measure_all([name])[name])
    for finding in findings:
        verdict = "WORSE" if finding.is_worse else "ok"
        print(f"{finding.name:28}{finding.ratio:9.4f}{finding.baseline:9.4f}  {verdict}")
    return int(any(finding.is_worse for finding in findings))


def store(file: Path) -> int:
    """Measure all ratios and make their medians the baseline; always 0."""
    measured = [measure_all() for _ in range(STORED_OF)]
    ratios = {name: round(median(each[name] for each in measured), 4) for name in measured[0]}
    write_json(file, {"machine": describe_machine(), "ratios": ratios})
    for name, ratio in ratios.items():
        print(f"{name:28}{ratio:9.4f}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Store or check."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ratios", description=__doc__)
    parser.add_argument("action", choices=("store", "check"))
    parser.add_argument("--file", type=Path, default=BASELINE, help="the baseline")
    given = parser.parse_args(arguments)
    return store(given.file) if given.action == "store" else check(given.file)


def _cost_s(call: Callable[[], object], repeats: int) -> float:
    start = time.thread_time()
    for _ in range(repeats):
        call()
    return time.thread_time() - start


def _processor(machine: Mapping[str, str]) -> str:
    return f"{machine['processor']} ({machine['vectors']})"


if __name__ == "__main__":
    raise SystemExit(main())
