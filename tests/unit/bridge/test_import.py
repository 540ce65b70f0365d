"""Importing the bridge is cheap, and its public names are all there is."""

import subprocess
import sys

import pytest

import plugin_bridge


def imported(code, modules):
    """Return which of the modules are there once the code has run in a fresh interpreter."""
    code += "; import sys; print(*(m for m in sys.argv[1:] if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_import_alone_waits_for_no_library():
    assert imported("import plugin_bridge", ["numpy", "zmq", "msgpack", "protocol"]) == []


def test_no_public_name_imports_torch_numba_or_asyncio():
    heavy = ["torch", "numba", "scipy", "soundfile", "asyncio", "dsp", "server", "jack"]
    names = [name for name in plugin_bridge.__all__ if name != "connect_async"]
    assert imported(f"from plugin_bridge import {', '.join(names)}", [*heavy, "numpy"]) == ["numpy"]


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="'plugin_bridge' has no attribute 'conect'"):
        _ = plugin_bridge.conect


def test_completion_sees_the_public_names():
    assert set(plugin_bridge.__all__) <= set(dir(plugin_bridge))


def test_every_public_name_exists_and_is_documented():
    for name in plugin_bridge.__all__:
        assert getattr(plugin_bridge, name).__doc__, name
    assert plugin_bridge.__all__ == sorted(plugin_bridge.__all__)
