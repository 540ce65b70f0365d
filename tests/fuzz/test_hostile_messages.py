"""Malformed and mutated messages at three depths, for a server that serves somebody else too."""

import os
import threading
import time
from collections import Counter

import pytest
from hostile_cases import Depth
from hostile_client import HostileClient
from hostile_corpus import hostile_cases
from hostile_target import (
    WellBehaved,
    check_well_behaved,
    describe,
    footprint,
    settled_footprint,
)
from server_client import ServerProcess

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "10000"))
WARM_UP_MESSAGES = 10_000
ATTACKERS = 2
# What the largest requests at once leave of heap; how often they coincide is chance, so it may come
# late. What grows with the number of messages shows in the second half.
HIGH_WATER_BYTES = 64 << 20
GROWTH_BYTES = max(10 << 20, 16 * MESSAGES)  # the smallest object kept per message would be more
SETTINGS = ("--peer-timeout-s", "1", "--metrics", "127.0.0.1:0", "--log-format", "json")


@pytest.fixture
def server(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    with ServerProcess(tmp_path, *SETTINGS) as server:
        server.ready = server.wait_ready()
        server.log = []
        reader = threading.Thread(target=lambda: server.log.extend(server.process.stderr))
        reader.start()
        yield server
        server.terminate()
        reader.join()


@pytest.fixture
def good(server):
    client = WellBehaved(server.endpoint)
    yield client
    client.kill()


class Attack:
    """Some attackers at once, each with its own messages."""

    def __init__(self, endpoint, seed, messages):
        self.clients = [HostileClient(endpoint) for _ in range(ATTACKERS)]
        self.sent = Counter()
        self.failures = []
        shares = [messages // len(Depth) // ATTACKERS + 1] * ATTACKERS
        self.threads = [
            threading.Thread(target=self._run, args=(client, seed * ATTACKERS + index, share))
            for index, (client, share) in enumerate(zip(self.clients, shares, strict=True))
        ]

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        for client in self.clients:
            client.close()
        assert not self.failures, self.failures[0]

    def _run(self, client, seed, messages):
        try:
            for case in hostile_cases(seed, messages):
                client.attack(case)
                self.sent[case.depth.name] += len(case.messages)
        except Exception as error:  # noqa: BLE001 -- an assertion of a thread fails the test
            self.failures.append(error)

    @property
    def codes(self):
        return sum((client.codes for client in self.clients), Counter())


def attack(server, seed, messages):
    """Attack, and return what was sent and answered."""
    attack = Attack(server.endpoint, seed, messages)
    attack.run()
    return attack


def settled(server):
    return settled_footprint(server.process.pid, server.ready["metrics"] + "/metrics", peers=1)


@pytest.mark.timeout(180 + MESSAGES // 100)
def test_hostile_messages_meet_protocol_errors_only_and_a_good_client_notices_nothing(
    server, good, capsys
):
    attack(server, 1, WARM_UP_MESSAGES)
    before = settled(server)
    started = time.monotonic()
    first = attack(server, 2, MESSAGES // 2)
    halfway = settled(server)
    second = attack(server, 3, MESSAGES // 2)
    seconds = time.monotonic() - started
    during = footprint(server.process.pid, server.ready["metrics"] + "/metrics")
    after = settled(server)
    counted = good.finish()
    server.terminate()
    sent, codes = first.sent + second.sent, first.codes + second.codes
    grown = [
        end.resident_bytes - begin.resident_bytes
        for begin, end in ((before, halfway), (halfway, after))
    ]
    with capsys.disabled():
        print(f"\n{sum(sent.values())} hostile messages in {seconds:.1f} s: {dict(sent)}")
        print("refused by", dict(sorted(codes.items())))
        print(describe(counted))
        print(f"server before {before}\nduring {during}\nafter {after}")
        print(f"grown by {grown[0] >> 10} KiB in the first half, {grown[1] >> 10} in the second")
    assert min(sent.values()) >= MESSAGES // len(Depth)
    assert codes.keys() >= {"E101", "E102", "E104", "E105", "E106", "E203", "E204"}
    check_well_behaved(counted)
    assert [line for line in server.log if '"level": "error"' in line] == []
    assert grown[0] <= HIGH_WATER_BYTES
    assert grown[1] <= GROWTH_BYTES
    assert after.threads <= before.threads
    assert after.descriptors <= before.descriptors
    assert (after.peers, after.streams) == (1, 1), "only the well-behaved client is left"
