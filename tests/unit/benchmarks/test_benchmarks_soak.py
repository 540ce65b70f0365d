"""The soak tells leaks and late blocks from clients that come and go; a few seconds of it run."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import soak, soak_long
from benchmarks.soak_figure import draw_soak
from benchmarks.soak_samples import (
    MAXIMUM_GROWTH_MIB,
    Sample,
    broken_promises,
    growth_mib,
    settled_threads_and_descriptors,
)
from benchmarks.soak_struck import FAULTS

GOOD = {
    "late_blocks": 0,
    "losses": 0,
    "memory_growth_mib": 1.0,
    "threads_first": 9,
    "threads_last": 9,
    "descriptors_first": 20,
    "descriptors_last": 20,
    "restarts": 0,
}


def samples(megabytes):
    return [Sample(float(i), rss, 9, 20) for i, rss in enumerate(megabytes)]


@given(st.floats(100, 1000), st.integers(1, 400))
def test_memory_that_stays_has_not_grown(megabytes, count):
    assert growth_mib(samples([megabytes] * count)) == 0


@given(st.floats(0.01, 1.0))
def test_a_leak_is_seen(per_sample):
    grown = growth_mib(samples([100 + per_sample * i for i in range(200)]))
    assert grown == pytest.approx(per_sample * 140, rel=0.05)


def test_warming_up_and_clients_that_come_and_go_are_no_growth():
    warming = [100.0] * 10 + [150.0] * 190
    assert growth_mib(samples(warming)) == 0
    visited = [150.0 + 40 * (i % 10 == 0) for i in range(200)]
    assert growth_mib(samples(visited)) == 0


def test_threads_of_the_time_in_which_a_run_settles_are_no_leak():
    used = [Sample(0.0, 1.0, 12, 20), *samples([1.0] * 9)]
    assert settled_threads_and_descriptors(used) == (12, 20)
    assert settled_threads_and_descriptors([*samples([1.0] * 9), used[0]]) == (9, 20)


def test_a_good_run_breaks_nothing():
    assert broken_promises(GOOD) == []


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("late_blocks", 1),
        ("late_blocks_without_stall", 1),
        ("losses", 1),
        ("memory_growth_mib", MAXIMUM_GROWTH_MIB + 0.1),
        ("threads_last", 10),
        ("descriptors_last", 21),
        ("restarts", 1),
    ],
)
def test_each_promise_can_be_broken(figure, value):
    assert len(broken_promises(GOOD | {figure: value})) == 1


def test_blocks_that_are_late_while_the_machine_stands_still_break_no_promise():
    stalled = GOOD | {"late_blocks": 7, "late_blocks_without_stall": 0}
    assert broken_promises(stalled) == []


def test_the_plot_takes_empty_halves(tmp_path):
    draw_soak(tmp_path / "both.png", samples([1, 2, 3]), samples([4, 5]))
    draw_soak(tmp_path / "none.png", [], [])
    assert (tmp_path / "none.png").read_bytes().startswith(b"\x89PNG")


def test_output_that_is_wrong_is_counted():
    noise = soak_long._noise()
    dry = noise[:, 100:200]
    stems = [dry * 0.5, dry * 0.25, dry * 0.25]
    assert soak_long._wrong(noise, 100, soak_long.np.stack(stems)) == 0
    stems[1] = stems[1].copy()
    stems[1][0, 7] += 1e-3
    assert soak_long._wrong(noise, 100, soak_long.np.stack(stems)) == 1
    turns = 10**6 * noise.shape[1]
    assert soak_long._wrong(noise, turns + 100, soak_long.np.stack(stems)) == 1


def run(tmp_path, minutes, hours):
    arguments = ["--minutes", str(minutes), "--hours", str(hours), "--model", "fixed-gains"]
    code = soak.main([*arguments, "--out", str(tmp_path)])
    figures = json.loads((tmp_path / "soak.json").read_text())
    assert (tmp_path / "soak.png").stat().st_size > 10_000
    assert code == bool(figures["broken"])
    return figures


@pytest.mark.slow
def test_a_few_seconds_of_soak(tmp_path):
    """Not whether nothing is late: other tests may run beside this one."""
    figures = run(tmp_path, 0.1, 0.002)
    assert figures["live"]["blocks"] == pytest.approx(6 * 44_100 / 256, abs=2)
    assert figures["live"]["losses"] == 0
    assert {*figures["samples"]["live"][0]} == {f.name for f in dataclasses.fields(Sample)}
    assert figures["long"]["wrong_samples"] == figures["long"]["missing_samples"] == 0
    assert figures["long"]["threads_last"] == figures["long"]["threads_first"]


@pytest.mark.slow
def test_a_minute_of_soak_breaks_no_promise(tmp_path):
    figures = run(tmp_path, 1, 0.05)
    assert figures["broken"] == []
    assert {*figures["live"]["faults"]} <= {*FAULTS}
    assert sum(figures["live"]["faults"].values()) >= 5
