"""What figures are from, and how they come into a page."""

import json

import pytest

from benchmarks.machine import describe_machine
from benchmarks.performance_page import replace_part

CPUINFO = """processor\t: 0
model name\t: Abacus 2
flags\t\t: fpu avx512f avx2 sse

processor\t: 1
model name\t: Another
flags\t\t: amx_tile
"""
PAGE = """# Page

<!-- a: generated -->
old
<!-- end of a -->

<!-- b: generated -->
<!-- end of b -->
"""


def test_the_first_processor_and_its_vectors_are_told(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text(CPUINFO)
    machine = describe_machine(file)
    assert machine["processor"] == "Abacus 2"
    assert machine["vectors"] == "avx2 avx512f"
    assert json.loads(json.dumps(machine)) == machine


def test_a_machine_without_cpuinfo_is_described_as_far_as_it_goes(tmp_path):
    machine = describe_machine(tmp_path / "none")
    assert machine["vectors"] == ""
    assert machine["cores"] != "None"
    assert machine["torch"].startswith("2.")


def test_only_what_is_between_the_marks_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    replace_part(page, "a", "\nnew\nlines\n")
    assert page.read_text() == PAGE.replace("old\n", "\nnew\nlines\n\n")


def test_replacing_twice_is_replacing_once(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    replace_part(page, "b", "text")
    once = page.read_text()
    replace_part(page, "b", "text")
    assert page.read_text() == once


@pytest.mark.parametrize(
    "text",
    [
        "no marks",
        "<!-- a: generated -->\n",
        "<!-- end of a --><!-- a: generated -->\n",
        "<!-- a: generated -->\n<!-- a: generated -->\n<!-- end of a -->",
    ],
)
def test_a_page_whose_marks_are_not_there_in_order_is_left_alone(text, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="expected"):
        replace_part(page, "a", "new")
    assert page.read_text() == text


def test_the_performance_page_has_room_for_the_side_by_side(tmp_path, request):
    page = tmp_path / "performance.md"
    page.write_text((request.config.rootpath / "docs" / "performance.md").read_text())
    replace_part(page, "peers", "peers here")
    assert "\npeers here\n" in page.read_text()
