"""Nothing is compiled once the server is ready: its first blocks do not wait for a compiler."""

import pytest
from server_client import RawClient, ServerProcess, noise


@pytest.mark.parametrize(
    ("profile", "freewheel"), [("live", True), ("live", False), ("offline", True)]
)
def test_the_first_stream_finds_every_kernel_compiled(tmp_path, monkeypatch, profile, freewheel):
    """As on a new machine: with a cache of its own, in which each kernel shows as a file."""
    cache = tmp_path / "kernels"
    cache.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    with ServerProcess(tmp_path, "--profile", profile) as server:
        server.wait_ready()
        compiled = kernels(cache)
        with RawClient(server.endpoint) as client:
            client.open(profile=profile, freewheel=freewheel)
            client.separate(noise(10_000))
        assert compiled, "the cache is where it was to be"
        assert kernels(cache) == compiled


def kernels(cache):
    """One file for each kernel and each kind of arguments."""
    return {path.name for path in cache.rglob("*.nbc")}
