"""Every limit on what peers may send: n is taken, n + 1 is refused by its code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import LimitExceeded, Limits, Open, ServerFull
from server.config import LimitsConfig
from server.sessions.peers import Peer, PeerTable
from server.sessions.traffic import Bucket, Traffic


class Desk:
    """Traffic whose clock is the test's."""

    def __init__(self, **limits):
        self.now = 100.0
        self.traffic = Traffic(LimitsConfig(**limits), lambda: self.now)

    def send(self, meter, messages, size_bytes=1):
        """Return how many of these messages were taken, and the codes told."""
        taken, told = 0, []
        for _ in range(messages):
            try:
                taken += self.traffic.admit(meter, size_bytes)
            except LimitExceeded as error:
                told.append(str(error))
        return taken, told


def meter():
    return Peer(b"a", 0.0).traffic


@pytest.mark.parametrize(
    ("limit", "messages", "size_bytes"),
    [
        ("peer_messages_per_s", 7, 0),
        ("messages_per_s", 7, 0),
        ("peer_bytes_per_s", 7, 100),
        ("bytes_per_s", 7, 100),
    ],
)
def test_n_is_taken_and_what_follows_is_refused_by_e102_told_once(limit, messages, size_bytes):
    desk = Desk(**{limit: messages * (size_bytes or 1)})
    one = meter()
    assert desk.send(one, messages, size_bytes) == (messages, [])
    taken, told = desk.send(one, 50, size_bytes or 1)
    assert taken == 0
    assert len(told) == 1, "one answer a second, however much comes"
    assert told[0].startswith("E102")
    assert f"{limit} is" in told[0]


def test_a_message_larger_than_a_whole_second_is_refused():
    desk = Desk(peer_bytes_per_s=1000)
    assert desk.send(meter(), 1, 1000) == (1, [])
    assert desk.send(meter(), 1, 1001)[0] == 0


def test_what_one_peer_uses_up_is_not_the_others():
    desk, loud, quiet = Desk(peer_messages_per_s=5), meter(), meter()
    assert desk.send(loud, 100)[0] == 5
    assert desk.send(quiet, 5) == (5, [])


def test_all_together_have_a_limit_of_their_own():
    desk = Desk(peer_messages_per_s=5, messages_per_s=8)
    assert [desk.send(meter(), 5)[0] for _ in range(3)] == [5, 3, 0]


def test_strangers_share_one_peers_allowance_and_leave_the_known_alone():
    desk = Desk(peer_messages_per_s=5)
    assert desk.send(None, 3)[0] + desk.send(None, 100)[0] == 5
    assert desk.send(meter(), 5)[0] == 5


def test_allowance_comes_back_with_time_and_is_told_again_a_second_later():
    desk, one = Desk(peer_messages_per_s=10), meter()
    assert len(desk.send(one, 20)[1]) == 1
    desk.now += 0.5
    assert desk.send(one, 20) == (5, [])
    desk.now += 0.5
    assert desk.send(one, 20)[0] == 5
    desk.now += 10
    assert desk.send(one, 20)[0] == 10, "a second's worth at most, however long the silence"


def test_what_is_refused_uses_nothing_up():
    desk, one = Desk(peer_messages_per_s=10, peer_bytes_per_s=100), meter()
    desk.send(one, 50, 101)
    assert desk.send(one, 10, 10) == (10, [])


@given(
    pauses=st.lists(st.floats(0, 0.5), min_size=1, max_size=60),
    rate=st.integers(1, 20),
)
def test_no_pattern_gets_more_than_a_burst_and_the_rate(pauses, rate):
    desk, one, taken = Desk(peer_messages_per_s=rate), meter(), 0
    for pause in pauses:
        desk.now += pause
        taken += desk.send(one, 3)[0]
    assert taken <= rate + rate * sum(pauses) + 1e-6


def test_a_clock_that_stands_still_gives_nothing():
    bucket = Bucket()
    assert bucket.fill(10, 5.0) == 10
    bucket.take(10)
    assert bucket.fill(10, 5.0) == 0


def test_streams_of_a_peer_and_in_all_and_connections():
    table = PeerTable(Limits(maximum_streams_per_peer=2, maximum_streams=3), maximum_peers=2)
    first, second = table.add(b"a", 0.0), table.add(b"b", 0.0)
    with pytest.raises(ServerFull, match=r"E210.*2 allowed"):
        table.add(b"c", 0.0)
    for number in (1, 2):
        table.check_room(first, number)
        first.streams[number] = Open(number, 44_100, 2, 256)
    with pytest.raises(ServerFull, match=r"E210.*maximum_streams_per_peer is 2"):
        table.check_room(first, 3)
    table.check_room(second, 1)
    second.streams[1] = Open(1, 44_100, 2, 256)
    with pytest.raises(ServerFull, match=r"E210.*maximum_streams is 3"):
        table.check_room(second, 2)
