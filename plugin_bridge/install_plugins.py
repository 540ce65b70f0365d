"""Puts the plugins of an installed wheel where hosts look.

Run as ``python -m plugin_bridge.install_plugins``. A wheel that was built where there is a C
compiler has the bundles; another has none, and this says so. From a working copy
`make plugin-install` does the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FOLDERS: Final = (".lv2", ".vst3", ".clap")  # in the user's home; in a wheel below BUNDLES
BUNDLES: Final = Path(__file__).with_name("bundles")
_CONFIGURATION: Final = """\
# Where the plugins find the program that starts the server.
serve = {program}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, or remove; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m plugin_bridge.install_plugins")
    parser.add_argument("--remove", action="store_true", help="take them away again")
    options = parser.parse_args(arguments)
    bundles = [bundle for folder in FOLDERS for bundle in sorted((BUNDLES / folder).glob("*"))]
    if not bundles:
        sys.stderr.write(
            "this installation has no plugins: it was made without a C compiler, CMake or the LV2 "
            "headers (docs/plugins.md)\n"
        )
        return 1
    for bundle in bundles:
        place = Path.home() / bundle.parent.name / bundle.name
        _remove(place)
        if not options.remove:
            _copy(bundle, place)
    _configure(remove=options.remove)
    return 0


def configuration_file() -> Path:
    """Return the file in which plugins look for the server's program (docs/native.md)."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "phoenix-stems" / "plugin.conf"


def _configure(*, remove: bool) -> None:
    file = configuration_file()
    if remove:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("phoenix-stems")
    file.write_text(_CONFIGURATION.format(program=program), encoding="utf-8")


def _copy(bundle: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if bundle.is_dir():
        shutil.copytree(bundle, place)
    else:
        shutil.copy2(bundle, place)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
