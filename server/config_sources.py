"""Where settings come from: defaults < TOML file < environment < command line.

The environment's name of ``limits.streams`` is PHOENIX_STEMS_LIMITS_STREAMS, the command line's is
``--limits-streams``; in the file it is ``streams`` in the table ``[limits]``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from server.config import Leaf, ServerConfig, build, leaves
from server.errors import ConfigError

ENVIRONMENT_PREFIX = "PHOENIX_STEMS_"


def load_config(
    file: Path | None, environment: Mapping[str, str], arguments: Mapping[str, Any]
) -> ServerConfig:
    """Merge all sources; ``arguments`` maps dotted keys to values, None where not given.

    Raises ConfigError naming the key, its value and what is allowed.
    """
    values: dict[str, Any] = {} if file is None else _from_file(file)
    values |= _from_environment(environment)
    values |= {key: value for key, value in arguments.items() if value is not None}
    return build(values)


def environment_name(key: str) -> str:
    """Return the environment variable of a dotted key."""
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "_")


def _from_file(file: Path) -> dict[str, Any]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"configuration file {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration file {file} is no TOML: {error}") from error
    known = {leaf.key: leaf for leaf in leaves()}
    values = _flatten(tree)
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{key} = {value!r} in {file}: unknown; known: {', '.join(known)}")
    return {key: _typed(known[key], value) for key, value in values.items()}


def _flatten(tree: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": item for inner, item in _flatten(value).items()}
        else:
            flat[key] = value
    return flat


def _typed(leaf: Leaf, value: Any) -> Any:
    """Return the file's value, if it has the leaf's type; a whole number will do for a fraction."""
    if leaf.type is float and type(value) is int:
        return float(value)
    if type(value) is not leaf.type or value != value:  # noqa: PLR0124 -- TOML can say nan
        raise ConfigError(f"{leaf.key} = {value!r}: a value of type {leaf.type.__name__} allowed")
    return value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    given = ((leaf, environment.get(environment_name(leaf.key))) for leaf in leaves())
    return {leaf.key: _parsed(leaf, text) for leaf, text in given if text is not None}


def _parsed(leaf: Leaf, text: str) -> Any:
    try:
        value = leaf.type(text)
    except ValueError:
        value = None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        name = environment_name(leaf.key)
        raise ConfigError(f"{name} = {text!r}: a value of type {leaf.type.__name__} allowed")
    return value
