"""Instances come and go, servers die: nothing is left behind, and the host lives."""

import gc
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from clap_host import ClapHost
from conftest import BAD_ANSWERS, garbage_server, noise
from killed import assert_dry_without_a_click_and_stems_again, tone

from plugin_bridge import EmbeddedServer

pytestmark = pytest.mark.slow  # minutes together: `make test-hosts`

MIX = "phoenix-stems.mix"
RATE_HZ = 44_100
BLOCK = 512
CONNECTED = 2.0


def threads():
    return len(list(Path("/proc/self/task").iterdir()))


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cycle(host, count):
    dry = noise(0.05, RATE_HZ)
    for _ in range(count):
        host.activate(RATE_HZ, BLOCK)
        host.render(dry, [BLOCK])
        host.deactivate()


def leaves_nothing(bundles, count, growth_bytes):
    with ClapHost(bundles.clap, MIX) as host:
        cycle(host, 50)  # until the allocator has what it wants
        gc.collect()
        before = threads(), descriptors(), resident_bytes()
        cycle(host, count)
        gc.collect()
        assert threads() == before[0]
        assert descriptors() == before[1]
        assert resident_bytes() - before[2] < growth_bytes


def test_activation_leaves_nothing_behind(bundles, served):
    leaves_nothing(bundles, 30, 4 << 20)


@pytest.mark.hosts
def test_a_thousand_activations_leave_nothing_behind(bundles, served):
    leaves_nothing(bundles, 1000, 4 << 20)


def test_many_instances_at_once(bundles, served):
    dry = noise(0.5, RATE_HZ)
    hosts = [ClapHost(bundles.clap, MIX) for _ in range(4)]
    try:
        for host in hosts:
            host.render_offline(True)
            host.activate(RATE_HZ, BLOCK)
        for host in hosts:
            (wet,) = host.render(dry, [BLOCK])
            late = host.latency_samples
            np.testing.assert_allclose(wet[:, late:], dry[:, :-late], atol=1e-6)
    finally:
        for host in hosts:
            host.destroy()


def test_a_killed_server_is_dry_at_once_without_a_click_and_comes_back(bundles, monkeypatch):
    dry = tone(100.0)
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    with EmbeddedServer(model="fixed-gains", profile="live") as server:
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        killed_at = 3 * RATE_HZ // BLOCK * BLOCK
        calm_blocks = 0

        def kill_and_wait_until_calm(block):
            nonlocal calm_blocks
            if block * BLOCK == killed_at:
                os.kill(server.pid, signal.SIGKILL)
            is_calm = block * BLOCK > killed_at and host.get("Status") == CONNECTED
            calm_blocks = calm_blocks + 1 if is_calm else 0
            return calm_blocks * BLOCK > 3 * RATE_HZ

        with ClapHost(bundles.clap, MIX) as host:
            host.set("Vocals mute", 1.0)
            host.flush()
            host.activate(RATE_HZ, BLOCK)
            (wet,) = host.play(dry, BLOCK, RATE_HZ, each=kill_and_wait_until_calm)
            latency = host.latency_samples
    dry = dry[:, : wet.shape[1]]
    assert_dry_without_a_click_and_stems_again(wet, dry, latency, killed_at, BLOCK)


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=range(len(BAD_ANSWERS)))
def test_the_host_lives_with_garbage(bundles, monkeypatch, tmp_path, answer):
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/socket")
    with garbage_server(tmp_path / "socket", answer):
        is_dry_live(bundles)


def is_dry_live(bundles):
    """Play a second live, and hold the second half of it to the dry signal."""
    dry, half = tone(1.0), RATE_HZ // 2
    with ClapHost(bundles.clap, MIX) as host:
        host.activate(RATE_HZ, BLOCK)
        (wet,) = host.play(dry, BLOCK, RATE_HZ)
        latency = host.latency_samples
    np.testing.assert_allclose(wet[:, half:], dry[:, half - latency : -latency], atol=1e-5)


def test_without_descriptors_the_host_lives_and_hears_dry(bundles, served):
    with ClapHost(bundles.clap, MIX):  # what loading needs is there
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        try:
            is_dry_live(bundles)
        finally:
            for handle in taken:
                os.close(handle)
