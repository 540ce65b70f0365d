"""The ``--json FILE`` of commands that measure: checked before the work, whole or not at all."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``; a folder that is not there is refused at once, not after the work."""
    parser.add_argument(
        "--json", type=_file_in_a_folder, metavar="FILE", help="write the figures to FILE"
    )


def write_json(file: Path | None, figures: Any) -> None:
    """Write the figures if a file is wanted; it appears under its name when it is complete.

    Raises OSError when it cannot be written, ValueError for figures that JSON does not know (NaN).
    """
    if file is None:
        return
    text = json.dumps(figures, indent=2, allow_nan=False) + "\n"
    with tempfile.NamedTemporaryFile(
        "w", dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as handle:
        partial = Path(handle.name)
        try:
            handle.write(text)
            handle.close()
            partial.chmod(0o644)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)


def _file_in_a_folder(text: str) -> Path:
    file = Path(text)
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{file}: {file.parent} is not a folder; make it first")
    return file
