"""The LV2 bundle: its description is valid and is the core's; libraries show what they must."""

import re
import shutil
import subprocess

import pytest
from clap_host import ClapHost
from conftest import require

URIS = {"mix": "urn:phoenix-stems:mix", "multi": "urn:phoenix-stems:multi"}
ENTRIES = {
    "lv2": {"lv2_descriptor"},
    "vst3": {"GetPluginFactory", "ModuleEntry", "ModuleExit"},
    "clap": {"clap_entry"},
}


def tool(*command, **environment):
    require(command[0])
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def information(bundle, uri):
    done = tool("lv2info", uri, LV2_PATH=f"{bundle.parent}:/usr/lib/lv2")
    assert done.returncode == 0, done.stderr
    return done


def ports(text):
    """The text of each port, by symbol."""
    found = {}
    for part in re.split(r"\n\s*Port \d+:", text)[1:]:
        found[re.search(r"Symbol:\s+(\S+)", part)[1]] = part
    return found


def test_the_description_is_valid(bundles):
    require("sord_validate")
    done = tool("lv2_validate", *map(str, sorted(bundles.lv2.glob("*.ttl"))))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Found 0 errors" in done.stdout + done.stderr


def test_the_validator_sees_a_fault(bundles, tmp_path):
    require("sord_validate")
    copy = shutil.copytree(bundles.lv2, tmp_path / "faulty.lv2")
    text = (copy / "mix.ttl").read_text()
    (copy / "mix.ttl").write_text(text.replace('lv2:symbol "freewheel"', "lv2:symbol 7", 1))
    assert tool("lv2_validate", *map(str, sorted(copy.glob("*.ttl")))).returncode != 0


@pytest.mark.parametrize("kind", URIS)
def test_hosts_read_the_description_without_a_complaint(bundles, kind):
    done = information(bundles.lv2, URIS[kind])
    assert done.stderr == ""
    assert "Has latency:       yes, reported by port" in done.stdout
    assert "lv2core#hardRTCapable" in done.stdout


def test_every_parameter_of_the_core_is_a_port(bundles):
    with ClapHost(bundles.clap, "phoenix-stems.mix") as host:
        parameters = host.parameters
    found = ports(information(bundles.lv2, URIS["mix"]).stdout)
    names = {re.search(r"Name:\s+(.+)", part)[1] for part in found.values()}
    assert set(parameters) - {"Bypass"} <= names
    gain, port = parameters["Vocals gain"], found["vocals_gain"]
    for label, value in (
        ("Minimum", gain.minimum),
        ("Maximum", gain.maximum),
        ("Default", gain.default),
    ):
        assert float(re.search(rf"{label}:\s+(\S+)", port)[1]) == value


def test_ports_are_designated(bundles):
    found = ports(information(bundles.lv2, URIS["mix"]).stdout)
    for symbol, designation in (
        ("latency", "lv2core#latency"),
        ("freewheel", "lv2core#freeWheeling"),
        ("enabled", "lv2core#enabled"),
        ("in_left", "port-groups#left"),
        ("out_right", "port-groups#right"),
    ):
        assert designation in found[symbol], symbol


def test_multi_has_a_stereo_output_for_each_stem(bundles):
    found = ports(information(bundles.lv2, URIS["multi"]).stdout)
    outputs = [
        symbol for symbol, part in found.items() if "OutputPort" in part and "AudioPort" in part
    ]
    assert outputs == ["vocals_left", "vocals_right", "instrumental_left", "instrumental_right"]


@pytest.mark.parametrize("kind", URIS)
def test_presets_are_listed(bundles, kind):
    text = information(bundles.lv2, URIS[kind]).stdout
    presets = text.partition("Presets:")[2].partition("Port 0:")[0]
    assert len([line for line in presets.splitlines() if line.strip()]) == 4
    assert "vocals" in presets.lower()


@pytest.mark.parametrize("form", ENTRIES)
def test_libraries_show_their_entry_and_nothing_else(bundles, form):
    done = tool("nm", "-D", "--defined-only", str(bundles.libraries[form]))
    assert {line.split()[-1] for line in done.stdout.splitlines()} == ENTRIES[form]


@pytest.mark.parametrize("form", ENTRIES)
def test_libraries_need_libc_only(bundles, form):
    done = tool("ldd", str(bundles.libraries[form]))
    needed = {line.split()[0].partition(".so")[0] for line in done.stdout.splitlines()}
    assert needed <= {"linux-vdso", "libm", "libc", "/lib64/ld-linux-x86-64"}
