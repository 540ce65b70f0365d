"""``phoenix-stems serve``: run the server until it is told to stop."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from server.commands import guarded
from server.config import ServerConfig, describe, is_encrypted, leaves
from server.config_sources import environment_name, load_config
from server.lanes.memory import lock_pages
from server.lanes.priority import claim_realtime
from server.monitoring.log import make_logger
from server.security.gate import Gate
from server.security.listening import prepare_endpoint
from server.supervision.engine_process import read_settings
from server.supervision.parent import ParentWatch, end_with_parent
from server.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from server.server import Server

_DESCRIPTION = """\
Listens on a private Unix socket, warms the model up, then prints one line of JSON on standard
output: {"ready": true, "endpoint": "...", "pid": ...}. Logs go to standard error. SIGTERM finishes
queued work and exits with 0. An engine that dies or hangs is started again within a second, and the
line is printed again when it is ready. Settings come from the command line, then the environment,
then the file, then defaults.
"""
ENGINE_COMMAND = (
    sys.executable,
    "-P",  # nothing in the working directory is ours
    "-c",
    "import sys; from server.commands.serve import run_engine; sys.exit(run_engine())",
    "phoenix-stems-engine",  # for people who look at the list of processes
)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CHECK_S = 1.0  # for a parent that is gone, and for idleness
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
    _check_place(config)  # tell at once what is wrong: the imports take seconds
    return _supervise(config) if config.supervise == "on" else _serve_here(config)


def _supervise(config: ServerConfig) -> int:
    """Run the engine in a process of its own, and another one when it dies or hangs."""
    log = make_logger(config.log)
    supervisor = Supervisor(config, ENGINE_COMMAND, log=log, announce=_announce)
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: supervisor.stop())
    claim_realtime()  # what is promised within a second must not wait for other work
    lock_pages()
    return supervisor.run()


def run_engine() -> int:
    """Be the supervised engine: settings come from standard input, the channel is the output."""
    end_with_parent(int(sys.argv[-1]))
    channel = os.dup(1)
    os.dup2(2, 1)  # whatever prints must not look like a message to the supervisor
    import_module("server.server")  # meanwhile what is left of a predecessor goes
    config = read_settings(sys.stdin)

    def say(line: str) -> None:
        os.write(channel, f"{line}\n".encode())

    return guarded(lambda: _serve_supervised(config, say))


def _serve_supervised(config: ServerConfig, say: Callable[[str], None]) -> int:
    from server.supervision.pulse import Pulse  # noqa: PLC0415 -- the supervisor needs no numpy

    stopping = _stop_on_signals()
    server = _start(config)
    say(json.dumps(_ready_line(server)))
    Pulse(
        server.threads(),
        say,
        hang_s=config.engine.hang_s,
        spin_s=config.engine.spin_s,
        is_needed=lambda: server.idle_s == 0,
    ).start()
    _wait_for_the_end(server, config, stopping)
    say("leaving")
    server.stop()
    return _leave()


def _serve_here(config: ServerConfig) -> int:
    stopping = _stop_on_signals()
    server = _start(config)
    _announce(_ready_line(server))
    _wait_for_the_end(server, config, stopping)
    server.stop()
    return _leave()


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _start(config: ServerConfig) -> Server:
    from server.server import Server  # noqa: PLC0415 -- the supervisor needs no torch

    server = Server(config)
    server.start()
    _tune_process()
    return server


def _ready_line(server: Server) -> dict[str, Any]:
    line = {"ready": True, "endpoint": server.endpoint, "pid": os.getpid()}
    return line | ({"metrics": server.metrics_url} if server.metrics_url else {})


def _announce(line: dict[str, Any]) -> None:
    """Print a ready line; who has read the first one need not stay for those after restarts."""
    try:
        print(json.dumps(line), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wait_for_the_end(server: Server, config: ServerConfig, stopping: threading.Event) -> None:
    """Return when told to stop, when the parent is gone, or after idling for long enough."""
    parent = ParentWatch(config.parent_pid)
    check_s = _CHECK_S if config.parent_pid or config.idle_exit_s else None
    while not stopping.wait(check_s) and parent.is_alive() and not _is_idle(server, config):
        pass


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
