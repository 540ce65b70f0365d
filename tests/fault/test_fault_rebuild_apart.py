"""A stream that is rebuilt, however long that takes, holds no other stream up."""

import threading

import numpy as np
import pytest
from server_client import RawClient, expected, noise, running_server

from dsp.networks.fixed_gains import FixedGainsSeparator
from protocol import Audio, Preroll, Stems

HOPS = 40


@pytest.fixture
def held_rebuild(monkeypatch):
    """Hold every rebuild until the test lets it go."""
    began, release = threading.Event(), threading.Event()
    rebuild = FixedGainsSeparator.rebuild

    def wait(self, history, position_samples):
        began.set()
        release.wait(30)
        rebuild(self, history, position_samples)

    monkeypatch.setattr(FixedGainsSeparator, "rebuild", wait)
    yield began, release
    release.set()


def test_live_streams_flow_on_while_another_is_rebuilt(tmp_path, held_rebuild):
    began, release = held_rebuild
    dry = noise(512 * HOPS)
    with (
        running_server(tmp_path) as server,
        RawClient(server.endpoint) as struck,
        RawClient(server.endpoint) as healthy,
    ):
        struck.open(position_samples=44_100)
        healthy.open()
        struck.send(Preroll(1, 0, noise(44_100)))
        struck.audio(noise(4096, seed=1), 44_100)
        assert began.wait(10)
        for hop in range(HOPS):
            position = 512 * hop
            healthy.send(Audio(1, hop, position, dry[:, position : position + 512].copy()))
            if hop:  # the first stems follow a hop later, the synthesis overlap
                stems = healthy.expect(Stems)
                start = stems.position_samples
                end = start + stems.samples.shape[-1]
                np.testing.assert_array_equal(stems.samples, expected(dry)[..., start:end])
        assert not [message for message in struck.seen if isinstance(message, Stems)]
        release.set()
        assert struck.expect(Stems).position_samples == 44_100, "and then it has its stems"
