"""What a socket received goes into the context from where it lies: no copy of audio on the way."""

import numpy as np
import zmq
from server_client import RawClient, noise, running_server

from dsp import context

BLOCK_FRAMES = 256


def source(samples):
    """Give what owns the memory that samples look into."""
    while isinstance(samples, np.ndarray):
        samples = samples.base
    return samples


def test_a_blocks_samples_go_from_the_frame_into_the_context(tmp_path, monkeypatch):
    sources = []
    into = context.sanitize_into
    monkeypatch.setattr(
        context,
        "sanitize_into",
        lambda samples, clean: (sources.append(source(samples)), into(samples, clean))[1],
    )
    with running_server(tmp_path) as server, RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        sources.clear()  # of the server's warm-up
        client.separate(noise(8 * BLOCK_FRAMES), BLOCK_FRAMES)
    assert len(sources) >= 8
    assert all(isinstance(owner, zmq.Frame) for owner in sources)
