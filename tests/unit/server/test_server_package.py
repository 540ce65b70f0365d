"""``import server`` is cheap, and what it offers comes when it is asked for."""

import subprocess
import sys

import pytest

import server
from server.config import ServerConfig


def test_importing_the_package_imports_nothing_heavy():
    code = "import server, sys; print({'torch', 'numba', 'zmq', 'numpy'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


def test_every_public_name_is_there():
    assert server.ServerConfig is ServerConfig
    assert all(getattr(server, name).__name__ == name for name in server.__all__)


def test_a_name_that_is_not_there_is_told_as_usual():
    with pytest.raises(AttributeError, match="module 'server' has no attribute 'Sever'"):
        _ = server.Sever
