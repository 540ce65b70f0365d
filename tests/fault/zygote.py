"""Processes that start in milliseconds: forked from one that has imported everything.

Killing a server a hundred times is affordable only when starting one is. ``Zygote`` runs this file
as a program, which imports the server and warms it up once, starts no thread, and forks on demand.
Children speak in lines of JSON; the programs they run are in ``zygote_programs``.
"""

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

TIMEOUT_S = 120


class Child:
    """A forked process; ``hear`` waits for what it says."""

    def __init__(self, pid, heard):
        self.pid = pid
        self._heard = heard

    def hear(self, timeout_s=TIMEOUT_S):
        """Return the next line's content, without waiting for longer than this."""
        return self._heard.get(timeout=timeout_s)

    @property
    def has_said_nothing_else(self):
        """Whether everything it said has been heard; one that fails says so."""
        return self._heard.empty()

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """Kill it, and return when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).wait(10)

    @property
    def resources(self):
        """Threads, descriptors and resident bytes."""
        process = psutil.Process(self.pid)
        with process.oneshot():
            return process.num_threads(), process.num_fds(), process.memory_info().rss


class Zygote:
    """The process that forks, seen from a test."""

    def __init__(self):
        paths = [Path(__file__).parent, Path(__file__).parents[1] / "helpers"]
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | one_thread | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        )
        self._queues = {}
        self._numbers = itertools.count()
        self._children = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self._children:
            child.kill()
        self._process.stdin.close()
        self._process.wait(TIMEOUT_S)
        self._reader.join(10)
        self._process.stdout.close()

    def start(self, program, **arguments):
        """Fork a child that runs a function of ``zygote_programs``."""
        number, heard = next(self._numbers), queue.Queue()
        self._queues[number] = heard
        told = {"number": number, "program": program, "arguments": arguments}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        child = Child(heard.get(timeout=TIMEOUT_S)["pid"], heard)
        self._children.append(child)
        return child

    def _read(self):
        for line in self._process.stdout:
            told = json.loads(line)
            self._queues[told.pop("number")].put(told)


def _say(number, **told):
    os.write(1, (json.dumps({"number": number} | told) + "\n").encode())


def _run_child(programs, told):
    number = told["number"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    try:
        _say(number, pid=os.getpid())
        getattr(programs, told["program"])(lambda **what: _say(number, **what), **told["arguments"])
    except BaseException as error:  # noqa: BLE001 -- it is told, and the child ends
        _say(number, failed=f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)


def main():
    """Fork a child for every line of standard input."""
    import zygote_programs  # noqa: PLC0415 -- only here: it takes seconds

    zygote_programs.warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps
    while line := os.read(0, 65536).decode():
        for part in line.splitlines():
            if os.fork() == 0:
                _run_child(zygote_programs, json.loads(part))


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing to clean up, and it would take long
