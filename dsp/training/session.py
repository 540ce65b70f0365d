"""Puts a run together from its configuration: data, teacher, network, loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor, nn

from dsp.networks.cassiopeia_from_phoenix import complexify, phoenix_part
from dsp.networks.joined_network import join
from dsp.networks.phoenix_from_unet import fold_unet_into_trunk
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import PhoenixConfig
from dsp.networks.registry import load_model
from dsp.networks.rocknet_weights import load_rocknet_weights
from dsp.networks.stored_weights import from_stored
from dsp.separator import FloatArray
from dsp.training.cassiopeia_task import CassiopeiaTask
from dsp.training.cluster import Cluster
from dsp.training.compiled import compile_parts
from dsp.training.config import DataConfig, RunConfig
from dsp.training.errors import TrainingConfigError
from dsp.training.joined_task import JoinedTask
from dsp.training.loop import Loop
from dsp.training.losses import Device
from dsp.training.manifest import Entry, Kind, Tier, training_entries
from dsp.training.mixer import Mixer
from dsp.training.pcm_cache import PcmCache
from dsp.training.prepare import judge_backing, label_songs
from dsp.training.task import Hints, PhoenixTask, Task
from dsp.training.teacher import Teacher
from dsp.training.tracks import Library, build_library, clean_backing
from dsp.training.validation import Excerpt, excerpts, marks_db, played_live

MARKS = "marks.json"


def start(config: RunConfig, cluster: Cluster | None = None, device: Device = "cpu") -> Loop:
    """Prepare what is missing and return the loop, where its last checkpoint left it.

    Labels, validation and mixing are the CPU's work whatever the ``device`` of the network.
    """
    torch.manual_seed(config.seed)
    folder = Path(config.folder)
    folder.mkdir(parents=True, exist_ok=True)
    teacher = Teacher.load()
    mixer, songs = open_data(config, teacher)
    marks = marks_db(songs, teacher, _rocknet_live, folder / MARKS)
    task = make_task(config, device)
    return Loop(config, task, mixer, songs=songs, marks_db=marks, cluster=cluster)


def open_data(config: RunConfig, teacher: Teacher) -> tuple[Mixer, tuple[Excerpt, ...]]:
    """Prepare what is missing; returns what mixes examples, and the songs kept aside."""
    cache = PcmCache(Path(config.data.cache))
    entries = all_entries(config.data)
    label_songs(entries, cache, teacher)
    training, aside = split(entries, config.data.held_out)
    library = open_library(training, cache, config.data, teacher)
    mixer = Mixer(library, config.draw, config.augment)
    return mixer, validation_songs(aside, cache, config.data)


def all_entries(data: DataConfig) -> tuple[Entry, ...]:
    """List what every data folder has, of the tiers asked for."""
    tiers = tuple(Tier(tier) for tier in data.tiers)
    return tuple(e for folder in data.folders for e in training_entries(Path(folder), tiers))


def split(
    entries: Sequence[Entry], held_out: Sequence[str]
) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Split into what is trained on and what is kept aside; a song is never on both sides."""
    aside = tuple(e for e in entries if _begins(e, held_out))
    kept = set(aside)
    return tuple(e for e in entries if e not in kept), aside


def open_library(
    entries: Sequence[Entry], cache: PcmCache, data: DataConfig, teacher: Teacher
) -> Library:
    """Open what is trained on, without the backings in which the teacher hears singing."""

    def fits(entry: Entry) -> bool:
        return clean_backing(
            judge_backing(entry.path, cache, teacher),
            median_db=data.backing_median_db,
            loudest_db=data.backing_loudest_db,
        )

    return build_library(entries, cache, fits)


def validation_songs(
    aside: Sequence[Entry], cache: PcmCache, data: DataConfig
) -> tuple[Excerpt, ...]:
    """Cut the excerpts that are scored; none where nothing is to be validated."""
    scored = [e for e in aside if _begins(e, data.validated) and e.kind in {Kind.STEM, Kind.SONG}]
    if not scored:
        return ()
    library = build_library(scored, cache, lambda _: False)
    return excerpts(library, data.validated_seconds)


def make_task(config: RunConfig, device: Device = "cpu") -> Task:
    """Make the network that the configuration names, at its starting point."""
    makers = {"phoenix": _phoenix_task, "joined": _joined_task, "cassiopeia": _cassiopeia_task}
    if config.network not in makers:
        raise TrainingConfigError(f"network: {config.network!r}; there are: {', '.join(makers)}")
    task = makers[config.network](config, device)
    if config.start_from:
        load_start(Path(config.start_from), task.network)
    if config.optimiser.compiled:
        compile_parts(task.network)
    return task


def _phoenix_task(config: RunConfig, device: Device) -> Task:
    share, weights = config.loss.hints_share, load_rocknet_weights("vocals")
    task = PhoenixTask(PhoenixConfig(), Hints(weights, share) if share else None, device)
    fold_unet_into_trunk(weights, task.network.trunk)
    return task


def _cassiopeia_task(config: RunConfig, device: Device) -> Task:
    task = CassiopeiaTask(device=device)
    if config.cassiopeia.joined:
        phoenix = PhoenixNetwork(PhoenixConfig())
        load_start(Path(config.cassiopeia.joined), phoenix, phoenix_part)
        complexify(phoenix, task.network)
    return task


def _joined_task(config: RunConfig, device: Device) -> Task:
    weights = load_rocknet_weights("vocals")
    phoenix = PhoenixNetwork(PhoenixConfig())
    fold_unet_into_trunk(weights, phoenix.trunk)
    if config.joined.phoenix:
        load_start(Path(config.joined.phoenix), phoenix)
    return JoinedTask(join(weights, phoenix), config.joined, device)


def load_start(
    path: Path,
    network: nn.Module,
    select: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict,
) -> None:
    """Begin with saved weights, or ``select`` of them.

    TrainingConfigError where they are not there or do not fit.
    """
    try:
        arrays = from_stored(load_file(path))
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        network.load_state_dict(select(tensors))
    except (OSError, SafetensorError, KeyError, RuntimeError) as reason:
        raise TrainingConfigError(f"start_from: {path}: {reason}") from reason


def _rocknet_live(mixture: FloatArray) -> FloatArray:
    """Play it in 32 bits: the mark is the same on every machine."""
    return played_live(load_model("rocknet").separator("live-float32"))(mixture)


def _begins(entry: Entry, names: Sequence[str]) -> bool:
    name = entry.song if entry.kind is Kind.STEM else entry.path.stem
    return name.startswith(tuple(names))
