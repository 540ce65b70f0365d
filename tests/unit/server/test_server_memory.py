"""Pages are locked where the system grants it without a limit, and nothing is tried elsewhere."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from server.lanes import memory

REPORT = """
from server.lanes.memory import lock_pages
print(lock_pages())
print(next(l for l in open("/proc/self/status") if l.startswith("VmLck")).split()[1])
"""


def locked_in_a_process():
    """Whether a process of its own could lock, and how many KiB it then had locked."""
    printed = subprocess.run(
        [sys.executable, "-c", REPORT], capture_output=True, text=True, check=True
    ).stdout.split()
    return printed[0] == "True", int(printed[1])


def test_what_is_granted_is_locked_and_what_is_not_stays_as_it_is():
    granted, locked_kib = locked_in_a_process()
    assert granted == memory._may_lock()
    assert (locked_kib > 0) == granted


def status_file(tmp_path, monkeypatch, capabilities):
    status = tmp_path / "status"
    status.write_text(f"Name:\tserver\nCapEff:\t{capabilities:016x}\n", encoding="ascii")
    monkeypatch.setattr(memory, "Path", lambda _: Path(status))


@pytest.mark.parametrize(
    ("limit", "capabilities", "may"),
    [
        (resource.RLIM_INFINITY, 0, True),
        (2**33, 0, False),
        (2**33, 1 << 14, True),
        (2**33, ~(1 << 14) & (2**40 - 1), False),
    ],
)
def test_a_finite_limit_is_not_locked_against(tmp_path, monkeypatch, limit, capabilities, may):
    status_file(tmp_path, monkeypatch, capabilities)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda _: (limit, limit))
    assert memory._may_lock() is may


def test_a_refusal_is_told(monkeypatch):
    class Refusing:
        def __init__(self, *_, **__):
            pass

        def mlockall(self, _flags):
            return -1

    monkeypatch.setattr(memory.ctypes, "CDLL", Refusing)
    monkeypatch.setattr(memory, "_may_lock", lambda: True)
    assert memory.lock_pages() is False


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "win32")
    assert memory.lock_pages() is False
