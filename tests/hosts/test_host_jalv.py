"""The LV2 plugin in jalv on JACK's dummy driver: live, several at once, when the server dies."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from conftest import noise, require
from jack_tape import Tape, jack_server
from jalv_host import Jalv
from killed import assert_aligned, assert_dry_without_a_click_and_stems_again, delayed, tone
from lv2_host import Lv2Host, World

from dsp.networks.registry import available_models
from plugin_bridge import EmbeddedServer

pytestmark = pytest.mark.hosts

RATE_HZ, BLOCK = 44_100, 256
LATENCY_SAMPLES = 2048  # docs/latency.md for this rate and block: 46.4 ms
CONNECTED = 2.0
MODELS = [model.name for model in available_models() if model.name != "fixed-gains"]
LIVE_SECONDS = float(os.environ.get("STEMS_LIVE_SECONDS", "600"))
MIX = "urn:phoenix-stems:mix"


@pytest.fixture
def jack_name():
    require("jackd", "jalv", "stdbuf")
    with jack_server(RATE_HZ, BLOCK) as name:
        yield name


def through(jack_name, hosts, played):
    """Play through hosts at once, record them all, wait: [host, channel, frame]."""
    outputs = [f"{host.name}:out_{side}" for host in hosts for side in ("left", "right")]
    tape = Tape(jack_name, played, outputs)
    tape.start([f"{hosts[0].name}:in_left", f"{hosts[0].name}:in_right"])
    for host in hosts[1:]:
        for side in ("left", "right"):
            tape.feed(side, f"{host.name}:in_{side}")
    return tape


def reported_latency(jack_name):
    listing = subprocess.run(
        ["jack_lsp", "-s", jack_name, "-l"], capture_output=True, text=True, check=True
    ).stdout
    port = listing.partition("stems:out_left")[2]
    return int(port.partition("playback latency = [ ")[2].split()[0])


def test_live_stems_are_aligned_at_the_reported_latency(bundles, server, jack_name):
    dry = noise(6.0, RATE_HZ)
    with Jalv(bundles, jack_name, "stems", MIX, server, vocals_mute=1) as host:
        host.wait_for("status", CONNECTED)
        tape = through(jack_name, [host], dry)
        tape.wait(30)
        assert reported_latency(jack_name) == LATENCY_SAMPLES
        tape.close()
        assert host.close() == 0
    assert_aligned(tape.recorded, delayed(dry, LATENCY_SAMPLES))


def test_several_instances_share_one_server(bundles, server, jack_name):
    dry = noise(6.0, RATE_HZ)
    gains = {"one": {"vocals_mute": 1}, "two": {"instrumental_mute": 1}, "three": {}}
    expected = {"one": 0.5, "two": 0.5, "three": 1.0}
    hosts = [
        Jalv(bundles, jack_name, name, MIX, server, **controls) for name, controls in gains.items()
    ]
    try:
        for host in hosts:
            host.wait_for("status", CONNECTED)
        tape = through(jack_name, hosts, dry)
        tape.wait(30)
        tape.close()
    finally:
        for host in hosts:
            host.close()
    for index, host in enumerate(hosts):
        recorded = tape.recorded[2 * index : 2 * index + 2]
        assert_aligned(recorded, delayed(dry, LATENCY_SAMPLES), expected[host.name])


def test_a_killed_server_is_dry_at_once_without_a_click_and_comes_back(bundles, jack_name):
    dry = tone(100.0)
    with (
        EmbeddedServer(model="fixed-gains", profile="live") as server,
        Jalv(bundles, jack_name, "stems", MIX, server, vocals_mute=1) as host,
    ):
        host.wait_for("status", CONNECTED)
        tape = through(jack_name, [host], dry)
        while tape.position < 3 * RATE_HZ:
            time.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        killed_at = tape.position
        wait_until_calm(host, tape)
        tape.close()
        assert host.is_running()
    heard = slice(0, tape.position - BLOCK)
    assert_dry_without_a_click_and_stems_again(
        tape.recorded[:, heard], dry[:, heard], LATENCY_SAMPLES, killed_at, BLOCK
    )


def wait_until_calm(host, tape):
    """Wait until stems have flowed for three seconds of the tape, or it is at its end."""
    host.values.pop("status")  # of before
    since = tape.position
    while tape.position - since < 3 * RATE_HZ and tape.position < tape.played.shape[1]:
        host.command("monitors")
        time.sleep(0.2)
        since = since if host.values.get("status") == CONNECTED else tape.position


def test_a_saved_session_is_loaded(bundles, server, jack_name, monkeypatch, tmp_path):
    monkeypatch.setenv("LV2_PATH", f"{bundles.lv2.parent}:/usr/lib/lv2")
    with World() as world, Lv2Host(world, MIX, RATE_HZ) as other:
        other["vocals_gain"], other["instrumental_mute"] = -7.5, 1.0
        world.save(other.state(), tmp_path / "session")
    with Jalv(bundles, jack_name, "stems", MIX, server, session=tmp_path / "session") as host:
        host.wait_for("vocals_gain", -7.5, ask="controls")
        host.wait_for("instrumental_mute", 1.0, ask="controls")
        assert host.values["vocals_mute"] == 0.0


@pytest.mark.timeout(2 * LIVE_SECONDS + 300)
@pytest.mark.parametrize("model", MODELS)
def test_ten_minutes_live_without_an_underrun(bundles, jack_name, model):
    """All stems are muted, so what is heard is the fallback and nothing else.

    Needs an otherwise idle machine. STEMS_LIVE_SECONDS makes it shorter.
    """
    dry = noise(LIVE_SECONDS, RATE_HZ)
    muted = {"vocals_mute": 1, "instrumental_mute": 1}
    with (
        EmbeddedServer(model=model, profile="live") as server,
        Jalv(bundles, jack_name, "stems", MIX, server, **muted) as host,
    ):
        host.wait_for("status", CONNECTED)
        tape = through(jack_name, [host], dry)
        tape.wait(LIVE_SECONDS + 60)
        assert reported_latency(jack_name) == LATENCY_SAMPLES
        tape.close()
    late = np.flatnonzero(np.abs(tape.recorded[:, RATE_HZ:]).max(axis=0))
    starts = late[np.flatnonzero(np.diff(late, prepend=-RATE_HZ) > BLOCK)] / RATE_HZ + 1
    print(f"{tape.xruns} xruns of JACK")
    assert len(late) == 0, (
        f"{len(late)} late frames, from {starts.round(2).tolist()} s on; {tape.xruns} xruns of JACK"
    )
