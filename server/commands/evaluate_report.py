"""``evaluate --report FILE.html``: a page of figures, tables and sounds, and its picture."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsp.evaluation.excerpts import Excerpts
    from dsp.evaluation.runner import Listen


def add_report_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--report FILE.html``; a folder that is not there is refused before the work."""
    parser.add_argument(
        "--report",
        type=_page_in_a_folder,
        metavar="FILE.html",
        help="write a page with figures, tables and sounds, and FILE.png (needs matplotlib)",
    )


@dataclass(frozen=True, slots=True)
class Report:
    """A report to be: listens while songs are separated, and is written at the end."""

    file: Path | None
    excerpts: Excerpts | None

    @classmethod
    def open(cls, file: Path | None) -> Report:
        """Make ready to listen if a report is wanted; raises DspError without matplotlib."""
        if file is None:
            return cls(None, None)
        from dsp.evaluation.excerpts import Excerpts  # noqa: PLC0415

        return cls(file, Excerpts())

    @property
    def listen(self) -> Listen | None:
        """What must hear every song."""
        return self.excerpts

    def write(self, comparison: Mapping[str, Any]) -> None:
        """Write the page and its picture if wanted; raises OSError when that cannot be done."""
        if self.file is None or self.excerpts is None:
            return
        from dsp.evaluation.figures import comparison_png  # noqa: PLC0415
        from dsp.evaluation.page import html_page  # noqa: PLC0415

        picture = comparison_png(comparison)
        page = html_page(comparison, picture, self.excerpts.of_song)
        _write(self.file.with_suffix(".png"), picture)
        _write(self.file, page.encode())


def _write(file: Path, content: bytes) -> None:
    """Write a file so that it appears under its name when it is complete."""
    with tempfile.NamedTemporaryFile(
        dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as handle:
        partial = Path(handle.name)
        try:
            handle.write(content)
            handle.close()
            partial.chmod(0o644)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)


def _page_in_a_folder(text: str) -> Path:
    file = Path(text)
    if file.suffix not in {".html", ".htm"}:
        raise argparse.ArgumentTypeError(f"{file}: a page; give a name that ends in .html")
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{file}: {file.parent} is not a folder; make it first")
    return file
