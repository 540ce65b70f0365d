from importlib.util import find_spec

import numpy as np
import pytest
import torch

from benchmarks import step_candidates
from benchmarks.ratios_pairs import PHOENIX_PERIOD_HOPS
from benchmarks.step_candidates import (
    Stream,
    levels_running,
    make_candidates,
    measure_candidates,
)
from dsp.networks.phoenix_network import live_network
from dsp.networks.phoenix_shape import BINS, CHANNELS, PhoenixConfig

MISSING = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    return live_network(PhoenixConfig()).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def magnitudes():
    loud = np.random.default_rng(3).random((PHOENIX_PERIOD_HOPS, CHANNELS, BINS), np.float32)
    return 40.0 * loud


@pytest.fixture(scope="module")
def whole(network, magnitudes):
    """The trunk over all frames at once."""
    frames = torch.from_numpy(magnitudes).transpose(0, 1)[None]
    with torch.inference_mode():
        logits = network.trunk(frames, network.trunk.initial_state())
    return torch.sigmoid(logits)[0].transpose(0, 1).numpy()


def test_deep_levels_run_when_their_tick_has_come(network):
    running = [levels_running(network.trunk, hop) for hop in range(PHOENIX_PERIOD_HOPS + 1)]
    assert running == [6, *7 * [2], 4, *7 * [2], 6]


def test_graphs_in_turn_are_the_trunk(network, magnitudes, whole):
    with torch.inference_mode():
        masks = Stream(network.trunk, lambda graph: graph)(magnitudes)
    np.testing.assert_allclose(masks, whole, atol=1e-5)
    assert np.abs(np.diff(whole, axis=0)).max() > 1e-2  # there is something to get wrong


def test_a_period_begins_in_silence_whatever_was_before(network, magnitudes):
    stream = Stream(network.trunk, lambda graph: graph)
    with torch.inference_mode():
        first, second = stream(magnitudes), stream(magnitudes)
    assert np.array_equal(first, second)


def test_ours_is_the_trunk(network, magnitudes, whole):
    candidates, _ = make_candidates(network)
    with torch.inference_mode():
        np.testing.assert_allclose(candidates["ours"](magnitudes), whole, atol=1e-5)


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_an_exported_graph_is_the_trunk(network, magnitudes, whole):
    candidates, _ = make_candidates(network)
    with torch.inference_mode():
        np.testing.assert_allclose(candidates["ONNX Runtime"](magnitudes), whole, atol=1e-5)


def test_what_is_not_installed_is_named(network, monkeypatch):
    monkeypatch.setattr(step_candidates, "find_spec", lambda name: name != "onnxruntime" or None)
    candidates, absent = make_candidates(network)
    assert "ONNX Runtime" not in candidates
    assert absent["ONNX Runtime"] == absent["ONNX Runtime, eight bits"]
    assert absent["ONNX Runtime"] in {"not installed: onnx, onnxruntime, onnxscript",
                                      "not installed: onnxruntime"}  # fmt: skip


def test_without_a_compiler_nothing_is_compiled(network, monkeypatch):
    monkeypatch.setattr(step_candidates, "which", lambda _: None)
    candidates, absent = make_candidates(network)
    assert "torch.compile" not in candidates
    assert absent["torch.compile"] == "no g++ or clang++"


def test_figures_are_ratios_over_ours(network, monkeypatch):
    plain = {"ours": lambda x: x, "plain torch": lambda x: np.sort(x, axis=-1)}
    monkeypatch.setattr(step_candidates, "make_candidates", lambda _: (plain, {"other": "missing"}))
    figures = measure_candidates(rounds=3)
    assert figures["ours"]["over_ours"] == 1.0
    assert figures["plain torch"]["over_ours"] > 1.0
    assert figures["plain torch"]["largest_error"] == 0.0
    assert figures["ours"]["largest_error"] > 0.0
    assert figures["other"] == "missing"
