"""A server whose live streams of phoenix are on a device; here the processor stands in for one."""

import numpy as np
import pytest
import torch
from server_client import RawClient, noise, running_server

from dsp.networks.registry import load_model
from dsp.pipeline import StreamPipeline
from protocol import Error, Open, ServerFull
from server import Server, server
from server.config import build
from server.errors import DeviceUnavailableError
from server.streams import catalogue
from server.streams.catalogue import Catalogue

BOUND = 2e-4  # of the loudest sample, as `dsp.networks.batched_step` promises


@pytest.fixture
def one_seat(monkeypatch):
    monkeypatch.setattr(catalogue, "DEVICE_SEATS", 1)
    return Catalogue("cpu:0")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_a_device_that_is_not_there_is_told_at_once():
    with pytest.raises(DeviceUnavailableError, match=r"device 'cuda': .* or use cpu"):
        Server(build({"device": "cuda"}))


def test_a_device_without_a_free_seat_is_a_full_server(one_seat):
    model = one_seat.model("phoenix")
    stream = one_seat.separator(model, "live")
    with pytest.raises(ServerFull, match="1 streams on cpu: all seats are taken; try again"):
        one_seat.separator(model, "live")
    assert one_seat.separator(model, "live-light").profile.name == "live-light"
    del stream
    assert one_seat.separator(model, "live").profile.name == "live"


def test_other_models_are_what_they_are(one_seat):
    assert one_seat.model("fixed-gains") is load_model("fixed-gains")


def test_streams_of_such_a_server_are_those_of_live_float32(tmp_path, monkeypatch, one_seat):
    monkeypatch.setattr(server, "Catalogue", lambda _device: one_seat)
    dry = noise(8 * 512)
    with running_server(tmp_path) as running, RawClient(running.endpoint) as client:
        client.open(model="phoenix", profile="live-float32", stems=("vocals",), freewheel=True)
        client.send(Open(2, 44100, 2, 256, "phoenix", "live-float32", freewheel=True))
        refused = client.expect(Error)
        stems = client.separate(dry)
    assert (refused.code, refused.stream) == (ServerFull.code, 2)
    model = load_model("phoenix")
    alone = StreamPipeline(
        model.separator("live-float32"),
        rate_hz=44_100,
        channels=2,
        model_stems=model.stems,
        stems=("vocals",),
        max_block_frames=256,
    )
    blocks = [*alone.push(0, dry), *alone.flush()]
    played = np.concatenate([block.samples for block in blocks], axis=-1)
    assert np.abs(stems - played).max() <= BOUND * np.abs(played).max()
