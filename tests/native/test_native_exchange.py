"""The conversation with servers that send elsewhere, need more, hang, die, or talk nonsense."""

import contextlib
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from native_core import (
    CONNECTED,
    FAILED,
    FALLBACK,
    MIX,
    OK,
    PROFILE,
    REFUSED,
    VOCALS,
    Plugin,
)
from native_servers import SocketServer, fake, opened, twist
from server_client import ServerProcess, noise, running_server
from test_native_live import BLOCK, Paced, kill, tone, wait_for

from plugin_bridge.latency import round_trip_samples
from protocol import Closed, Error, Latency, LatencyTooSmall, Stems, UnknownModel
from protocol import Opened as OpenedMessage

ROUND_TRIP = round_trip_samples(44100)


@contextlib.contextmanager
def karaoke(**activation):
    """Yield an active plugin that leaves half of the signal, if its stems come."""
    with Plugin(MIX) as plugin:
        plugin.set(VOCALS + 1, 1)
        assert plugin.activate(**activation)
        yield plugin


def renders_exactly(plugin, frames=6000):
    """Render, whatever the latency turns out to be on the way."""
    dry = noise(frames)
    out = plugin.play(np.pad(dry, ((0, 0), (0, plugin.latency + 6000))), [256])[0]
    np.testing.assert_allclose(out[:, plugin.latency :][:, :frames], 0.5 * dry, atol=1e-6)


def refused(plugin, words):
    wait_for(lambda: plugin.status in {REFUSED, FALLBACK}, plugin)
    assert words in plugin.why
    return plugin.status


# ---- Elsewhere ----


def test_a_redirect_is_followed(tmp_path, monkeypatch):
    with (
        SocketServer(f"ipc://{tmp_path}/there") as there,
        fake(tmp_path / "here", monkeypatch) as here,
        karaoke() as plugin,
    ):
        here.redirect = there.endpoint
        renders_exactly(plugin)
        assert opened(there.server)[-1].freewheel
        assert there.endpoint in plugin.why


@pytest.mark.parametrize("host", ["8.8.8.8", "127.1.2.3.4", "localhost"])
def test_a_redirect_to_another_machine_is_not(host, tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as here:
        here.redirect = f"tcp://{host}:80"
        with karaoke() as plugin:
            assert refused(plugin, "LOOPBACK") == FALLBACK


def test_a_circle_of_redirects_ends(tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as here:
        here.redirect = f"ipc://{tmp_path}/here"
        with karaoke() as plugin:
            assert refused(plugin, "again and again") == REFUSED
        assert len(opened(here)) == 4  # and three redirects


def test_loopback_tcp_is_as_good(tmp_path, monkeypatch):
    with running_server(tmp_path / "run", endpoint="tcp://127.0.0.1:*") as server:
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        with karaoke() as plugin:
            renders_exactly(plugin)
            assert "tcp://" in plugin.why


# ---- Needs ----


@pytest.mark.parametrize("more", [0, 1, 5000])
def test_a_round_trip_that_is_too_short_grows_by_what_the_server_asks(more, tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as server:
        server.minimum_round_trip = ROUND_TRIP + more
        with karaoke() as plugin:
            before = plugin.latency
            wait_for(lambda: plugin.status == CONNECTED, plugin)
            assert plugin.latency == before + more
            renders_exactly(plugin)
            assert plugin.latency == before + more
        asked = [request.round_trip_samples for request in opened(server)]
        assert asked == ([ROUND_TRIP, 0] if more else [ROUND_TRIP]) + [ROUND_TRIP + more]


def server_share(plugin):
    return plugin.latency - 256 - ROUND_TRIP


@pytest.mark.parametrize("more", [-1, 0, 3000])
def test_a_server_that_is_slower_than_usual_is_waited_for(more, tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as server:
        with karaoke() as plugin:
            share = server_share(plugin)
        server.latency = Latency(share + more - 3, 1, 1, 1)
        with karaoke() as plugin:
            renders_exactly(plugin)
            assert server_share(plugin) == share + max(more, 0)


def test_a_server_that_needs_more_than_there_is_memory_for_is_refused(tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as server:
        server.latency = Latency(2**53 - 1, 2**53 - 1, 2**53 - 1, 2**53 - 1)
        with karaoke() as plugin:
            before = plugin.latency
            assert refused(plugin, "more latency") == REFUSED
            assert plugin.latency == before


@pytest.mark.parametrize(
    "error", [UnknownModel("no model today"), LatencyTooSmall("no model today")]
)
def test_a_refusal_is_told_in_the_servers_words(error, tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as server:
        server.refuse_open = error
        with karaoke() as plugin:
            assert refused(plugin, "no model today") == REFUSED


# ---- Nonsense in mid-stream ----

NONSENSE = {
    "the future": lambda m: [replace(m, position_samples=m.position_samples + 10**6)],
    "mono": lambda m: [replace(m, samples=m.samples[:, :1])],
    "two stems": lambda m: [
        replace(m, stems=("vocals", "x"), samples=np.repeat(m.samples, 2, axis=0))
    ],
    "closed": lambda m: [Closed(m.stream, 0, 0)],
    "going": lambda _: [Error("E302", "going", None)],
    "unknown stream": lambda m: [Error("E204", "never heard of it", m.stream)],
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_in_mid_stream_is_dry_and_tried_again(name, tmp_path, monkeypatch):
    dry = tone(44100)
    with fake(tmp_path / "here", monkeypatch) as server:
        change = NONSENSE[name]
        twist(server, lambda m: change(m) if isinstance(m, Stems) else [m])
        with karaoke(max_block_frames=BLOCK) as plugin:
            paced = Paced(plugin, dry)
            paced.until(lambda: len(opened(server)) >= 2, 1)
            at = plugin.latency + 300
            out = paced.played[0]
            np.testing.assert_allclose(
                out[:, at:], dry[:, 300 : out.shape[1] - at + 300], atol=1e-6
            )


def test_stems_of_another_stream_and_messages_for_others_are_let_be(tmp_path, monkeypatch):
    def change(m):
        if isinstance(m, Stems):
            loud = np.full_like(m.samples, 9)
            stray = replace(m, stream=m.stream + 7, samples=loud)
            return [stray, Error("E302", "not yours", m.stream + 7), Closed(m.stream + 7, 0, 0), m]
        return [m, replace(m, stream=m.stream + 1)] if isinstance(m, OpenedMessage) else [m]

    with fake(tmp_path / "here", monkeypatch) as server:
        twist(server, change)
        with karaoke() as plugin:
            renders_exactly(plugin)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_stems_that_are_no_numbers_are_silence(bad, tmp_path, monkeypatch):
    def change(m):
        return [replace(m, samples=np.full_like(m.samples, bad))] if isinstance(m, Stems) else [m]

    dry = noise(4000)
    with fake(tmp_path / "here", monkeypatch) as server:
        twist(server, change)
        with karaoke() as plugin:
            out = plugin.play(dry, [256])[0]
            at = plugin.latency
            np.testing.assert_allclose(out[:, at:], dry[:, : 4000 - at], atol=1e-6)


# ---- Dying and hanging ----


def test_a_render_outlives_its_server_without_a_hole(tmp_path, monkeypatch):
    dry = noise(20000)
    with karaoke_after(tmp_path, monkeypatch) as (plugin, first):
        latency = plugin.latency
        out = [plugin.play(dry[:, :8000], [256])]
        first.stop()
        with SocketServer(first.endpoint) as second:
            out.append(plugin.play(np.pad(dry[:, 8000:], ((0, 0), (0, latency))), [256]))
            assert opened(second.server)[0].position_samples <= 8000
        out = np.concatenate(out, axis=2)[0]
        np.testing.assert_allclose(out[:, latency:], 0.5 * dry, atol=1e-6)
        assert plugin.statistics.reconnects >= 1


@contextlib.contextmanager
def karaoke_after(tmp_path, monkeypatch):
    with SocketServer(f"ipc://{tmp_path}/here") as served:
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", served.endpoint)
        with karaoke() as plugin:
            yield plugin, served


def test_a_render_whose_next_server_needs_more_latency_fails_at_once_and_not_again(
    tmp_path, monkeypatch
):
    with karaoke_after(tmp_path, monkeypatch) as (plugin, first):
        plugin.play(noise(8000), [256])
        before = plugin.latency
        first.stop()
        with SocketServer(first.endpoint) as second:
            second.server.latency = Latency(before + 1000, 0, 0, 0)
            started = time.monotonic()
            codes = [plugin.process(noise(256), offline=True)[0] for _ in range(100)]
            assert codes[-1] == FAILED
            assert time.monotonic() - started < 20, "it waited for what cannot come"
            assert "the latency grew" in plugin.why
            assert plugin.latency > before
            plugin.reset()
            renders_exactly(plugin)


def test_the_profile_may_change_in_the_middle_of_a_render(tmp_path, monkeypatch):
    """The delay grows, so stems are needed again that were played: the stream starts earlier."""
    dry = noise(40000)
    with fake(tmp_path / "here", monkeypatch), karaoke() as plugin:
        plugin.play(dry[:, :8192], [256])
        plugin.set(PROFILE, 1)
        out = plugin.play(dry[:, 8192:], [256])[0]
        start = 8192 - plugin.latency
        settled = max(0, -start) + 1500  # the fade to the longer delay
        expected = 0.5 * dry[:, start + settled :][:, : out.shape[1] - settled]
        np.testing.assert_allclose(out[:, settled:], expected, atol=1e-6)


def test_a_render_whose_server_is_killed_fails_loudly_until_it_plays_live(tmp_path, monkeypatch):
    with ServerProcess(tmp_path) as server:
        server.wait_ready()
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        with karaoke() as plugin:
            plugin.play(noise(8192), [256])
            kill(server)
            codes, outs = zip(
                *[plugin.process(noise(256), offline=True) for _ in range(100)], strict=True
            )
            assert OK not in codes[codes.index(FAILED) :]
            assert codes[-1] == FAILED
            alarm = np.concatenate(outs[codes.index(FAILED) :], axis=2)[0]
            assert np.abs(alarm[:, :10000]).max() == pytest.approx(0.25, abs=0.001)
            assert "render has failed" in plugin.why
            assert plugin.process(noise(256))[0] == OK
            assert "render has failed" not in plugin.why


def hears(paced, level):
    """Return whether the last 50 ms are the tone at this level and nothing else."""
    at = paced.at - paced.plugin.latency
    dry = paced.dry[:, at - 2048 : at]
    return np.abs(paced.played[-1][:, -2048:] - level * dry).max() < 1e-5


def test_a_server_that_hangs_is_dry_and_may_come_back(tmp_path, monkeypatch):
    with ServerProcess(tmp_path, "--supervise", "off") as server:
        server.wait_ready()
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        with karaoke(max_block_frames=BLOCK) as plugin:
            paced = Paced(plugin, tone(44100 * 40))
            paced.run(0.5)
            paced.until(lambda: hears(paced, 0.5), 10)
            server.process.send_signal(signal.SIGSTOP)
            try:
                paced.until(lambda: hears(paced, 1.0), 2)
                paced.until(lambda: plugin.status == FALLBACK, 10)
                assert hears(paced, 1.0)
            finally:
                server.process.send_signal(signal.SIGCONT)
            paced.until(lambda: plugin.status == CONNECTED and hears(paced, 0.5), 15)
            assert np.abs(np.diff(paced.played[0][:, plugin.latency + 1 :])).max() < 0.03


def test_after_a_pause_and_a_burst_the_stems_come_back(tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch), karaoke(max_block_frames=BLOCK) as plugin:
        paced = Paced(plugin, tone(44100 * 20))
        paced.run(0.5)
        paced.until(lambda: hears(paced, 0.5), 5)
        paced.start -= 3  # as after a pause of three seconds: all that is due at once
        paced.run(2.9)
        paced.until(lambda: hears(paced, 0.5), 5)
        assert np.abs(np.diff(paced.played[0][:, plugin.latency + 1 :])).max() < 0.03


def test_the_light_profile_is_asked_for_by_its_name_and_sounds_as_late_as_live(
    tmp_path, monkeypatch
):
    with fake(tmp_path / "here", monkeypatch) as server, karaoke(max_block_frames=BLOCK) as plugin:
        paced = Paced(plugin, tone(44100 * 20))
        paced.run(0.5)
        paced.until(lambda: hears(paced, 0.5), 5)
        before = plugin.latency
        plugin.set(PROFILE, 2)
        assert plugin.latency == before
        paced.until(lambda: len(opened(server)) == 2, 5)
        assert [request.profile for request in opened(server)] == ["live", "live-light"]
        paced.until(lambda: hears(paced, 0.5), 5)
        assert np.abs(np.diff(paced.played[0][:, before + 1 :])).max() < 0.03


def test_the_profile_may_change_while_audio_runs(tmp_path, monkeypatch):
    with fake(tmp_path / "here", monkeypatch) as server, karaoke(max_block_frames=BLOCK) as plugin:
        paced = Paced(plugin, tone(44100 * 20))
        paced.run(0.5)
        paced.until(lambda: hears(paced, 0.5), 5)
        before, changed_at = plugin.latency, paced.at
        plugin.set(PROFILE, 1)
        assert plugin.latency > before
        paced.run(0.3)  # the delay is longer at once, and the sound goes on
        paced.until(lambda: hears(paced, 0.5), 5)
        assert [request.profile for request in opened(server)] == ["live", "studio"]
        assert opened(server)[1].position_samples >= changed_at - BLOCK
        assert np.abs(np.diff(paced.played[0][:, before + 1 :])).max() < 0.03
