"""The guard: what counts as worse, what noise may do, and that a slower program is found."""

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import ratios
from benchmarks.ratios import ALLOWED_WORSENING, Finding, compare, main, measure
from benchmarks.ratios_pairs import PAIRS, Pair


@pytest.fixture
def clock(monkeypatch):
    """Replace the processor's clock by one that only ``spend`` moves."""
    now = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: now[0])

    def spend(seconds):
        now[0] += seconds

    return spend


@given(before=st.floats(1e-3, 10), factor=st.floats(0.1, 4))
def test_worse_is_more_than_a_quarter_above_the_baseline(before, factor):
    finding = Finding("x", before * factor, before)
    assert finding.is_worse == (before * factor > ALLOWED_WORSENING * before)


def test_a_ratio_is_of_the_least_costs_of_both_sides(clock):
    """A disturbed round, on either side, changes nothing."""
    ours = itertools.cycle([3.0, 90.0, 2.0])
    yardstick = itertools.cycle([70.0, 4.0, 5.0])
    pair = Pair(lambda: clock(next(ours)), lambda: clock(next(yardstick)), rounds=6)
    assert measure(pair) == pytest.approx(2.0 / 4.0)


def test_both_sides_take_turns_and_repeat_alike(clock):
    calls = []
    pair = Pair(
        lambda: calls.append("ours") or clock(1.0),
        lambda: calls.append("yardstick") or clock(1.0),
        rounds=3,
        repeats=2,
    )
    measure(pair)
    assert calls == ["ours", "yardstick"] + ["ours", "ours", "yardstick", "yardstick"] * 3


def test_what_was_disturbed_is_measured_again_and_its_best_counts():
    answers = iter([2.0, 1.5, 1.1])
    (finding,) = compare({"x": 1.0}, lambda _: next(answers))
    assert finding == Finding("x", 1.1, 1.0)
    assert not finding.is_worse


def test_what_got_slower_is_worse_in_every_try():
    answers = iter([1.4, 1.3, 1.5])
    (finding,) = compare({"x": 1.0}, lambda _: next(answers))
    assert finding.is_worse
    assert finding.ratio == 1.3


def test_what_holds_is_measured_once():
    measured = []
    compare({"x": 1.0, "y": 2.0}, lambda name: measured.append(name) or 1.0)
    assert measured == ["x", "y"]


@pytest.fixture
def quick(monkeypatch, clock):
    """Two pairs whose costs are known, in place of the real ones."""
    costs = {"fast": 1.0, "slow": 6.0}
    pairs = {
        name: lambda name=name: Pair(lambda: clock(costs[name]), lambda: clock(2.0), rounds=2)
        for name in costs
    }
    monkeypatch.setattr(ratios, "PAIRS", pairs)
    monkeypatch.setattr(ratios.measure_all, "__defaults__", (pairs,))
    return costs


def test_store_then_check_holds_and_a_slower_side_is_named(quick, tmp_path, capsys):
    file = tmp_path / "ratios.json"
    assert main(["store", "--file", str(file)]) == 0
    stored = json.loads(file.read_text())
    assert stored["ratios"] == {"fast": 0.5, "slow": 3.0}
    assert stored["machine"]["processor"]
    assert main(["check", "--file", str(file)]) == 0
    quick["fast"] *= 1.3
    capsys.readouterr()
    assert main(["check", "--file", str(file)]) == 1
    verdicts = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert verdicts == {"fast": "WORSE", "slow": "ok"}


def test_the_baseline_is_the_usual_ratio_not_the_luckiest(quick, monkeypatch, tmp_path):
    file, answers = tmp_path / "ratios.json", iter([4.0, 1.0, 3.0, 2.0, 5.0])
    monkeypatch.setattr(ratios, "measure", lambda _: next(answers))
    monkeypatch.setattr(ratios.measure_all, "__defaults__", (["slow"],))
    main(["store", "--file", str(file)])
    assert json.loads(file.read_text())["ratios"] == {"slow": 3.0}


def test_on_another_processor_nothing_is_compared_and_that_is_said(quick, tmp_path, capsys):
    file = tmp_path / "ratios.json"
    main(["store", "--file", str(file)])
    stored = json.loads(file.read_text())
    stored["machine"]["processor"] = "Abacus 2"
    file.write_text(json.dumps(stored))
    quick["fast"] *= 10
    capsys.readouterr()
    assert main(["check", "--file", str(file)]) == 0
    assert "nothing compared" in (said := capsys.readouterr().out)
    assert "Abacus 2" in said


def test_a_baseline_of_other_ratios_is_refused(quick, tmp_path):
    file = tmp_path / "ratios.json"
    main(["store", "--file", str(file)])
    stored = json.loads(file.read_text())
    del stored["ratios"]["slow"]
    file.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="make bench"):
        main(["check", "--file", str(file)])


def test_the_committed_baseline_has_every_ratio_and_no_time():
    stored = json.loads(ratios.BASELINE.read_text())
    assert stored.keys() == {"machine", "ratios"}
    assert stored["ratios"].keys() == PAIRS.keys()
    assert all(ratio > 0 for ratio in stored["ratios"].values())


@pytest.mark.parametrize("name", PAIRS)
def test_both_sides_of_every_pair_run(name):
    pair = PAIRS[name]()
    pair.ours()
    pair.yardstick()
