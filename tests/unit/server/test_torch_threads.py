"""How many threads torch may use is said to it, be it imported or not."""

import os
import sys
from types import SimpleNamespace

import pytest

from server.server import _limit_torch_threads


@pytest.mark.parametrize("is_imported", [True, False])
def test_torch_is_limited_now_or_when_it_comes(monkeypatch, is_imported):
    told = []
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    if is_imported:
        torch = SimpleNamespace(set_num_threads=told.append)
        monkeypatch.setitem(sys.modules, "torch", torch)
    _limit_torch_threads(3)
    assert told == ([3] if is_imported else [])
    assert ("torch" in sys.modules) == is_imported
    assert os.environ["OMP_NUM_THREADS"] == "3"
