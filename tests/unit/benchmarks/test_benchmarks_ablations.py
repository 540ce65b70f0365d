"""Ablations: each variant differs in what its name says, and in nothing else; all can learn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import ablation_variants, ablations
from benchmarks.ablation_variants import VARIANTS, Ablation, absolute_error, squared_error
from dsp.training.config import DataConfig, OptimiserConfig, RunConfig
from dsp.training.mixer import Example
from dsp.training.validation import Excerpt

FRAMES = 1024 * 20


def noise(seed=0, items=1):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(items, 2, FRAMES, generator=generator)


def made(name, seed=1):
    torch.manual_seed(seed)
    return VARIANTS[name]()


def loss_of(task):
    return task.losses(noise(1), noise(1) + noise(2)).samples_db.item()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_says_something_else_than_the_first(name):
    task = made(name)
    torch.manual_seed(2)
    for parameter in task.network.head.matrix.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # it starts as nothing, whatever its kind
    base = made("as configured")
    torch.manual_seed(2)
    for parameter in base.network.head.matrix.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    assert (loss_of(task) == loss_of(base)) == (name == "as configured")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_learns(name):
    task = made(name)
    task.losses(noise(1), noise(1) + noise(2)).total.backward()
    assert all(p.grad is not None for p in task.network.trunk.parameters())


def test_a_head_of_amplitudes_scales_and_turns_nothing():
    task = made("head: amplitudes only")
    torch.nn.init.normal_(task.network.head.matrix.weight)
    spectra = torch.view_as_complex(torch.randn(1, 2, 3, 1024, 2))
    added = task.network.head(torch.randn(1, 4, 3, 1024), torch.rand(1, 2, 3, 1024), spectra)
    gain = added / spectra
    torch.testing.assert_close(gain.imag, torch.zeros_like(gain.imag), atol=1e-4, rtol=0)
    assert gain.real.std() > 0.1


def test_complex_costs_what_real_does():
    """As many multiplications: the product's weight is as large, though half of it is free."""
    real = made("hears phases too, real").network.trunk
    both = made("hears phases too, complex, equal cost").network.trunk
    for one, other in zip(real.stack, both.stack, strict=True):
        assert one.down.weight.shape == other.down.weight.shape
        assert one.up.weight.shape == other.up.weight.shape
    free = [sum(p.numel() for p in trunk.parameters()) for trunk in (real, both)]
    assert free[1] < 0.51 * free[0]


def test_a_late_mask_has_not_heard_the_newest_step():
    late = VARIANTS["mask: one step late"]()
    spectra = torch.view_as_complex(torch.randn(1, 2, 5, 2049, 2))
    heard = late._heard(spectra)
    torch.testing.assert_close(heard[:, :, 1:], spectra[:, :, :-1, :1024].abs())
    assert not heard[:, :, 0].any()


@pytest.mark.parametrize(("error", "of_silence"), [(absolute_error, 1.0), (squared_error, 1.0)])
def test_errors_are_shares_of_the_mixture(error, of_silence):
    mixture = noise(3, items=2)
    silence = torch.zeros_like(mixture)
    torch.testing.assert_close(
        error(silence, mixture, mixture), torch.full((2,), of_silence), rtol=1e-3, atol=0
    )
    assert not error(mixture, mixture, mixture).any()


def test_what_is_scored_is_what_an_open_mask_plays():
    task = Ablation()
    with torch.no_grad():
        for parameter in task.network.parameters():
            parameter.zero_()
        task.network.trunk.mask.bias.fill_(100.0)
    mixture = noise(4)[0].numpy()
    assert task.played_usdr_db(mixture, mixture) > 60.0
    assert task.played_usdr_db(0.5 * mixture, mixture) == pytest.approx(0.0, abs=0.01)


class Mixes:
    def example(self, seed, index):
        rng = np.random.default_rng([seed, index])
        voice, band = (0.1 * rng.standard_normal((2, 2, FRAMES))).astype(np.float32)
        return Example(voice, band)


@pytest.fixture
def config(tmp_path):
    options = OptimiserConfig(batch=1, steps=2, warm_up_steps=1)
    return RunConfig(str(tmp_path), DataConfig(folders=(), cache=""), optimiser=options)


def songs():
    voice, mixture = noise(5)[0].numpy(), noise(6)[0].numpy()
    return (Excerpt("kept aside", "stems", voice, mixture),)


def test_a_variant_is_trained_scored_and_taken_up_again(config):
    first = ablations.run_variant("loss: L1", config, Mixes(), songs())
    again = ablations.run_variant("loss: L1", config, Mixes(), songs())
    assert (first["scores"], first["loss_db"]) == (again["scores"], again["loss_db"])
    assert len(first["loss_db"]) == 2
    assert first["stems_db"] == first["full_db"] == first["scores"]["kept aside"]
    longer = replace(config, folder=config.folder + "/longer")
    other = ablations.run_variant("as configured", longer, Mixes(), songs())
    assert other["scores"] != first["scores"]


def test_results_are_written_as_table_figures_and_curves(config, tmp_path, monkeypatch, capsys):
    results = {
        name: {"scores": {}, "loss_db": [0.0, -1.0], **dict.fromkeys(ablations._TABLE, figure)}
        for name, figure in (("as configured", 3.04), ("loss: L1", 2.0))
    }
    monkeypatch.setattr(ablations, "load_config", lambda _: config)
    asked = []
    monkeypatch.setattr(ablations, "_trained", lambda *args: asked.append(args) or results.items())
    words = ["--config", "x.toml", "--steps", "7", "--out", str(tmp_path)]
    assert ablations.main([*words, "--only", "loss: L1"]) == 0
    (of_run, names) = asked[0]
    assert of_run.optimiser.steps == 7
    assert names == ["loss: L1"]
    assert "| as configured | 3.0 | 3.0 | 3.0 | 3.0 |" in capsys.readouterr().out
    assert json.loads((tmp_path / "ablations.json").read_text()) == results
    assert (tmp_path / "ablations.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_trained_is_written_though_the_next_one_fails(config, tmp_path, monkeypatch):
    def trained(*_):
        yield "as configured", {"scores": {}, "loss_db": [0.0], **dict.fromkeys(ablations._TABLE)}
        raise KeyboardInterrupt

    monkeypatch.setattr(ablations, "load_config", lambda _: config)
    monkeypatch.setattr(ablations, "_trained", trained)
    with pytest.raises(KeyboardInterrupt):
        ablations.main(["--config", "x.toml", "--out", str(tmp_path)])
    assert list(json.loads((tmp_path / "ablations.json").read_text())) == ["as configured"]


def test_the_base_is_the_configuration_that_is_trained():
    assert next(iter(VARIANTS)) == "as configured"
    assert ablation_variants.VARIANTS["as configured"] is Ablation
