"""Mutation testing: how many small wrong versions of the code do the tests notice?

    python tests/mutation/mutate.py [--module NAME ...] [--sample N] [--seed S] [--json FILE]

For each module of the plan: parse it, make its mutants one by one in memory, and run the module's
tests in a fork that imports the mutant in the module's place. No file is touched. The libraries are
imported once, before the forks, so a mutant costs a fraction of a second. Ends with 1 when fewer
than ``BOUND`` of all mutants are killed.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mutants import Mutant, mutants_of, mutated
from mutation_plan import PLANS, Plan

BOUND = 0.85
ROOT = Path(__file__).parents[2]
_TIMEOUT_FACTOR, _TIMEOUT_EXTRA_S = 4.0, 10.0
_OPTIONS = (
    "-x",
    "-q",
    "-p",
    "mutation_profile",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:cov",
    "--timeout=0",
)
_LIBRARIES = ("numpy", "msgpack", "zmq", "hypothesis", "pytest", "structlog", "torch", "numba")


@dataclass(frozen=True)
class Verdict:
    """What the tests made of one mutant."""

    module: str
    line: int
    what: str
    outcome: str  # killed, survived or timeout


class MutantFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a mutant where its module is asked for."""

    def __init__(self, plan: Plan, source: str, number: int) -> None:
        self._plan = plan
        self._code = compile(mutated(source, number), str(ROOT / plan.path), "exec")

    def find_spec(self, name: str, *_: Any) -> Any:
        """Claim the mutated module, and no other."""
        if name != self._plan.module:
            return None
        return importlib.util.spec_from_file_location(name, ROOT / self._plan.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutant."""
        exec(self._code, vars(module))  # noqa: S102 -- it is our own source, parsed and changed


def main() -> int:
    """Mutate what the arguments ask for; returns the exit code."""
    arguments = _parse()
    if arguments.worker:
        return _work(arguments)
    verdicts: list[Verdict] = []
    for plan in PLANS:
        if not arguments.module or plan.module in arguments.module:
            verdicts += _in_a_process_of_its_own(plan, arguments)
    killed = sum(verdict.outcome != "survived" for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} mutants killed: {killed / len(verdicts):.1%}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(v) for v in verdicts], indent=1) + "\n")
    return 0 if killed >= BOUND * len(verdicts) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--module", action="append", default=[], help="only these modules")
    parser.add_argument("--sample", type=int, default=0, help="mutants of a module; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--json", type=Path, help="write every verdict here")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process_of_its_own(plan: Plan, arguments: argparse.Namespace) -> list[Verdict]:
    """Each module has its own environment, and must not have been imported before the fork."""
    command = [sys.executable, __file__, "--worker", "--module", plan.module]
    command += ["--sample", str(arguments.sample), "--seed", str(arguments.seed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | plan.environment
    output = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    verdicts = [Verdict(**item) for item in json.loads(output.splitlines()[-1])]
    survivors = [verdict for verdict in verdicts if verdict.outcome == "survived"]
    print(f"{plan.module}: {len(verdicts) - len(survivors)} of {len(verdicts)} killed", flush=True)
    for verdict in survivors:
        print(f"    {plan.path}:{verdict.line}: {verdict.what}", flush=True)
    return verdicts


def _work(arguments: argparse.Namespace) -> int:
    """Mutate one module; the last line of standard output is its verdicts."""
    (plan,) = (plan for plan in PLANS if plan.module in arguments.module)
    sys.path[:0] = [str(ROOT)]
    for library in _LIBRARIES:
        importlib.import_module(library)
    source = (ROOT / plan.path).read_text()
    started = time.monotonic()
    if _run_tests(plan, None, 600.0) != "survived":
        raise SystemExit(f"{plan.module}: its tests fail without any mutation")
    timeout_s = _TIMEOUT_EXTRA_S + _TIMEOUT_FACTOR * (time.monotonic() - started)
    verdicts = []
    for mutant in _chosen(mutants_of(source), arguments):
        finder = MutantFinder(plan, source, mutant.number)
        outcome = _run_tests(plan, finder, timeout_s)
        verdicts.append(Verdict(plan.module, mutant.line, mutant.what, outcome))
        print(f"{plan.path}:{mutant.line}: {mutant.what}: {outcome}", file=sys.stderr, flush=True)
    print(json.dumps([asdict(verdict) for verdict in verdicts]))
    return 0


def _chosen(mutants: list[Mutant], arguments: argparse.Namespace) -> list[Mutant]:
    if not 0 < arguments.sample < len(mutants):
        return mutants
    chosen = random.Random(arguments.seed).sample(mutants, arguments.sample)  # noqa: S311
    return sorted(chosen)


def _run_tests(plan: Plan, finder: MutantFinder | None, timeout_s: float) -> str:
    child = os.fork()
    if child == 0:
        _be_the_child(plan, finder)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if status == 0 else "killed"
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def _be_the_child(plan: Plan, finder: MutantFinder | None) -> None:
    """Run the tests and exit with their outcome; never returns."""
    code = 1
    try:
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (1, 2):
            os.dup2(silence, descriptor)
        if finder is not None:
            sys.meta_path.insert(0, finder)
        import pytest  # noqa: PLC0415 -- imported before the fork

        chosen = ["-k", f"not {plan.without}"] if plan.without else []
        code = int(pytest.main([*_OPTIONS, *chosen, *plan.tests]))
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
