"""``bench``: every section has the figures that are promised of it, as text and as JSON."""

import json
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import hop, kernels, live, transport
from benchmarks.song import Song
from dsp.networks.registry import load_model
from server.commands import bench, main
from server.commands.serve import SWITCH_INTERVAL_S

PROMISED = {
    "kernels": {"overlap_add"},
    "hop": {
        "p50_ms", "p95_ms", "p99_ms", "max_ms", "hop_ms", "realtime_factor_1_thread",
        "busy_over_alone", "windowed_over_streaming",
    },
    "transport": {"p50_us", "p99_us", "p999_us", "ratio_vs_raw_pyzmq_p50"},
    "live": {
        "seconds", "blocks", "late_blocks", "reported_latency_samples",
        "measured_latency_samples", "first_block_over_p99",
    },
}  # fmt: skip


def check_section(name, figures):
    assert PROMISED[name] <= figures.keys()
    assert all(np.isfinite(value) for value in figures.values())
    json.dumps(figures, allow_nan=False)


@pytest.fixture
def quick(monkeypatch):
    """Leave the networks and most of the repetitions out."""
    monkeypatch.setattr(hop, "windowed_over_streaming", lambda: 8.0)
    monkeypatch.setattr(kernels, "_ROUNDS", 2)
    monkeypatch.setattr(kernels, "_MEMCPY_BYTES", 2**20)
    monkeypatch.setattr(transport, "_BATCH_ROUNDS", 4)
    monkeypatch.setattr(transport, "_WARM_UP_ROUNDS", 2)


def test_all_sections_together_are_what_is_promised(quick, monkeypatch, tmp_path, capsys):
    measure = transport.measure_transport
    monkeypatch.setattr(transport, "measure_transport", lambda: measure(rounds=8))
    file = tmp_path / "bench.json"
    arguments = ["bench", "--seconds", "1", "--model", "fixed-gains", "--json", str(file)]
    assert main(arguments) == 0
    figures = json.loads(file.read_text())
    assert list(figures) == ["kernels", "hop", "transport", "live"]
    check_section("hop", figures["hop"])
    check_section("transport", figures["transport"])
    check_section("live", figures["live"])
    assert figures["kernels"]["overlap_add"].keys() >= {
        "speedup_vs_numpy", "fraction_of_memcpy_bandwidth",
    }  # fmt: skip
    text = capsys.readouterr().out
    assert all(name in text for section in figures.values() for name in section)
    check_live(figures["live"])
    check_order(figures["hop"], "p50_ms", "p95_ms", "p99_ms", "max_ms")
    check_order(figures["transport"], "p50_us", "p99_us", "p999_us")


def check_live(figures):
    assert figures["measured_latency_samples"] == figures["reported_latency_samples"]
    assert figures["blocks"] == 44_100 // 256
    assert figures["server_rss_last_mib"] > 10


def check_order(figures, *names):
    values = [figures[name] for name in names]
    assert values == sorted(values)


@pytest.mark.parametrize("section", PROMISED)
def test_a_section_alone_measures_nothing_else(section, monkeypatch, tmp_path):
    measured = []
    known = dict.fromkeys(PROMISED)
    for name in known:
        known[name] = lambda name=name: measured.append(name) or {"figure": 1.0}
    monkeypatch.setattr(bench, "_measures", lambda *_: known)
    file = tmp_path / "bench.json"
    assert main(["bench", "--section", section, "--json", str(file)]) == 0
    assert measured == [section]
    assert json.loads(file.read_text()) == {section: {"figure": 1.0}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seconds", "0.9"], "0.9 seconds: 1 or more"),
        (["--seconds", "-1"], "1 or more"),
        (["--seconds", "nan"], "1 or more"),
        (["--seconds", "long"], "invalid"),
        (["--section", "songs"], "kernels"),
        (["--streams", "0"], "0 streams: 1 or more"),
        (["--json", "/nowhere/at/all/bench.json"], "is not a folder"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_model_is_an_error_that_names_the_models(quick, capsys):
    assert main(["bench", "--section", "hop", "--model", "nope"]) == 1
    assert "fixed-gains" in capsys.readouterr().err


def test_figures_are_shown_under_their_section():
    text = bench._render("hop", {"p50_ms": 1.23456, "blocks": 7, "inner": {"x": 2.0}})
    assert [line.split() for line in text.splitlines()] == [
        ["hop"], ["p50_ms", "1.235"], ["blocks", "7"], ["inner"], ["x", "2.000"],
    ]  # fmt: skip
    assert text.splitlines()[-1].startswith("    x")


def test_hops_are_timed_beside_a_busy_thread_that_is_gone_afterwards(monkeypatch):
    seen = []

    def push(_):
        seen.append((sys.getswitchinterval(), "busy" in thread_names()))

    def thread_names():
        return {thread.name for thread in threading.enumerate()}

    monkeypatch.setattr(
        hop, "_time_each", lambda push, _: [push(None), np.array([3.0, 4.0, 9.0])][1]
    )
    before = sys.getswitchinterval()
    assert hop.busy_over_alone(push, np.zeros(1, np.float32), alone_ms=2.0) == 2.0
    assert seen == [(pytest.approx(SWITCH_INTERVAL_S), True)]
    assert sys.getswitchinterval() == before
    assert "busy" not in thread_names()


def test_the_exact_window_and_the_exact_step_are_both_timed():
    assert hop.windowed_over_streaming(rounds=1) > 0


def test_inference_is_timed_on_one_thread_and_the_setting_restored():
    import torch  # noqa: PLC0415 -- seconds, for this test alone

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with hop.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_every_hop_is_timed_but_those_of_the_warm_up():
    pushed = []
    hops = np.arange(hop._WARM_UP_HOPS + 5, dtype=np.float32)
    times_ms = hop._time_each(pushed.append, hops)
    assert times_ms.shape == (5,)
    assert pushed == list(hops)


@given(frames=st.integers(1, 3000), hop_samples=st.sampled_from([16, 64]), count=st.integers(1, 9))
def test_hops_are_the_song_in_order_and_again_from_its_start(frames, hop_samples, count):
    mixture = np.arange(2 * frames, dtype=np.float32).reshape(2, frames)
    song = Song("ramp", 44_100, mixture, np.zeros_like(mixture))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hop, "bundled_song", lambda: song)
        hops = hop._hops(hop_samples, count)
    assert hops.shape == (count + hop._WARM_UP_HOPS, 2, hop_samples)
    played = np.concatenate(hops, axis=1)
    np.testing.assert_array_equal(played, mixture[:, np.arange(played.shape[1]) % frames])


@given(length=st.integers(1, 20), frames=st.integers(1, 90))
def test_a_song_starts_again_as_often_as_needed(length, frames):
    repeated = live._repeated(np.arange(length, dtype=np.float32)[None], frames)
    assert repeated.shape == (1, frames)
    np.testing.assert_array_equal(repeated[0], np.arange(frames) % length)


def test_the_hop_section_times_the_seconds_asked_for(monkeypatch):
    counted = []
    monkeypatch.setattr(hop, "windowed_over_streaming", lambda: 1.0)
    monkeypatch.setattr(
        hop, "_time_each", lambda _push, hops: counted.append(len(hops)) or np.full(3, 2.0)
    )
    monkeypatch.setattr(hop, "busy_over_alone", lambda *_: 1.0)
    figures = hop.measure_hop(2.0, "fixed-gains")
    assert counted == [round(2.0 * 44_100 / 512) + hop._WARM_UP_HOPS]
    assert figures["hop_ms"] == pytest.approx(11.61, abs=0.01)
    assert figures["realtime_factor_1_thread"] == pytest.approx(2.0 / figures["hop_ms"])


def test_a_number_of_streams_is_measured_alone(tmp_path):
    file = tmp_path / "bench.json"
    arguments = ["--section", "streams", "--streams", "2", "--seconds", "1", "--json", str(file)]
    assert main(["bench", "--model", "fixed-gains", *arguments]) == 0
    (number, row), *others = json.loads(file.read_text())["streams"]["curve"].items()
    assert (number, others) == (" 2 streams", [])
    assert 0.0 < row["core_share_per_stream"] < 1.0


def test_transport_asks_for_blocks_that_complete_a_hop():
    """Else some rounds would wait for an answer that cannot come."""
    profile = load_model("fixed-gains").profiles["live"]
    assert profile.hop_samples == transport._BLOCK_FRAMES == transport._REQUEST.max_block_frames
