"""Streams under full load and under overload, from admission to the end of the newest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_server import HOP_S, VirtualServer

from protocol import Error, Opened

PHASES = st.lists(st.floats(0, 2), min_size=1, max_size=12)


@given(phases=PHASES)
@settings(max_examples=15)
def test_admitted_streams_keep_every_deadline_at_95_percent_load(phases):
    server = VirtualServer(0.95 * HOP_S / len(phases))
    for number, phase in enumerate(phases):
        assert isinstance(server.open(number, phase), Opened)
    server.run(2.0)
    assert sum(server.stems.values()) >= (2.0 / HOP_S - 3) * len(phases)
    assert sum(server.late.values()) == 0


def test_the_stream_that_does_not_fit_is_refused_with_the_figures():
    server = VirtualServer(0.95 * HOP_S / 8)
    for number in range(8):
        server.open(number)
    refused = server.open(8)
    assert refused.code == "E210"
    assert "takes 0.12 of a core: 0.95 of 0.95 are promised to 8 others" in refused.reason
    server.run(1.0)
    assert (server.stems[8], sum(server.late.values())) == (0, 0)


def test_with_several_threads_a_stream_is_computed_where_it_was_promised():
    server = VirtualServer(0.4 * HOP_S, live_threads=2)
    assert [type(server.open(number)) for number in range(5)] == [Opened] * 4 + [Error]
    assert [server.live_thread(number) for number in range(4)] == [0, 1, 0, 1]


def overloaded(slow_down=1.5):
    """Eight streams at 95 %; then everything takes longer, for good."""
    server = VirtualServer(0.95 * HOP_S / 8)
    for number in range(8):
        server.open(number, phase=number * 0.37 % 2)
    server.run(2.0)
    server.cost_s *= slow_down
    server.run(10.0)
    return server


@pytest.mark.parametrize(("slow_down", "kept"), [(1.1, 7), (1.5, 5), (3.0, 2)])
def test_under_lasting_overload_the_newest_go_one_by_one_and_are_told(slow_down, kept):
    server = overloaded(slow_down)
    ended = {n for n, told in server.told.items() if isinstance(told, Error)}
    assert ended == set(range(kept, 8)), "the newest, and no more than needed"
    assert {server.told[number].code for number in ended} == {"E304"}
    read = server.metrics.registry.get_sample_value
    assert read("phoenix_stems_shed_streams_total") == 8 - kept


def test_older_streams_are_in_time_while_the_newest_bears_it():
    server = overloaded(slow_down=1.5)
    assert max(server.late[number] for number in range(4)) <= 2, "hops, when it begins"
    assert server.stems[7] < server.stems[0] - 800, "its stems did not come"
    before = server.late.total()
    server.run(10.0)
    assert server.late.total() == before, "those who are left are in time again"


def test_while_it_lasts_nobody_new_is_taken():
    server = overloaded(slow_down=1.5)
    assert server.open(9).code == "E210"
    server.run(34.0)
    assert server.open(9).code == "E210", "the machine is slow still, the figures say so"


def test_when_the_machine_is_itself_again_streams_come_back():
    server = overloaded(slow_down=1.5)
    server.cost_s /= 1.5
    server.run(34.0)
    assert [isinstance(server.open(number), Opened) for number in (5, 6, 7)] == [True] * 3
    before = server.late.total()
    server.run(10.0)
    assert server.late.total() == before


def test_one_slow_hop_ends_nobody():
    server = VirtualServer(0.5 * HOP_S)
    server.open(0)
    server.run(1.0)
    usual, server.cost_s = server.cost_s, 0.6
    server.run(0.5)
    server.cost_s = usual
    server.run(5.0)
    assert isinstance(server.told[0], Opened)
    assert 0 < server.late[0] < 120
