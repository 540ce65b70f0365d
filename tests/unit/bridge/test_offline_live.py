"""The offline twin: the live session's samples, waiting instead of falling back."""

import numpy as np
import pytest
from simulation import expected

from plugin_bridge import ServerLost, connect_offline_live
from plugin_bridge.latency import round_trip_samples


@pytest.mark.parametrize("sizes", [[1, 256], [17], [256], [64, 3]])
def test_latency_and_samples_are_those_of_the_live_session(served, noise, sizes):
    dry = noise[:, :5000]
    with connect_offline_live(served.endpoint, stems=("mix", "vocals")) as session:
        assert session.latency.round_trip == round_trip_samples(44100)
        output, position, index = [], 0, 0
        while position < dry.shape[1]:
            block = dry[:, position : position + sizes[index % len(sizes)]]
            output.append(session.process(block))
            position, index = position + block.shape[1], index + 1
        latency = session.latency.total
    output = np.concatenate(output, axis=2)
    assert np.array_equal(output, expected(dry, latency, [1.0, 0.5]))


def test_seek_and_set_hold(served, noise):
    with connect_offline_live(served.endpoint) as session:
        session.process(noise[:, :256])
        session.seek(5000)
        assert session.position_samples == 5000
        session.set(stems=["drums"])
        for block in np.split(noise[:, :2560], 10, axis=1):
            output = session.process(block)
        assert session.stems == ("drums",)
        assert output.shape == (1, 2, 256)


def test_it_fails_loudly_when_the_server_is_gone(served, noise):
    session = connect_offline_live(served.endpoint)
    session.process(noise[:, :256])
    served.stop()
    with pytest.raises(ServerLost):
        [session.process(block) for block in np.split(noise, 300, axis=1)]
    session.close()
