"""Ardour without a screen: build a session with one track and one plugin, export it, read it.

Ardour's Lua shell makes the session, so plugin and ports are as Ardour itself writes them. It has
no way to import audio, so track's file, region and the session's range are put into the XML.
"""

import os
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

NEEDED = ("ardour7-lua", "ardour7-export")
_LIBRARIES = Path("/usr/lib/ardour7")
_SUPERCLOCKS_PER_SECOND = 282_240_000
_TIMEOUT_S = 300

_SCRIPT = """\
AudioEngine:set_backend("None (Dummy)", "", "")
local session = assert(create_session("{folder}", "{name}", {rate_hz}))
local tracks = session:new_audio_track(2, 2, nil, 1, "track",
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
local track = tracks:front()
{add_plugin}
session:save_state("")
close_session()
quit()
"""
_ADD_PLUGIN = """\
local plugin = ARDOUR.LuaAPI.new_plugin(session, "{identity}", ARDOUR.PluginType.{kind}, "")
assert(not plugin:isnil(), "Ardour does not know {identity}")
assert(track:add_processor_by_index(plugin, 0, nil, true) == 0, "cannot be placed on a track")
for index, value in pairs({{{values}}}) do
  assert(ARDOUR.LuaAPI.set_processor_param(plugin, index, value), "no parameter " .. index)
end
"""
_CONNECT_PAIR = """\
local outputs = track:output()
assert(outputs:n_ports():n_audio() == 4, "the track has not got an output for each channel")
track:panner_shell():set_bypassed(true)
for port = 0, 3 do outputs:nth(port):disconnect_all() end
for side = 0, 1 do
  local master = session:master_out():input():nth(side)
  assert(outputs:nth(2 * {pair} + side):connect(master:name()) == 0, "cannot be connected")
end
"""


@dataclass(frozen=True)
class PluginChoice:
    """A plugin as Ardour names it, and values by the number of the parameter."""

    kind: str  # "LV2" or "VST3"
    identity: str
    values: dict[int, float]
    pair: int | None = None  # of Multi's outputs: which stereo pair is heard; None: of Mix


class Ardour:
    """Ardour with a home of its own, which holds its settings, its plugin cache and the plugins."""

    def __init__(self, home, environment):
        self.home = home
        self._environment = os.environ | environment | {"HOME": str(home)}
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            self._environment.pop(name, None)

    def scan_vst3(self, bundle):
        """Let Ardour's scanner look at a bundle; returns what it prints."""
        return self._run(
            str(_LIBRARIES / "ardour-vst3-scanner"),
            "-f",
            "-v",
            str(bundle),
            environment={"LD_LIBRARY_PATH": str(_LIBRARIES)},
        )

    def session(self, name, audio, rate_hz, plugin=None):
        """Make a session whose only track plays ``audio`` [frame, channel] through the plugin."""
        folder = self.home / name
        script = self.home / f"{name}.lua"
        script.write_text(
            _SCRIPT.format(
                folder=folder, name=name, rate_hz=rate_hz, add_plugin=_add_plugin(plugin)
            )
        )
        self._run("ardour7-lua", str(script))
        session = folder / f"{name}.ardour"
        assert session.exists(), "Ardour made no session"
        _place_audio(session, audio, rate_hz)
        return session

    def start_export(self, session, output):
        """Start exporting; returns the process."""
        return subprocess.Popen(
            self._export_command(session, output),
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def export(self, session, output):
        """Export the session's range; returns [frame, channel] as float64."""
        self._run(*self._export_command(session, output))
        return sf.read(output, always_2d=True)[0]

    def _export_command(self, session, output):
        folder = str(session.parent)
        return ["ardour7-export", "-b", "float", "-o", str(output), folder, session.stem]

    def _run(self, *command, environment=None):
        done = subprocess.run(
            command,
            env=self._environment | (environment or {}),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "Error:" not in said, said
        return said


def _add_plugin(plugin):
    if plugin is None:
        return ""
    values = ", ".join(f"[{index}] = {value}" for index, value in plugin.values.items())
    script = _ADD_PLUGIN.format(identity=plugin.identity, kind=plugin.kind, values=values)
    return script + ("" if plugin.pair is None else _CONNECT_PAIR.format(pair=plugin.pair))


def _place_audio(session, audio, rate_hz):
    folder = session.parent / "interchange" / session.stem / "audiofiles"
    folder.mkdir(parents=True, exist_ok=True)
    sf.write(folder / "dry.wav", audio.astype(np.float32), rate_hz, subtype="FLOAT")
    tree = ET.parse(session)  # noqa: S314 -- written by Ardour a moment ago
    root = tree.getroot()
    length = len(audio) * (_SUPERCLOCKS_PER_SECOND // rate_hz)
    for channel in (0, 1):
        source = {"name": "dry.wav", "type": "audio", "id": str(900_001 + channel)}
        source |= {"channel": str(channel), "flags": "", "origin": "", "gain": "1"}
        ET.SubElement(root.find("Sources"), "Source", source)
    ET.SubElement(root.find("Playlists/Playlist"), "Region", _region(length))
    session_range = {"id": "900020", "name": "session", "start": "a0", "end": f"a{length}"}
    session_range |= {"flags": "IsSessionRange", "locked": "0"}
    ET.SubElement(root.find("Locations"), "Location", session_range)
    tree.write(session)


def _region(length_superclocks):
    return {
        "name": "dry",
        "type": "audio",
        "id": "900010",
        "muted": "0",
        "opaque": "1",
        "start": "a0",
        "length": f"a{length_superclocks}@a0",
        "sync-position": "a0",
        "stretch": "1",
        "shift": "1",
        "positional-lock-style": "AudioTime",
        "fade-in-active": "0",
        "fade-out-active": "0",
        "scale-amplitude": "1",
        "source-0": "900001",
        "source-1": "900002",
        "master-source-0": "900001",
        "master-source-1": "900002",
        "channels": "2",
    }
