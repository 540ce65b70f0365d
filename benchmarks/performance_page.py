"""Generated parts of a page of documentation: between two marks, the rest is left alone."""

from __future__ import annotations

from pathlib import Path


def replace_part(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the marks of ``name``; raises ValueError where they are not, once."""
    begin, end = f"<!-- {name}: generated -->\n", f"<!-- end of {name} -->"
    content = page.read_text(encoding="utf-8")
    if (
        content.count(begin) != 1
        or content.count(end) != 1
        or content.find(end) < content.find(begin)
    ):
        raise ValueError(f"{page}: one {begin.strip()} and then one {end} expected")
    before, _, rest = content.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
