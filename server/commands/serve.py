"""``phoenix-stems serve``: run the server until it is told to stop."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from server.config import ServerConfig, describe, is_encrypted, leaves
from server.config_sources import environment_name, load_config
from server.memory import lock_pages
from server.security import prepare_endpoint
from server.security_gate import Gate

if TYPE_CHECKING:
    from server.server import Server

_DESCRIPTION = """\
Listens on a private Unix socket, warms the model up, then prints one line of JSON on standard
output: {"ready": true, "endpoint": "...", "pid": ...}. Logs go to standard error. SIGTERM finishes
queued work and exits with 0. Settings come from the command line, then the environment, then the
file, then defaults.
"""
_CHECK_S = 0.5  # for a parent that is gone, and for idleness
SWITCH_INTERVAL_S = 0.0005  # how long the I/O thread may wait for a thread that computes in Python


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments: one per setting."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve",
        help="run the inference server",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument(
        "--print-config", action="store_true", help="print all settings as TOML and exit"
    )
    for leaf in leaves():
        names = [f"--{leaf.key.replace('.', '-').replace('_', '-')}"]
        if leaf.key == "endpoint":
            names.append("--bind")
        parser.add_argument(
            *names,
            dest=leaf.key,
            type=leaf.type,
            metavar=leaf.type.__name__.upper(),
            help=f"{leaf.meaning} [{environment_name(leaf.key)}]",
        )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM, SIGINT or the parent's end; returns the exit code."""
    given = {leaf.key: getattr(arguments, leaf.key) for leaf in leaves()}
    config = load_config(arguments.config, os.environ, given)
    if arguments.print_config:
        for key, value in describe(config).items():
            print(f"{key} = {json.dumps(value)}")
        return 0
    return _serve(config)


def _serve(config: ServerConfig) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    _check_place(config)  # tell at once what is wrong: the imports take seconds
    from server.parent import ParentWatch  # noqa: PLC0415 -- the configuration alone needs no torch
    from server.server import Server  # noqa: PLC0415

    parent = ParentWatch(config.parent_pid)
    server = Server(config)
    server.start()
    _tune_process()
    line = {"ready": True, "endpoint": server.endpoint, "pid": os.getpid()}
    if server.metrics_url:
        line["metrics"] = server.metrics_url
    print(json.dumps(line), flush=True)
    check_s = _CHECK_S if config.parent_pid or config.idle_exit_s else None
    while not stopping.wait(check_s) and parent.is_alive() and not _is_idle(server, config):
        pass
    server.stop()
    return _leave()


def _is_idle(server: Server, config: ServerConfig) -> bool:
    """Whether nobody has been connected for so long that the server should end."""
    return config.idle_exit_s > 0 and server.idle_s >= config.idle_exit_s


def _check_place(config: ServerConfig) -> None:
    encrypted = is_encrypted(config)
    if encrypted:
        Gate(Path(config.keys))
    prepare_endpoint(config.endpoint, is_encrypted=encrypted)


def _tune_process() -> None:
    """Keep Python and the system from holding up the I/O thread (ADR 0004)."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()  # what the imports made lives for ever; searching it for garbage takes long
    lock_pages()


def _leave() -> NoReturn:
    """Exit at once: all is freed, and the interpreter would wait for a long inference step."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
