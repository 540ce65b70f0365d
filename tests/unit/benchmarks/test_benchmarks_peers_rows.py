"""Rows and their table: ratios within a way, and every contestant named, missing ones too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers_rows import Row, with_ratios
from benchmarks.peers_table import peers_table

MACHINE = {"processor": "Abacus 2", "vectors": "avx2", "torch": "2.13.0"}


def row(name, way, factor, **more):
    return Row(name, "", way, "stream", 1024, 10.0, factor, **more)


@given(
    factors=st.lists(
        st.tuples(st.sampled_from(["live", "offline"]), st.floats(1e-3, 1e3)), min_size=1
    )
)
def test_a_ratio_is_to_the_first_of_its_way(factors):
    rows = list(with_ratios([row("x", way, factor) for way, factor in factors]))
    for way in {way for way, _ in factors}:
        mine = [one for one in rows if one.way == way]
        assert mine[0].over_ours == 1.0
        for one in mine:
            assert one.over_ours * mine[0].realtime_factor == pytest.approx(one.realtime_factor)


def test_who_is_missing_has_no_ratio_and_is_not_the_first_of_a_way():
    missing = Row("gone", "gone-package", missing="gone-package is not installed")
    rows = list(with_ratios([missing, row("ours", "live", 0.5), row("peer", "live", 2.0)]))
    assert rows[0] == missing
    assert [one.over_ours for one in rows[1:]] == [1.0, 4.0]


def test_the_table_has_a_line_for_each_row_under_its_way():
    rows = [
        row("ours", "live", 0.25, over_ours=1.0, vocals_usdr_db=5.0, peak_mib=400.4),
        row("peer", "live", 0.5, over_ours=2.0, peak_mib=500.0),
        row("ours offline", "offline", 0.04, over_ours=1.0, vocals_usdr_db=6.5, peak_mib=600.0),
    ]
    lines = peers_table(rows, MACHINE, (12.0, 5.0)).splitlines()
    assert "Abacus 2" in lines[0]
    assert "seconds 12 to 17" in lines[0]
    live, offline = lines.index("**Live**"), lines.index("**Offline**")
    first, second = lines[live + 4 : live + 6]
    cells = "stream | 1,024 (23 ms) | 10.0 ms"
    assert first == f"| **ours** | {cells} | 0.25 | 1.00 x | 5.00 dB | 400 MiB |"
    assert second == f"| **peer** | {cells} | 0.5 | 2.00 x | random weights | 500 MiB |"
    assert "6.50 dB" in "\n".join(lines[offline:])


def test_zero_decibels_are_a_figure_not_random_weights():
    text = peers_table([row("ours", "live", 1.0, vocals_usdr_db=0.0)], MACHINE, (0.0, 1.0))
    assert "0.00 dB" in text
    assert "random weights" not in text


def test_who_is_missing_is_named_with_the_remedy():
    text = peers_table([Row("Gone", "gone", missing="gone is not installed")], MACHINE, (0, 1))
    assert "**Missing:** Gone: gone is not installed; `make bench-peers` installs it." in text
