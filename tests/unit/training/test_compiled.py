"""A network that torch compiles loses and learns as ever, and is saved under the same names."""

from dataclasses import replace

import pytest
import torch

from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_shape import PhoenixConfig, TrunkConfig
from dsp.networks.unet_weights import untrained_weights
from dsp.training import session
from dsp.training.compiled import compile_parts
from dsp.training.config import DataConfig, JoinedConfig, OptimiserConfig, RunConfig
from dsp.training.joined_task import JoinedTask
from dsp.training.task import PhoenixTask

SMALL = PhoenixConfig(TrunkConfig(widths=(4, 4, 6, 6, 8, 8)), head_width=4)
FRAMES = 1024 * 24


def phoenix():
    return PhoenixTask(SMALL)


def joined():
    network = JoinedNetwork(untrained_weights((4, 4, 6, 6, 8, 8)), SMALL)
    return JoinedTask(network, JoinedConfig())


@pytest.mark.parametrize(("make", "parts"), [(phoenix, 1), (joined, 2)])
def test_losses_and_gradients_are_the_same(make, parts):
    """Traced as for any compiler, run by none: what a compiler makes of it is its own matter."""
    voices, bands = 0.1 * torch.randn(2, 2, 2, FRAMES, generator=torch.Generator().manual_seed(1))
    found, graphs = [], []

    def as_it_is(graph, _):
        graphs.append(graph)
        return graph.forward

    for is_compiled in (False, True):
        torch.manual_seed(0)
        task = make()
        names = list(task.network.state_dict())
        if is_compiled:
            compile_parts(task.network, backend=as_it_is)
        losses = task.losses(voices, voices + bands, 3)
        losses.total.backward()
        assert list(task.network.state_dict()) == names
        gradients = [p.grad for p in task.network.parameters() if p.grad is not None]
        found.append((losses.total.detach(), torch.cat([g.flatten() for g in gradients])))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)
    assert len(graphs) >= parts


@pytest.mark.parametrize("compiled", [True, False])
def test_it_is_compiled_if_asked_for(monkeypatch, tmp_path, compiled):
    asked = []
    monkeypatch.setattr(session, "compile_parts", asked.append)
    monkeypatch.setattr(session, "load_rocknet_weights", lambda _: untrained_weights())
    config = RunConfig(str(tmp_path), DataConfig((str(tmp_path),), str(tmp_path)))
    optimiser = replace(OptimiserConfig(), compiled=compiled)
    task = session.make_task(replace(config, optimiser=optimiser))
    assert asked == ([task.network] if compiled else [])
