"""Servers that the plugins start themselves, as they do where they are installed."""

import os
import signal
import sys
import time
from pathlib import Path

_END_TIMEOUT_S = 30.0
_SCRIPT = """\
#!/bin/sh
echo $$ >>{starts}
exec {program} "$@" --idle-exit-s 2 --peer-timeout-s 2 --model fixed-gains
"""


class OwnServer:
    """A program for plugins to start; ``environment`` is what lets them find it."""

    def __init__(self, folder):
        folder.mkdir(mode=0o700)
        self._starts = folder / "starts"
        script = folder / "serve"
        program = Path(sys.executable).with_name("phoenix-stems")
        script.write_text(_SCRIPT.format(starts=self._starts, program=program))
        script.chmod(0o755)
        self.environment = {"PHOENIX_STEMS_SERVE": str(script), "XDG_RUNTIME_DIR": str(folder)}

    @property
    def pids(self):
        """Process numbers of all that were started, in order."""
        return [int(line) for line in self._starts.read_text().split()]

    def kill(self):
        """Kill the one that was started last, as `kill -9` does; returns its number."""
        os.kill(self.pids[-1], signal.SIGKILL)
        return self.pids[-1]

    def wait_for_end(self):
        """Wait until the last one has gone by itself, since nobody uses it any more."""
        until = time.monotonic() + _END_TIMEOUT_S
        while Path(f"/proc/{self.pids[-1]}").exists():
            assert time.monotonic() < until, "the server does not end by itself"
            time.sleep(0.1)
