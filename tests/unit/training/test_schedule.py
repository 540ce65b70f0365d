import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dsp.training.config import OptimiserConfig
from dsp.training.schedule import MeanWeights, learning_rate

CONFIG = OptimiserConfig(steps=1000, warm_up_steps=100, peak_rate=1e-3, final_rate=1e-5)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 1e-5), (49, 5e-4), (99, 1e-3), (550, 5.05e-4), (1000, 1e-5), (5000, 1e-5)],
)
def test_rates_by_hand(step, rate):
    assert learning_rate(step, CONFIG) == pytest.approx(rate, rel=1e-3)


@given(step=st.integers(100, 999))
def test_after_warming_up_the_rate_only_falls(step):
    assert learning_rate(step + 1, CONFIG) <= learning_rate(step, CONFIG)


def test_no_warm_up_begins_at_the_peak():
    config = OptimiserConfig(steps=10, warm_up_steps=0, peak_rate=1e-3)
    assert learning_rate(0, config) == pytest.approx(1e-3)


def constant_network(value):
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def test_the_mean_moves_by_its_share():
    network = constant_network(0.0)
    mean = MeanWeights(network, decay=0.9)
    nn.init.constant_(network.weight, 1.0)
    mean.update(network, step=10_000)
    assert mean.values["weight"].item() == pytest.approx(0.1)


def test_the_starting_point_is_soon_forgotten():
    network = constant_network(100.0)
    mean = MeanWeights(network, decay=0.999)
    nn.init.constant_(network.weight, 1.0)
    for step in range(50):
        mean.update(network, step)
    assert mean.values["weight"].item() == pytest.approx(1.0, abs=1e-3)


def test_the_mean_is_apart_from_the_network():
    network = constant_network(1.0)
    mean = MeanWeights(network, decay=0.9)
    with torch.no_grad():
        network.weight.fill_(5.0)
    assert mean.values["weight"].item() == 1.0
