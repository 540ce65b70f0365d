"""The lock of run-time dependencies: every one is pinned, hashed, and the version we test with."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s\\]+)")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text):
    """Return the version of each pinned package."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {normal(name): version for name, version in _PIN.findall("\n".join(lines))}


@pytest.fixture
def lock():
    return (ROOT / "requirements.lock").read_text()


def test_each_version_is_the_one_that_is_tested(lock):
    tested = pins((ROOT / "constraints.txt").read_text())
    assert pins(lock).items() <= tested.items()


def test_each_dependency_of_ours_is_locked(lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = {normal(re.match(r"[\w.-]+", each)[0]) for each in project["dependencies"]}
    assert ours <= pins(lock).keys()


def test_each_entry_has_the_hash_of_its_file(lock):
    entries = [entry for entry in re.split(r"\n(?=\w)", lock) if not entry.startswith("#")]
    assert len(entries) == len(pins(lock))
    for entry in entries:
        assert re.search(r" \\\n    --hash=sha256:[0-9a-f]{64}$", entry.rstrip()), entry
