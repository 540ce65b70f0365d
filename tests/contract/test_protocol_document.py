"""PROTOCOL.md, messages, limits, codes and version say the same, in both directions."""

import json
import re
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import get_args

import pytest

import protocol
from protocol import (
    DEFAULT_LIMITS,
    ERRORS_BY_CODE,
    MAJOR,
    MINOR,
    Latency,
    Message,
    ModelInfo,
    ProfileInfo,
    messages,
)
from protocol.fields import Maybe, Pcm, fields_of
from protocol.golden import EXACT, VECTORS

DOCUMENT = (Path(protocol.__file__).parent / "PROTOCOL.md").read_text()
CLASSES = {str(getattr(cls, "kind", cls.__name__)): cls for cls in get_args(Message)} | {
    cls.__name__: cls for cls in (ModelInfo, ProfileInfo, Latency)
}
_SECTION = re.compile(r"^### [45]\.\d+ (\w+).*?\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
SECTIONS = dict(_SECTION.findall(DOCUMENT))


def rows(text):
    """Return the cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def chapter(number):
    return re.search(rf"^## {number}\. .*?(?=^## |\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)[0]


def documented(name):
    return {
        row[0].strip("`"): {"type": row[1], "range": row[3], "default": row[4]}
        for row in rows(SECTIONS[name])
    }


def default_of(spec, field):
    if spec.required:
        return "required"
    value = field.default if field.default is not MISSING else field.default_factory()
    return "absent" if value is None else f"`{json.dumps(value)}`"


def declared(cls):
    described = {}
    for spec, field in zip(fields_of(cls), fields(cls), strict=True):
        field_type = spec.type.inner if isinstance(spec.type, Maybe) else spec.type
        if isinstance(field_type, Pcm):
            axes = {"channels": "maximum_channels", "frames": field_type.limit}
            described |= {
                axis: {"type": "int", "range": f"1 to {limit}", "default": "required"}
                for axis, limit in axes.items()
            }
        else:
            described[spec.name] = {
                "type": field_type.wire_type,
                "range": field_type.allowed,
                "default": default_of(spec, field),
            }
    return described


def test_document_and_code_have_the_same_messages():
    assert set(SECTIONS) == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_document_and_code_have_the_same_fields(name):
    assert documented(name) == declared(CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_has_a_unit_and_a_meaning(name):
    for field, _, unit, *_, meaning in rows(SECTIONS[name]):
        assert unit, field
        assert meaning, field


@pytest.mark.parametrize("name", CLASSES)
def test_units_in_names_are_the_units_of_the_table(name):
    units = {
        "_samples": "samples",
        "_hz": "Hz",
        "_frames": "frames",
        "_db": "dB",
        "_bytes": "bytes",
    }
    for field, _, unit, *_ in rows(SECTIONS[name]):
        for ending, expected in units.items():
            if field.strip("`").endswith(ending):
                assert unit == expected, field


def test_limits_agree():
    table = {row[0]: int(row[1]) for row in rows(chapter(8))}
    assert table == asdict(DEFAULT_LIMITS)


def test_ranges_name_limits_that_exist():
    named = set(re.findall(r"\b(?:maximum|minimum)_\w+\b", "".join(SECTIONS.values())))
    own_fields = {spec.name for cls in CLASSES.values() for spec in fields_of(cls)}
    assert named <= set(asdict(DEFAULT_LIMITS)) | own_fields


def test_error_codes_agree():
    table = {row[0]: row[1] for row in rows(chapter(7))}
    assert table == {code: cls.__name__ for code, cls in ERRORS_BY_CODE.items()}


def test_codes_in_the_text_exist():
    assert set(re.findall(r"\bE\d{3}\b", DOCUMENT)) - {"E999"} <= set(ERRORS_BY_CODE)


def test_version_agrees():
    assert f"\nVersion {MAJOR}.{MINOR}\n" in DOCUMENT
    assert (EXACT["hello"].major, EXACT["hello"].minor) == (MAJOR, MINOR)


def test_sections_named_in_docstrings_are_the_right_ones():
    source = Path(messages.__file__).read_text()
    named = re.findall(r"class (\w+)\(Checked\):\n    \"\"\".*?section (\d\.\d)\)", source)
    assert named
    for cls, number in named:
        assert f"### {number} {cls.lower()} " in DOCUMENT


def test_sections_are_numbered_without_gaps():
    for chapter_number in (4, 5, 6):
        found = re.findall(rf"^### {chapter_number}\.(\d+) ", DOCUMENT, re.MULTILINE)
        assert list(map(int, found)) == list(range(1, len(found) + 1))


def test_bytes_shown_in_the_document_are_the_golden_ones():
    shown = re.search(r"^    ((?:[0-9a-f]{2} +)+[0-9a-f]{2})$", DOCUMENT, re.MULTILINE)[1]
    assert bytes.fromhex(shown) == (VECTORS / "ping.bin").read_bytes()


def test_links_lead_somewhere():
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", DOCUMENT, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([^)]+)\)", DOCUMENT)) <= anchors
