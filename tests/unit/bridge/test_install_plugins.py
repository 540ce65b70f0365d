"""An installed wheel's plugins are put where hosts look, and taken away again."""

import pytest

from plugin_bridge import install_plugins

BUNDLES = {
    ".lv2/phoenix.lv2/manifest.ttl": "lv2",
    ".vst3/phoenix.vst3/Contents/phoenix.so": "vst3",
    ".clap/phoenix.clap": "clap",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return an empty home, beside the bundles of a wheel."""
    for name, text in BUNDLES.items():
        file = tmp_path / "wheel" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    monkeypatch.setattr(install_plugins, "BUNDLES", tmp_path / "wheel")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def files(home):
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def test_every_bundle_and_the_way_to_the_server_are_installed(home):
    assert install_plugins.main([]) == 0
    assert files(home) == {*BUNDLES, ".config/phoenix-stems/plugin.conf"}
    told = install_plugins.configuration_file().read_text().splitlines()[-1]
    assert told.startswith("serve = /")
    assert told.endswith("/phoenix-stems")


def test_an_older_version_is_replaced_and_not_mixed_with(home):
    stale = home / ".lv2/phoenix.lv2/gone.ttl"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an older version")
    old = home / ".clap/phoenix.clap"
    old.parent.mkdir()
    old.write_text("old")
    install_plugins.main([])
    assert not stale.exists()
    assert old.read_text() == "clap"


def test_removing_leaves_other_plugins_alone(home):
    other = home / ".lv2/another.lv2/manifest.ttl"
    other.parent.mkdir(parents=True)
    other.write_text("not ours")
    install_plugins.main([])
    assert install_plugins.main(["--remove"]) == 0
    assert files(home) == {".lv2/another.lv2/manifest.ttl"}
    assert install_plugins.main(["--remove"]) == 0, "again is no error"


def test_the_configuration_goes_where_the_desktop_keeps_it(home, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "kept"))
    install_plugins.main([])
    assert "kept/phoenix-stems/plugin.conf" in files(home)


def test_a_wheel_without_plugins_says_so(home, monkeypatch, capsys):
    monkeypatch.setattr(install_plugins, "BUNDLES", home)
    assert install_plugins.main([]) == 1
    assert "made without a C compiler" in capsys.readouterr().err
    assert files(home) == set()
