"""Side by side: our networks and what people would otherwise run, on one song, one thread, one run.

``make bench-peers`` runs this and writes the table into docs/performance.md. Contestants take
turns, round by round, so that the machine's moods meet all alike; figures are medians of rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks.machine import describe_machine
from benchmarks.peers_contestants import CONTESTANTS, RATE_HZ, Contestant
from benchmarks.peers_process import ContestantProcess, processes
from benchmarks.peers_rows import Row, with_ratios
from benchmarks.peers_table import peers_table
from benchmarks.performance_page import replace_part
from server.commands.json_output import write_json


def measure_peers(
    rounds: int,
    start_s: float,
    seconds: float,
    only: Sequence[str] = (),
) -> list[Row]:
    """Return the rows, ours first; vocals are scored on a part of the song."""
    contestants = [one for one in CONTESTANTS if not only or one.name in only]
    with processes([one.name for one in contestants]) as started:
        ready = [process for process in started if not process.hello.missing]
        turns: dict[ContestantProcess, list[float]] = {process: [] for process in ready}
        for _ in tqdm(range(rounds), desc="rounds", leave=False):
            for process in ready:
                turns[process].append(process.step_seconds())
        rows: list[Row] = []
        for contestant, process in zip(contestants, started, strict=True):
            step_s = median(turns[process]) if process in turns else 0.0
            rows += _rows(contestant, process, step_s, (start_s, seconds))
    return list(with_ratios(rows))


def _rows(
    contestant: Contestant, process: ContestantProcess, step_s: float, span_s: tuple[float, float]
) -> Iterator[Row]:
    hello, package = process.hello, contestant.package
    if hello.missing:
        yield Row(contestant.name, package, missing=hello.missing)
        return
    package = f"{package} {hello.version}" if package else ""
    peak_mib = process.peak_mib()
    for use, score in zip(hello.uses, process.scores(*span_s), strict=True):
        yield Row(
            contestant.name,
            package,
            use.way,
            use.how,
            use.latency_samples,
            1e3 * step_s,
            step_s * RATE_HZ / use.advance_samples,
            vocals_usdr_db=score,
            peak_mib=peak_mib,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write page and JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contestant [7]")
    parser.add_argument(
        "--start", type=float, default=12.0, help="second where scoring begins [12]"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds that are scored [5]")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument("--only", nargs="+", choices=names, default=(), help="leave others out")
    given = parser.parse_args(arguments)
    rows = measure_peers(given.rounds, given.start, given.seconds, given.only)
    machine = describe_machine()
    table = peers_table(rows, machine, (given.start, given.seconds))
    print(table)
    write_json(given.json, {"machine": machine, "rows": [asdict(row) for row in rows]})
    if given.page is not None:
        replace_part(given.page, "peers", table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
