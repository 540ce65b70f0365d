"""The server's configuration: one frozen tree, each leaf with its range and its meaning.

``server.config_sources`` fills it from defaults, a TOML file, the environment and the command line,
in that order. Everything is checked where it is made, so a running server has no invalid setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, NamedTuple

from server.errors import ConfigError, StartError
from server.security.keys import default_keys_directory
from server.security.listening import check_endpoint, default_endpoint, is_loopback, is_private

Check = Callable[[Any], None]


def _setting(default: Any, meaning: str, check: Check) -> Any:
    """Declare a leaf: its default (a value, or a function that makes it), meaning and check."""
    metadata = {"meaning": meaning, "check": check}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _between(low: float, high: float, unit: str = "") -> Check:
    def check(value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"{low:g} to {high:g}{unit} allowed")

    return check


def _one_of(*choices: str) -> Check:
    def check(value: str) -> None:
        if value not in choices:
            raise ValueError(f"{', '.join(choices)} allowed")

    return check


def _name(value: str) -> None:
    if not value or len(value.encode()) > 64 or not value.isprintable():
        raise ValueError("a name of 1 to 64 bytes allowed")


def _endpoint(value: str) -> None:
    try:
        check_endpoint(value)
    except StartError as error:
        raise ValueError(str(error)) from error


def _directory(value: str) -> None:
    if not value.startswith("/"):
        raise ValueError("an absolute path allowed")


def _metrics_address(value: str) -> None:
    host, separator, port = value.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= 65535
    if value and not (separator and is_port and is_loopback(host.strip("[]"))):
        raise ValueError(
            "a loopback address and port such as 127.0.0.1:9464 allowed "
            "(port 0 picks a free one), or nothing to switch the endpoint off"
        )


@dataclass(frozen=True, slots=True)
class _Checked:
    """Base of the tree's nodes: runs every leaf's check when made."""

    def __post_init__(self) -> None:
        for leaf in fields(self):
            if "check" in leaf.metadata:
                _check_leaf(leaf.name, getattr(self, leaf.name), leaf.metadata["check"])


@dataclass(frozen=True, slots=True)
class LimitsConfig(_Checked):
    """How much of anything one server takes on."""

    streams: int = _setting(32, "streams in all", _between(1, 256))
    streams_per_peer: int = _setting(8, "streams of one connection", _between(1, 64))
    peers: int = _setting(64, "connections", _between(1, 1024))
    peer_messages_per_s: int = _setting(
        20_000, "messages of one connection, each second", _between(1, 10**9)
    )
    messages_per_s: int = _setting(60_000, "messages in all, each second", _between(1, 10**9))
    peer_bytes_per_s: int = _setting(
        256 << 20, "bytes of one connection, each second", _between(1, 10**12)
    )
    bytes_per_s: int = _setting(1 << 30, "bytes in all, each second", _between(1, 10**12))
    live_load: float = _setting(
        0.9, "share of a lane's core that live streams are promised", _between(0.05, 0.99)
    )


@dataclass(frozen=True, slots=True)
class QueuesConfig(_Checked):
    """How much may wait, and where."""

    catch_up_ms: float = _setting(
        2000.0,
        "how far a live stream may fall behind its latency, and catch up, before input is dropped",
        _between(0, 10_000, " ms"),
    )
    send_messages: int = _setting(16, "high-water mark of each connection", _between(2, 1000))
    receive_messages: int = _setting(16, "high-water mark of each connection", _between(2, 1000))


@dataclass(frozen=True, slots=True)
class EngineConfig(_Checked):
    """When a supervised engine is started again."""

    restarts: int = _setting(5, "restarts in a row before giving up", _between(0, 1_000_000))
    stable_s: float = _setting(
        10.0, "time as ready after which restarts count from 0 again", _between(0, 3600, " s")
    )
    hang_s: float = _setting(
        0.6,
        "standstill of a thread that live streams need that means hung",
        _between(0.3, 60, " s"),
    )
    spin_s: float = _setting(
        0.6,
        "processor time such a thread may use before it answers; a hop takes a hundredth",
        _between(0.3, 600, " s"),
    )


@dataclass(frozen=True, slots=True)
class LogConfig(_Checked):
    """What is logged, and how; always to standard error."""

    level: str = _setting(
        "info", "debug, info, warning or error", _one_of("debug", "info", "warning", "error")
    )
    format: str = _setting("console", "console or json", _one_of("console", "json"))


@dataclass(frozen=True, slots=True)
class ServerConfig(_Checked):
    """Everything that can be set about a server."""

    endpoint: str = _setting(
        default_endpoint, "where to listen: ipc, or TCP on a numeric address", _endpoint
    )
    encryption: str = _setting(
        "auto",
        "CURVE and the allow-list: auto, where other machines can connect; or always",
        _one_of("auto", "always"),
    )
    keys: str = _setting(
        lambda: str(default_keys_directory()),
        "directory of the server's key and the allow-list",
        _directory,
    )
    model: str = _setting("phoenix", "model of streams that name none", _name)
    profile: str = _setting("live", "profile warmed up before the server is ready", _name)
    device: str = _setting(
        "cpu",
        "what computes live streams of phoenix: cpu, or cuda, where many go in one pass",
        _one_of("cpu", "cuda"),
    )
    threads: int = _setting(1, "threads of one inference step", _between(1, 256))
    live_threads: int = _setting(
        0,
        "threads that compute live streams, at most a core each; 0: as many as half of the cores",
        _between(0, 64),
    )
    metrics: str = _setting("", "HTTP address of metrics and health, or nothing", _metrics_address)
    peer_timeout_s: float = _setting(
        30.0, "silence after which a connection is forgotten", _between(0.1, 3600, " s")
    )
    shutdown_grace_s: float = _setting(
        0.8, "time to finish queued work on shutdown", _between(0, 60, " s")
    )
    parent_pid: int = _setting(
        0, "stop when this process is gone; 0: never", _between(0, 2**31 - 1)
    )
    idle_exit_s: float = _setting(
        0.0, "stop after this time without a connection; 0: never", _between(0, 86_400, " s")
    )
    supervise: str = _setting(
        "on",
        "on: a parent process restarts the engine when it dies or hangs; or off",
        _one_of("on", "off"),
    )
    engine: EngineConfig = field(default_factory=EngineConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    queues: QueuesConfig = field(default_factory=QueuesConfig)
    log: LogConfig = field(default_factory=LogConfig)


def is_encrypted(config: ServerConfig) -> bool:
    """Whether connections need CURVE and an allowed key: always where others could connect."""
    return config.encryption == "always" or not is_private(config.endpoint)


class Leaf(NamedTuple):
    """One setting: its dotted key, type and meaning."""

    key: str
    type: type[str | int | float]
    meaning: str


_TYPES: dict[str, type[str | int | float]] = {"str": str, "int": int, "float": float}
_SECTIONS = {
    "engine": EngineConfig,
    "limits": LimitsConfig,
    "queues": QueuesConfig,
    "log": LogConfig,
}


def leaves() -> Iterator[Leaf]:
    """Every setting of the tree, in order."""
    for item in fields(ServerConfig):
        section = _SECTIONS.get(item.name)
        if section is None:
            yield Leaf(item.name, _TYPES[str(item.type)], item.metadata["meaning"])
            continue
        for leaf in fields(section):
            key = f"{item.name}.{leaf.name}"
            yield Leaf(key, _TYPES[str(leaf.type)], leaf.metadata["meaning"])


def build(values: dict[str, Any]) -> ServerConfig:
    """Make the tree from values by dotted key; what is missing has its default.

    Raises ConfigError naming key, value and what is allowed.
    """
    top = {key: value for key, value in values.items() if "." not in key}
    for name, section in _SECTIONS.items():
        inner = {
            key.partition(".")[2]: value
            for key, value in values.items()
            if key.startswith(f"{name}.")
        }
        try:
            top[name] = section(**inner)
        except ConfigError as error:
            raise ConfigError(f"{name}.{error}") from error
    return ServerConfig(**top)


def describe(config: ServerConfig) -> dict[str, Any]:
    """Return the tree as plain values by dotted key, for printing; no setting is a secret."""
    flat: dict[str, Any] = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            flat |= {
                f"{item.name}.{leaf.name}": getattr(value, leaf.name) for leaf in fields(value)
            }
        else:
            flat[item.name] = value
    return flat


def _check_leaf(name: str, value: Any, check: Check) -> None:
    try:
        check(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{name} = {value!r}: {error}") from error
