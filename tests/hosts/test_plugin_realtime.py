"""Every format in a host that calls it as a sound card would: callbacks, and a killed server."""

import pytest
from conftest import noise
from killed import RATE_HZ, assert_dry_without_a_click_and_stems_again, tone
from mini_host import FORMATS, MiniHost, build_mini_host, clang

from plugin_bridge import EmbeddedServer

BLOCK = 1024
MODES = ("live", "offline")
# All three share the core that is struck, so `make test` strikes one.
IN_TURN = [pytest.param(form, marks=[] if form == "lv2" else pytest.mark.slow) for form in FORMATS]


@pytest.fixture(scope="module")
def mini(bundles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mini")
    return MiniHost(build_mini_host(folder / "mini_host"), bundles, folder)


@pytest.fixture(scope="module")
def watched(bundles, tmp_path_factory):
    """The same with RTSan, which sees what the plugin's own library calls in the callback."""
    folder = tmp_path_factory.mktemp("watched")
    flags = ["-fsanitize=realtime", "-Wno-function-effects"]
    return MiniHost(build_mini_host(folder / "mini_host", *flags, program=clang()), bundles, folder)


@pytest.mark.parametrize("form", FORMATS)
def test_the_callback_of_each_format_never_blocks(watched, served, form):
    done, wet = watched.run(form, "live", noise(2.0, RATE_HZ), 256)
    assert done.returncode == 0, done.stderr
    assert wet.any()


@pytest.mark.parametrize("form", FORMATS)
def test_a_callback_that_waits_is_seen(watched, served, form):
    """A render may wait, and does: the same callbacks, called offline."""
    done, _ = watched.run(form, "offline", noise(2.0, RATE_HZ), 256)
    assert done.returncode != 0
    assert "RealtimeSanitizer" in done.stderr


@pytest.mark.parametrize("form", IN_TURN)
def test_a_server_killed_live_is_dry_at_once_without_a_click_and_comes_back(
    mini, monkeypatch, form
):
    dry, killed_at = tone(100.0), 3 * RATE_HZ
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    with EmbeddedServer(model="fixed-gains", profile="live") as server:
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", server.endpoint)
        done, wet = mini.run(form, "live", dry, BLOCK, server.pid, killed_at)
    assert done.returncode == 0, done.stderr
    dry = dry[:, : wet.shape[1]]
    assert_dry_without_a_click_and_stems_again(wet, dry, int(done.stdout), killed_at, BLOCK)
