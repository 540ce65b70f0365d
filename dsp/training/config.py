"""The one configuration tree of a training run, read from TOML and checked as it is made."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from dsp.training.errors import TrainingConfigError


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where audio comes from and what is kept aside."""

    folders: tuple[str, ...]
    cache: str
    tiers: tuple[str, ...] = ("permissive", "research")
    held_out: tuple[str, ...] = ()  # kept aside: songs and files, by the beginning of their name
    validated: tuple[str, ...] = ()  # those of them that are scored, likewise
    validated_seconds: float = 30.0  # of each song, where its vocals are loudest
    backing_median_db: float = -20.0  # backings in which the teacher hears more are left out
    backing_loudest_db: float = -6.0


@dataclass(frozen=True, slots=True)
class DrawConfig:
    """How an example is drawn."""

    seconds: float = 6.0
    matched_share: float = 0.55
    song_weights: dict[str, float] = field(
        default_factory=lambda: {
            "stems": 0.25,
            "karaoke": 0.25,
            "teacher": 0.5,
            "rendered": 0.1,
        }
    )
    voice_weights: dict[str, float] = field(
        default_factory=lambda: {
            "sung": 0.35,
            "spoken": 0.1,
            "song": 0.55,
            "rendered": 0.1,
        }
    )
    song_band_share: float = 0.4  # bands of random pairs that come from songs, not backings
    extra_voice_shares: tuple[float, float, float] = (0.75, 0.18, 0.07)  # none, one, two more
    voice_over_band_db: tuple[float, float] = (-1.0, 5.0)  # mean, deviation
    mixture_db: tuple[float, float] = (-18.0, 5.0)
    no_vocals_share: float = 0.06
    no_band_share: float = 0.03

    @property
    def frames(self) -> int:
        """Length of an example in samples: a whole number of steps of 1024."""
        return round(self.seconds * 44100 / 1024) * 1024


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Chances and strengths of what happens to each side."""

    varispeed: float = 0.7
    song_semitones: float = 3.0
    voice_semitones: float = 4.0
    band_semitones: float = 3.0
    equalise: float = 0.6
    equalise_db: float = 6.0
    band_limit: float = 0.3
    high_pass: float = 0.2
    width: float = 0.3
    noise: float = 0.15
    formants: float = 0.0  # brought nothing at 0.3, see docs/training.md
    formant_semitones: float = 3.0
    harmonise: float = 0.0  # likewise
    saturate: float = 0.2
    double: float = 0.15
    echo: float = 0.2
    reverberate: float = 0.6
    pan_db: float = 6.0


@dataclass(frozen=True, slots=True)
class LossConfig:
    """What is minimised beside the error of the samples played."""

    hints_share: float = 0.0  # of the mismatch with the teacher's inner columns; 0: none


@dataclass(frozen=True, slots=True)
class JoinedConfig:
    """Where the joined network starts, and how its U-Net is trained."""

    phoenix: str = ""  # safetensors of trained trunk and head; none: folded weights
    frames_apart: int = 16  # from one mask of an example to the next: 4, 8 or 16
    unet_share: float = 0.4  # of the learning rate
    light_share: float = 0.5  # of the error of what the light head plays


@dataclass(frozen=True, slots=True)
class CassiopeiaConfig:
    """Where Cassiopeia starts."""

    joined: str = ""  # safetensors of the joined network, whose trunk it takes; none: from noise


class Precision(StrEnum):
    """What a step computes in; weights and their means are float32 always.

    Half precision is two to seven times faster where the processor has products of it (AMX).
    Reference: Micikevicius et al., "Mixed precision training", ICLR 2018.
    """

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """AdamW with warm-up and cosine, clipping, and an exponential mean of the weights."""

    batch: int = 4
    steps: int = 20000
    warm_up_steps: int = 200
    peak_rate: float = 3e-4
    final_rate: float = 1e-6
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    mean_decay: float = 0.998
    precision: Precision = Precision.FLOAT32  # of convolutions and products
    compiled: bool = False  # trunk and U-Net by torch.compile: minutes at first, for a GPU


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run."""

    folder: str
    data: DataConfig
    network: str = "phoenix"
    start_from: str = ""  # safetensors to begin with; none: the open U-Net's folded weights
    seed: int = 1
    validate_minutes: float = 15.0
    checkpoint_minutes: float = 5.0
    patience: int = 0  # validations without a better one before it stops; 0: never
    draw: DrawConfig = field(default_factory=DrawConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    joined: JoinedConfig = field(default_factory=JoinedConfig)
    cassiopeia: CassiopeiaConfig = field(default_factory=CassiopeiaConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


def load_config(path: Path) -> RunConfig:
    """Read a TOML file; TrainingConfigError names the setting that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as reason:
        raise TrainingConfigError(f"{path}: cannot be read as TOML: {reason}") from reason
    config: RunConfig = _build(RunConfig, document, "")
    return config


def _build(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise TrainingConfigError(f"{where.rstrip('.') or 'configuration'}: a table is expected")
    hints = get_type_hints(kind)
    if unknown := set(values) - set(hints):
        raise TrainingConfigError(
            f"{where}{min(unknown)}: unknown setting; there are: {', '.join(sorted(hints))}"
        )
    made = {name: _value(hints[name], value, f"{where}{name}") for name, value in values.items()}
    missing = [f.name for f in dataclasses.fields(kind) if _required(f) and f.name not in made]
    if missing:
        raise TrainingConfigError(f"{where}{missing[0]}: missing")
    return kind(**made)


def _required(f: dataclasses.Field[Any]) -> bool:
    unset = dataclasses.MISSING
    return f.default is unset and f.default_factory is unset


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where + ".")
    origin = get_origin(hint)
    if origin is tuple and isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_value(inner, item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: _value(get_args(hint)[1], item, where) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _choice(hint, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = not isinstance(hint, types.GenericAlias) and type(value) is hint
    if not plain:
        raise TrainingConfigError(f"{where}: {value!r} is not {getattr(hint, '__name__', hint)}")
    return value


def _choice(kind: type[StrEnum], value: Any, where: str) -> StrEnum:
    if value not in list(kind):
        raise TrainingConfigError(f"{where}: {value!r}; there are: {', '.join(kind)}")
    return kind(value)
