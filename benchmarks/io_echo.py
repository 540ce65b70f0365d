"""How long the I/O thread takes to answer while inference runs: in a thread, or in another process.

``python -m benchmarks.io_echo`` prints round-trip times of pings to a real server, asked by a
process of its own, for each way of running the live profile of rocknet without a pause (ADR 0004).
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import threading
import time
from multiprocessing.synchronize import Event

import numpy as np
import torch
import zmq

from dsp.networks.registry import load_model
from protocol import MAJOR, MINOR, Hello, Ping, decode, encode
from server import Server
from server.config import build

PINGS = 2500
PING_INTERVAL_S = 0.001
ROUNDS = 3  # of which the medians are printed
WAYS = (("none", 5.0), ("thread", 5.0), ("thread", 0.5), ("process", 5.0), ("process", 0.5))


def infer_until(stop: threading.Event | Event) -> None:
    """Push hops through the live profile, one after the other."""
    torch.set_num_threads(1)
    separator = load_model("rocknet").separator("live")
    audio = np.random.default_rng(0).standard_normal((2, separator.profile.hop_samples), np.float32)
    while not stop.is_set():
        separator.push(audio)


def ask(endpoint: str, results: multiprocessing.SimpleQueue[list[float]]) -> None:
    """Send pings one by one and report their round trips, in seconds."""
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(endpoint)
    socket.send_multipart(encode(Hello(MAJOR, MINOR, "io_echo")))
    socket.recv_multipart()
    seconds = []
    for token in range(PINGS):
        started = time.perf_counter()
        socket.send_multipart(encode(Ping(token)))
        decode(socket.recv_multipart())
        seconds.append(time.perf_counter() - started)
        time.sleep(PING_INTERVAL_S)
    results.put(seconds)


def measure(endpoint: str, load: str) -> list[float]:
    """Ask a server while inference runs as ``load`` says: none, thread or process."""
    spawn = multiprocessing.get_context("spawn")
    stop: threading.Event | Event = spawn.Event() if load == "process" else threading.Event()
    worker: threading.Thread | multiprocessing.process.BaseProcess | None = None
    if load == "process":
        worker = spawn.Process(target=infer_until, args=(stop,))
    elif load == "thread":
        worker = threading.Thread(target=infer_until, args=(stop,))
    if worker is not None:
        worker.start()
        time.sleep(8)  # until its imports are done
    results: multiprocessing.SimpleQueue[list[float]] = spawn.SimpleQueue()
    client = spawn.Process(target=ask, args=(endpoint, results))
    client.start()
    seconds = results.get()
    client.join()
    stop.set()
    if worker is not None:
        worker.join()
    return seconds


def main() -> None:
    """Print one row per way: where inference runs, and Python's switch interval."""
    figures: dict[tuple[str, float], list[list[float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as directory:
        settings = {"endpoint": f"ipc://{directory}/s.sock", "model": "fixed-gains"}
        with Server(build(settings | {"log.level": "error"})) as server:
            for load, switch_ms in WAYS * ROUNDS:
                sys.setswitchinterval(switch_ms / 1000)
                microseconds = 1e6 * np.array(measure(server.endpoint, load))
                row = np.percentile(microseconds, [50, 99, 100]).tolist()
                figures[load, switch_ms].append(row)
    print(f"{'inference':<12}{'switch ms':>10}{'p50 us':>10}{'p99 us':>10}{'max us':>10}")
    for (load, switch_ms), rows in figures.items():
        p50, p99, slowest = np.median(rows, axis=0)
        print(f"{load:<12}{switch_ms:>10}{p50:>10.0f}{p99:>10.0f}{slowest:>10.0f}")


if __name__ == "__main__":
    main()
