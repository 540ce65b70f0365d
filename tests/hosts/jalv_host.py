"""jalv: an LV2 plugin as a JACK client, in a process of its own."""

import contextlib
import re
import subprocess
import threading
import time

from conftest import tool_environment

_START_TIMEOUT_S = 20.0


class Jalv:
    """One running jalv; ``values`` holds the latest value that it told of each control.

    ``session``: a folder with a saved state to begin with.
    """

    def __init__(self, bundles, jack_name, name, uri, server=None, *, session=None, **controls):
        settings = [part for item in controls.items() for part in ("-c", "{}={}".format(*item))]
        settings += [] if session is None else ["-l", str(session)]
        self.name = name
        self.values = {}
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "jalv", "-x", "-n", name, *settings, uri],
            env=tool_environment(
                server,
                JACK_DEFAULT_SERVER=jack_name,
                LV2_PATH=f"{bundles.lv2.parent}:/usr/lib/lv2",
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process.poll() is None

    def close(self):
        """Ask it to end, as its user would; returns the exit code."""
        if self.is_running():
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(10)
        self._process.kill()
        return self._process.wait()

    def command(self, text):
        """Type a line at jalv's prompt, such as ``set SYMBOL VALUE``."""
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def wait_for(self, symbol, *values, ask="monitors"):
        """Wait until a control has one of these values: an output, or an input of ``controls``."""
        until = time.monotonic() + _START_TIMEOUT_S
        while self.values.get(symbol) not in values:
            assert self.is_running(), "".join(self.said)
            assert time.monotonic() < until, (symbol, values, self.values)
            self.command(ask)
            time.sleep(0.1)

    def _read(self):
        for line in self._process.stdout:
            self.said.append(line)
            if found := re.match(r"(?:> )?(\w+) = (-?[\d.]+)", line):
                self.values[found[1]] = float(found[2])
