"""What a stream held is given back when it ends, not when Python next looks for cycles."""

import contextlib
import gc
import time
import weakref

import pytest
from server_client import RawClient, noise, running_server


@pytest.fixture
def server(tmp_path):
    with running_server(tmp_path, peer_timeout_s=0.3) as server:
        yield server


@contextlib.contextmanager
def without_garbage_collection():
    """Leave only reference counts, as good as in a server that has frozen its heap."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def only_pipeline(server):
    (stream,) = server._sessions._table.streams
    return weakref.ref(stream.task._worker._pipeline)


def wait_until_freed(reference):
    deadline = time.monotonic() + 10
    while reference() is not None:
        assert time.monotonic() < deadline, "the stream has ended and its context is still held"
        time.sleep(0.01)


@pytest.mark.parametrize("freewheel", [False, True])
def test_a_closed_streams_context_is_freed_at_once(server, freewheel):
    with without_garbage_collection(), RawClient(server.endpoint) as client:
        client.open(freewheel=freewheel)
        pipeline = only_pipeline(server)
        client.audio(noise(8192))
        client.flush()
        client.close_stream()
        wait_until_freed(pipeline)


def test_so_is_that_of_a_peer_which_vanished(server):
    with without_garbage_collection():
        with RawClient(server.endpoint) as client:
            client.open(freewheel=True)
            pipeline = only_pipeline(server)
            client.audio(noise(8192))
            client.flush()
        wait_until_freed(pipeline)
