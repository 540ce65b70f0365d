"""A fake server on a real socket for sessions, and live sessions in a simulated world."""

import numpy as np
import pytest
from fake_server import SocketServer, World


@pytest.fixture
def served(tmp_path):
    with SocketServer(f"ipc://{tmp_path}/server.sock") as server:
        yield server


@pytest.fixture
def noise():
    """Return [channel, frame]: 30000 frames of reproducible noise."""
    return np.random.default_rng(1).uniform(-0.5, 0.5, (2, 30000)).astype(np.float32)


@pytest.fixture
def world():
    return World()
