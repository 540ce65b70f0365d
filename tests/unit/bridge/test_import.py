"""Importing the bridge is cheap, and its public names are all there is."""

import subprocess
import sys

import plugin_bridge


def test_neither_torch_nor_numba_nor_asyncio_is_imported():
    code = "import sys, plugin_bridge; print(*(m for m in sys.argv[1:] if m in sys.modules))"
    heavy = ["torch", "numba", "scipy", "soundfile", "asyncio", "dsp", "server", "jack"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_every_public_name_exists_and_is_documented():
    for name in plugin_bridge.__all__:
        assert getattr(plugin_bridge, name).__doc__, name
    assert plugin_bridge.__all__ == sorted(plugin_bridge.__all__)
