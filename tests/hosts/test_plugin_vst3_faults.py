"""Renders in pedalboard whose server is killed, is none, cannot be reached: exact, or an alarm."""

import gc
import os
import socket

import numpy as np
import pytest
from conftest import BAD_ANSWERS, garbage_server, is_alarm, noise
from own_server import OwnServer
from server_client import ServerProcess

pedalboard = pytest.importorskip(
    "pedalboard", reason="needs the hosts extra: pip install 'phoenix-stems[hosts]'"
)

pytestmark = pytest.mark.slow  # minutes together: `make test-hosts`

RATE_HZ = 44_100
BLOCK = 512
TOLERANCE = 1e-6


@pytest.fixture(autouse=True)
def _unload():
    yield
    gc.collect()


def muted_vocals(bundles):
    plugin = pedalboard.load_plugin(str(bundles.vst3), plugin_name="Phoenix Stems Mix")
    plugin.vocals_mute = True
    return plugin


def in_two_parts(plugin, dry, between):
    """Render in one go, but for ``between()`` in the middle; the reported latency taken away."""
    first, second = np.split(dry, 2, axis=1)
    parts = [plugin.process(first, RATE_HZ, buffer_size=BLOCK, reset=False)]
    between()
    parts.append(plugin.process(second, RATE_HZ, buffer_size=BLOCK, reset=False))
    return np.concatenate(parts, axis=1)[:, plugin.reported_latency_samples :]


def test_a_render_whose_server_is_killed_is_an_alarm(bundles, monkeypatch, tmp_path):
    dry = noise(4.0, RATE_HZ)
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        wet = in_two_parts(muted_vocals(bundles), dry, server.process.kill)
    # Stems that had come when it died are played, and are right; then it is loud to the end.
    is_right = np.abs(wet - 0.5 * dry[:, : wet.shape[1]]).max(axis=0) < TOLERANCE
    alarm_at = int(np.argmin(is_right))
    assert 0 <= alarm_at - (dry.shape[1] // 2 - 4096) < RATE_HZ
    assert is_alarm(wet[:, alarm_at:], RATE_HZ)
    assert is_alarm(wet[:, -RATE_HZ:], RATE_HZ)


def test_a_render_whose_server_is_started_again_is_exact(bundles, monkeypatch, tmp_path):
    """The plugin itself starts the next one, and waits for it: not a sample is missing."""
    dry = noise(4.0, RATE_HZ)
    own = OwnServer(tmp_path / "own")
    monkeypatch.delenv("PHOENIX_STEMS_ENDPOINT", raising=False)
    for name, value in own.environment.items():
        monkeypatch.setenv(name, value)
    wet = in_two_parts(muted_vocals(bundles), dry, own.kill)
    gc.collect()
    own.wait_for_end()
    assert len(own.pids) == 2
    np.testing.assert_allclose(wet, 0.5 * dry[:, : wet.shape[1]], atol=TOLERANCE)


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=range(len(BAD_ANSWERS)))
def test_whatever_a_fake_server_sends_a_render_is_an_alarm(bundles, monkeypatch, tmp_path, answer):
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/socket")
    with garbage_server(tmp_path / "socket", answer):
        wet = muted_vocals(bundles).process(noise(1.0, RATE_HZ), RATE_HZ, buffer_size=BLOCK)
    assert is_alarm(wet, RATE_HZ)


@pytest.mark.parametrize(
    "endpoint", ["ipc://{folder}/closed", "tcp://127.0.0.1:{port}", "ipc:///root/no"]
)
def test_a_socket_that_cannot_be_reached_is_an_alarm(bundles, monkeypatch, tmp_path, endpoint):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(str(tmp_path / "closed"))
    left_behind.close()  # the file stays, and nobody listens
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", endpoint.format(folder=tmp_path, port=port))
    wet = muted_vocals(bundles).process(noise(1.0, RATE_HZ), RATE_HZ, buffer_size=BLOCK)
    assert is_alarm(wet, RATE_HZ)


def test_without_descriptors_a_render_is_an_alarm_and_the_next_is_exact(
    bundles, server, monkeypatch, tmp_path
):
    """The server appears when there are none left; before, the plugin would keep its own."""
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/later")
    dry = noise(1.0, RATE_HZ)
    plugin, taken = muted_vocals(bundles), []
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        pass
    try:
        (tmp_path / "later").symlink_to(server.endpoint.removeprefix("ipc://"))
        wet = plugin.process(dry, RATE_HZ, buffer_size=BLOCK)
    finally:
        for handle in taken:
            os.close(handle)
    assert is_alarm(wet, RATE_HZ)
    wet = plugin.process(dry, RATE_HZ, buffer_size=BLOCK)
    np.testing.assert_allclose(wet, 0.5 * dry, atol=TOLERANCE)
