"""When a server counts as late, as good again, and as gone; the clock is the test's."""

from plugin_bridge.relay import Punctuality
from plugin_bridge.relay.punctuality import PATIENCE_S, REBUILD_S

RATE_HZ = 1000
BUDGET_S = 0.05


class Server:
    """Blocks of 10 ms go out; their stems come ``delay_s`` later."""

    def __init__(self):
        self.punctuality = Punctuality(0, BUDGET_S, RATE_HZ)
        self.now, self.end = REBUILD_S, 0

    def run(self, blocks, delay_s):
        for _ in range(blocks):
            self.end += 10
            self.punctuality.sent(self.end, self.now)
            self.punctuality.received(self.end, self.now + delay_s)
            self.now += 0.01
        return self

    @property
    def is_failing(self):
        return self.punctuality.is_failing(self.now)


def test_stems_within_the_budget_are_good_for_as_long_as_they_come():
    server = Server().run(100, BUDGET_S - 0.001)
    assert not server.is_failing
    assert 0.9 < server.punctuality.good_for_s(server.now) < 1.0


def test_late_stems_fail_after_the_patience_and_not_before():
    blocks = round(PATIENCE_S / 0.01)
    assert not Server().run(blocks - 1, BUDGET_S + 0.001).is_failing
    assert Server().run(blocks + 1, BUDGET_S + 0.001).is_failing


def test_a_few_late_blocks_are_forgiven():
    server = Server()
    for _ in range(20):
        server.run(1, BUDGET_S + 0.01).run(30, 0.0)
    assert not server.is_failing


def test_one_block_in_five_that_is_late_is_not():
    server = Server()
    for _ in range(40):
        server.run(1, BUDGET_S + 0.01).run(4, 0.0)
    assert server.is_failing


def test_what_was_late_long_ago_is_forgiven_when_the_server_is_heard_again():
    server = Server().run(100, BUDGET_S + 0.1).run(300, 0.0)
    assert server.is_failing, "a second of lateness outlives three that were good"
    assert server.punctuality.good_for_s(server.now) > 2.0
    server.punctuality.forgive()
    assert not server.is_failing


def test_silence_fails_and_is_measured():
    server = Server().run(10, 0.0)
    server.punctuality.sent(server.end + 10, server.now)
    server.now += BUDGET_S + PATIENCE_S - 0.001
    assert not server.is_failing
    server.now += 0.01
    assert server.is_failing
    assert server.punctuality.good_for_s(server.now) == 0
    assert abs(server.punctuality.overdue_s(server.now) - 0.109) < 1e-6


def test_a_server_that_reads_a_preroll_is_given_time():
    punctuality = Punctuality(0, BUDGET_S, RATE_HZ)
    punctuality.start(0, 100.0)
    punctuality.sent(10, 100.0)
    assert not punctuality.is_failing(100.0 + REBUILD_S)
    assert punctuality.is_failing(100.0 + REBUILD_S + PATIENCE_S + 0.01)


def test_nothing_sent_is_nothing_due():
    assert Punctuality(0, BUDGET_S, RATE_HZ).overdue_s(1e9) == 0
