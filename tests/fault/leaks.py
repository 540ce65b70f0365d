"""What a process holds before and after: nothing may have grown."""

import time
import urllib.request
from dataclasses import dataclass

TIMEOUT_S = 10
MEGABYTE = 2**20


@dataclass(frozen=True)
class Growth:
    """By how much a process has grown."""

    threads: int
    descriptors: int
    mebibytes: float

    def __str__(self):
        return f"{self.threads} threads, {self.descriptors} descriptors, {self.mebibytes:.1f} MiB"


def growth(before, after):
    """Compare two of ``zygote.Child.resources``."""
    threads, descriptors, size = (new - old for new, old in zip(after, before, strict=True))
    return Growth(threads, descriptors, size / MEGABYTE)


def until_as_before(server, before, mebibytes=10):
    """Wait until the server holds no more than it did, and return its growth."""

    def grown():
        return growth(before, server.resources)

    def is_as_before(now):
        return now.threads <= 0 and now.descriptors <= 0 and now.mebibytes <= mebibytes

    deadline = time.monotonic() + TIMEOUT_S
    while not is_as_before(grown()):
        assert time.monotonic() < deadline, f"grown by {grown()}"
        time.sleep(0.02)
    return grown()


def meter(server, name, **labels):
    """Return one of the server's meters."""
    wanted = f"phoenix_stems_{name}"
    if labels:
        wanted += "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    with urllib.request.urlopen(server.metrics_url + "/metrics", timeout=5) as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{wanted} "))


def until(condition):
    """Wait for something that is bound to come."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until_nobody_is_left(server):
    """Wait until the server has forgotten every peer and every stream."""
    until(lambda: meter(server, "peers") == meter(server, "streams") == 0)
    until(lambda: meter(server, "queued_streams", lane="realtime") == 0)
