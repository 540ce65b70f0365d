"""Openings and switches under way: n are begun, n + 1 is refused with its code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import LimitExceeded, Limits
from server.sessions.loads import Loads
from server.sessions.peers import Peer

LIMITS = Limits(maximum_streams_per_peer=2, maximum_streams=3)


def test_of_one_peer():
    loads, peer = Loads(LIMITS), Peer(b"a", 0.0)
    loads.begin(peer)
    loads.begin(peer)
    with pytest.raises(LimitExceeded, match=r"E102: 2 .* maximum_streams_per_peer is 2; wait"):
        loads.begin(peer)
    loads.end(peer)
    loads.begin(peer)


def test_of_all_together():
    loads, peers = Loads(LIMITS), [Peer(name, 0.0) for name in (b"a", b"b", b"c", b"d")]
    for peer in peers[:3]:
        loads.begin(peer)
    with pytest.raises(LimitExceeded, match=r"3 .* of this server are under way: maximum_streams "):
        loads.begin(peers[3])
    assert peers[3].loads == 0, "what is refused is not counted"
    loads.end(peers[0])
    loads.begin(peers[3])


@given(steps=st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.booleans()), max_size=40))
def test_one_is_refused_exactly_when_a_limit_is_reached(steps):
    loads, peers = Loads(LIMITS), [Peer(bytes([n]), 0.0) for n in range(3)]
    under_way = [0, 0, 0]
    for number, begins in steps:
        if not begins:
            if under_way[number]:
                loads.end(peers[number])
                under_way[number] -= 1
            continue
        is_full = under_way[number] == 2 or sum(under_way) == 3
        try:
            loads.begin(peers[number])
        except LimitExceeded:
            assert is_full
        else:
            assert not is_full
            under_way[number] += 1
        assert [peer.loads for peer in peers] == under_way
