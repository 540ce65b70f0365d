"""Takes the picture of the plugin's parameters that docs/plugins.md shows.

    make plugin && .venv/bin/python tests/hosts/ardour_picture.py docs/ardour-parameters.png

Ardour 7 on a screen of its own (Xvfb) and on JACK's dummy driver, with the test separator. Ardour
cannot be told on its command line which audio system to use, nor to show a plugin's window: these
are clicked, at the places where Ardour 7.3 has them on a screen of 1400 x 1000. Needs `make
system-packages-hosts`.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ardour import Ardour, PluginChoice
from conftest import noise
from jack_tape import jack_server

from plugin_bridge import EmbeddedServer

REPOSITORY = Path(__file__).parents[2]
BUNDLE = REPOSITORY / "build" / "plugin" / "lv2" / "phoenix-stems.lv2"
DISPLAY = ":77"
RATE_HZ, BLOCK = 44_100, 256
VOCALS_DOWN = PluginChoice("LV2", "urn:phoenix-stems:mix", {3: -6.0})
# What is clicked, where, how often, and how long Ardour may take for it.
CLICKS = [
    ("the audio device is another one: OK", (871, 540), 1, 10),
    ("the list of audio systems", (708, 359), 1, 3),
    ("JACK", (710, 381), 1, 5),
    ("Connect to JACK", (986, 660), 1, 30),
    ("the mixer", (1326, 73), 1, 8),
    ("the plugin", (338, 207), 2, 8),
]


def run(*command):
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"DISPLAY": DISPLAY}
    ).stdout


@contextlib.contextmanager
def running(*command, **environment):
    """Run a program beside us, and kill it afterwards: Ardour takes minutes to end politely."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | environment, **quiet) as process:
        try:
            yield
        finally:
            process.kill()


def click(place, times):
    run("xdotool", "mousemove", *map(str, place))
    run("xdotool", "click", "--repeat", str(times), "--delay", "80", "1")


def take(picture, home, endpoint, jack_name):
    environment = {"PHOENIX_STEMS_ENDPOINT": endpoint, "PHOENIX_STEMS_SERVE": ""}
    audio = noise(60.0, RATE_HZ).T
    session = Ardour(home, environment).session("picture", audio, RATE_HZ, VOCALS_DOWN)
    (home / ".config" / "ardour7" / ".a7").touch()  # or it would ask a newcomer's questions
    environment |= {"HOME": str(home), "JACK_DEFAULT_SERVER": jack_name, "DISPLAY": DISPLAY}
    with running("ardour", "--no-splash", str(session), **environment):
        time.sleep(40)
        for _what, place, times, wait_s in CLICKS:
            click(place, times)
            time.sleep(wait_s)
        window = run("xdotool", "search", "--name", "Phoenix Stems").split()[0]
        run("import", "-window", window, "-strip", str(picture))


def main(picture):
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedServer(model="fixed-gains", profile="live") as server,
        jack_server(RATE_HZ, BLOCK) as jack_name,
        running("Xvfb", DISPLAY, "-screen", "0", "1400x1000x24"),
    ):
        home = Path(folder)
        shutil.copytree(BUNDLE, home / ".lv2" / BUNDLE.name)
        take(picture, home, server.endpoint, jack_name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
