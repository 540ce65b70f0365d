"""The command line ``phoenix-stems``: one module per subcommand, imported only when it is called.

A command's module has ``add_parser(subparsers)``, which sets ``func``, and ``run(arguments) ->
int``. Help needs no imports, and a missing optional dependency breaks only its own command.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

PROGRAM = "phoenix-stems"
COMMANDS = {
    "serve": "run the inference server",
    "keys": "make, rotate and allow the keys of servers for other machines",
    "relay": "let local plugins use a server on another machine",
    "separate": "split audio files into stems",
    "live": "separate live, as a JACK client",
    "models": "list the models and their profiles",
    "doctor": "tell what works on this machine",
    "bench": "measure kernels, hops, transport and the live path",
    "render": "render songs with all their stems from MIDI files and voices, to train on",
    "train": "train a network on songs of your own or the project's",
    "evaluate": "measure separation quality on songs with known stems",
    "demo": "separate the bundled song and show what happens",
}
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code. What goes wrong is one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(lambda: _run(given))


def guarded(action: Callable[[], int]) -> int:
    """Return the action's exit code, or that of what goes wrong in it, which is told in a line."""
    try:
        return action()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads; say no more
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        return _fail(f"{error}; install it, or an extra that has it (see README.md)")
    except Exception as error:
        if not _is_expected(error):
            raise
        return _fail(str(error))


def _run(given: Sequence[str]) -> int:
    parsed = _make_parser(given).parse_args(given)
    code = int(parsed.func(parsed))
    sys.stdout.flush()  # here, where a reader that has gone can still be handled
    return code


def _make_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(PROGRAM, description="Live music source separation.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version(PROGRAM)}")
    subparsers = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    called = next((word for word in given if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        if name == called:
            import_module(f"server.commands.{name}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    return parser


def _is_expected(error: Exception) -> bool:
    """Whether the error's message is meant for the user: ours, or the operating system's."""
    ours = type(error).__module__.partition(".")[0] in _OUR_PACKAGES
    return ours or isinstance(error, OSError)


_OUR_PACKAGES = {"benchmarks", "dsp", "plugin_bridge", "protocol", "server"}


def _fail(message: str) -> int:
    print(f"{PROGRAM}: error: {message}", file=sys.stderr)
    return EXIT_FAILED
