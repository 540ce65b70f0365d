"""The wheel: with the plugins where there is a compiler, without them where there is none."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import LV2_HEADER, require

pytestmark = pytest.mark.hosts

REPOSITORY = Path(__file__).parents[2]
BUNDLES = "plugin_bridge/bundles"
INSTALLED = {
    ".lv2/phoenix-stems.lv2/phoenix-stems.so",
    ".lv2/phoenix-stems.lv2/manifest.ttl",
    ".vst3/phoenix-stems.vst3/Contents/x86_64-linux/phoenix-stems.so",
    ".clap/phoenix-stems.clap",
}


def run(*command, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def build_wheel(folder, **environment):
    """Build it from a copy of what git knows, as pip would from a source archive."""
    source = folder / "source"
    run("git", "-C", REPOSITORY, "checkout-index", "--all", f"--prefix={source}/")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
    run(*pip, source, **environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def install(wheel, folder):
    """Unpack it as pip does; returns the environment in which its Python part is found."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", folder / "site", wheel)
    home = folder / "home"
    home.mkdir()
    # What it depends on is in this environment, whose own editable install would come first: -S.
    path = os.pathsep.join([str(folder / "site"), sysconfig.get_path("purelib")])
    return {"PYTHONPATH": path, "HOME": str(home), "XDG_CONFIG_HOME": ""}


def installed_files(home):
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def test_with_a_compiler_the_plugins_are_in_and_are_put_where_hosts_look(tmp_path):
    require("gcc", "cmake", "lv2info")
    if not LV2_HEADER.exists():
        pytest.skip("needs the LV2 headers (Debian package lv2-dev)")
    wheel = build_wheel(tmp_path)
    assert wheel.name.endswith("-py3-none-linux_x86_64.whl")
    assert {f"{BUNDLES}/{name}" for name in INSTALLED} <= set(names(wheel))
    assert not [name for name in names(wheel) if name.endswith(".c")]
    environment, home = install(wheel, tmp_path), tmp_path / "home"
    command = (sys.executable, "-S", "-P", "-m", "plugin_bridge.install_plugins")
    run(*command, **environment)
    configuration = home / ".config" / "phoenix-stems" / "plugin.conf"
    assert installed_files(home) >= INSTALLED
    assert f"serve = {Path(sys.executable).with_name('phoenix-stems')}" in configuration.read_text()
    run("lv2info", "urn:phoenix-stems:mix", LV2_PATH=f"{home}/.lv2:/usr/lib/lv2")
    run(*command, "--remove", **environment)
    assert installed_files(home) == set()


def test_without_a_compiler_the_python_part_installs(tmp_path):
    """No programs on PATH at all, so neither a compiler nor CMake."""
    wheel = build_wheel(tmp_path, PATH=str(tmp_path / "nothing"), CC="", CXX="")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in names(wheel) if name.startswith(BUNDLES)]
    environment = install(wheel, tmp_path)
    program = "import plugin_bridge; print(plugin_bridge.__file__)"
    done = run(sys.executable, "-S", "-P", "-c", program, **environment)
    assert done.stdout.startswith(str(tmp_path / "site"))
    with pytest.raises(AssertionError, match="has no plugins"):
        run(sys.executable, "-P", "-m", "plugin_bridge.install_plugins", **environment)
