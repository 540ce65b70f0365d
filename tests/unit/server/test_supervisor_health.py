"""The supervisor's health has what the engine's says of its load, while there is an engine."""

from server.monitoring.http import HealthEndpoint
from server.monitoring.metrics import Metrics
from server.supervision.status import Status


def test_the_engines_load_is_part_of_the_health():
    load = "realtime lane: 2 live streams take 0.60 of a core, 0.90 may be promised"
    engine = HealthEndpoint(
        "127.0.0.1:0", Metrics(), lambda: True, describe=lambda: f"alive\n{load}"
    )
    engine.start()
    status = Status()
    try:
        status.up(engine.url, None)
        assert status.health() == f"alive\n{load}"
        assert b"phoenix_stems_live_load" in status.text()
    finally:
        engine.stop()
    status.down("is restarting")
    assert status.health() == "alive, engine is restarting"
