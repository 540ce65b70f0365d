"""How much time a live stream is given when nobody says, and when the server needs more."""

import pytest

from plugin_bridge import connect_live
from plugin_bridge.latency import round_trip_samples
from protocol import LatencyTooSmall


@pytest.mark.parametrize(
    ("server_needs", "granted"),
    [(16, round_trip_samples(44100)), (768, 768), (1500, 1500)],
)
def test_the_default_gives_the_server_what_it_needs(served, server_needs, granted):
    served.server.minimum_round_trip = server_needs
    with connect_live(served.endpoint) as session:
        assert session.latency.round_trip == granted


def test_what_was_asked_for_is_granted_or_refused_but_never_changed(served):
    served.server.minimum_round_trip = 1000
    with connect_live(served.endpoint, round_trip_samples=1000) as session:
        assert session.latency.round_trip == 1000
    with pytest.raises(LatencyTooSmall, match="1000 or more"):
        connect_live(served.endpoint, round_trip_samples=999)
