"""What is known of a contestant in one use: a row of the side-by-side table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A contestant in one use; None where there is nothing to tell."""

    name: str
    package: str
    way: str = ""
    how: str = ""
    latency_samples: int | None = None
    step_ms: float | None = None
    realtime_factor: float | None = None  # seconds of computing per second of audio, one thread
    over_ours: float | None = None  # realtime_factor over that of our first network of this way
    vocals_usdr_db: float | None = None
    peak_mib: float | None = None
    missing: str = ""


def with_ratios(rows: Sequence[Row]) -> Iterator[Row]:
    """Fill in ``over_ours``: the first row of a way is ours."""
    firsts: dict[str, float] = {}
    for row in rows:
        if row.realtime_factor is None:
            yield row
            continue
        first = firsts.setdefault(row.way, row.realtime_factor)
        yield Row(**asdict(row) | {"over_ours": row.realtime_factor / first})
