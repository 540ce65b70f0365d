"""The side-by-side rows as a page's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.peers_contestants import RATE_HZ, Way
from benchmarks.peers_rows import Row

_HEAD = (
    "| | run as | algorithmic latency | a step | real-time factor | over {ours} | vocals SDR | "
    "peak memory |\n|---|---|---|---|---|---|---|---|"
)


def peers_table(
    rows: Sequence[Row], machine: Mapping[str, str], scored_s: tuple[float, float]
) -> str:
    """Return markdown: the machine, a table per way, and who is missing."""
    start, seconds = scored_s
    machine_line = f"{machine['processor']} ({machine['vectors']}), torch {machine['torch']}"
    scored = f"Vocals uSDR of seconds {start:g} to {start + seconds:g} of the bundled song."
    parts = [f"{machine_line}; one thread each. {scored}"]
    parts += [_way_table(way, [row for row in rows if row.way == way]) for way in Way]
    parts += [
        f"**Missing:** {row.name}: {row.missing}; `make bench-peers` installs it."
        for row in rows
        if row.missing
    ]
    return "\n\n".join(parts)


def _way_table(way: Way, rows: Sequence[Row]) -> str:
    ours = rows[0].name if rows else "ours"
    return "\n".join([f"**{way.capitalize()}**\n", _HEAD.format(ours=ours), *map(_line, rows)])


def _line(row: Row) -> str:
    return "| " + " | ".join(_cells(row)) + " |"


def _cells(row: Row) -> Iterator[str]:
    yield f"{row.name} ({row.package})" if row.package else f"**{row.name}**"
    yield row.how
    yield _latency(row.latency_samples)
    yield _figure(row.step_ms, "{:.1f} ms")
    yield _figure(row.realtime_factor, "{:.3g}")
    yield _figure(row.over_ours, "{:.2f} x")
    yield _figure(row.vocals_usdr_db, "{:.2f} dB") or "random weights"
    yield _figure(row.peak_mib, "{:.0f} MiB")


def _latency(samples: int | None) -> str:
    return "" if samples is None else f"{samples:,} ({1e3 * samples / RATE_HZ:.0f} ms)"


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
