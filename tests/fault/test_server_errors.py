"""Every wrong request is answered by its code, and the connection goes on."""

import msgpack
import numpy as np
import pytest
from server_client import RawClient, expected, noise, running_server

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks.fixed_gains import FixedGainsSeparator
from protocol import (
    Audio,
    Close,
    Error,
    Flush,
    Hello,
    Open,
    Opened,
    Ping,
    Pong,
    Preroll,
    Seek,
    Set,
    Stems,
    Welcome,
)
from server.streams import catalogue


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server.endpoint


@pytest.fixture
def client(endpoint):
    with RawClient(endpoint) as client:
        yield client


def refused(client, message):
    error = client.ask(message, Error)
    assert client.ask(Ping(9), Pong).token == 9, "the connection goes on"
    return error


@pytest.mark.parametrize("message", [Ping(1), Flush(1), Open(1, 44100, 2, 256)])
def test_hello_comes_first(endpoint, message):
    with RawClient(endpoint, hello=False) as client:
        error = client.ask(message, Error)
        assert (error.code, "hello" in error.reason) == ("E104", True)
        client.ask(Hello(1, 7, "newer minor"), Welcome)


def test_another_major_version_is_refused(endpoint):
    with RawClient(endpoint, hello=False) as client:
        assert client.ask(Hello(2, 0, "future"), Error).code == "E103"
        assert client.ask(Ping(1), Error).code == "E104"


def test_a_second_hello_is_refused_and_keeps_the_streams(client):
    client.open()
    assert refused(client, Hello(1, 0, "again")).code == "E104"
    assert client.close_stream().blocks == 0


OPENINGS = {
    "model": (Open(1, 44100, 2, 256, model="nope"), "E201", "fixed-gains"),
    "profile": (Open(1, 44100, 2, 256, profile="nope"), "E202", "live, studio, offline"),
    "stem": (Open(1, 44100, 2, 256, stems=("kazoo",)), "E203", "vocals, drums, other or mix"),
    "low rate": (Open(1, 7999, 2, 256), "E206", "8000 to 192000"),
    "high rate": (Open(1, 192001, 2, 256), "E206", "8000 to 192000"),
    "round trip": (Open(1, 44100, 2, 256, round_trip_samples=1), "E207", "or more"),
}


@pytest.mark.parametrize("name", OPENINGS)
def test_what_cannot_be_opened_is_refused_by_name(client, name):
    message, code, allowed = OPENINGS[name]
    error = refused(client, message)
    assert (error.code, error.stream) == (code, 1)
    assert allowed in error.reason
    client.open(1)


@pytest.mark.parametrize("message", [
    Audio(5, 0, 0, noise(16)), Preroll(5, 0, noise(16)), Seek(5, 0), Flush(5), Set(5), Close(5),
])  # fmt: skip
def test_a_stream_that_is_not_open_is_named(client, message):
    error = refused(client, message)
    assert (error.code, error.stream) == ("E204", 5)


def test_a_stream_number_in_use_is_refused(client):
    client.open(3)
    error = refused(client, Open(3, 44100, 2, 256))
    assert (error.code, error.stream) == ("E205", 3)


def test_a_block_longer_than_agreed_is_refused(client):
    client.open(max_block_frames=256, freewheel=True)
    assert refused(client, Audio(1, 0, 0, noise(257))).code == "E102"
    dry = noise(2560)
    np.testing.assert_array_equal(client.separate(dry), expected(dry))


def test_a_block_of_other_channels_is_refused(client):
    client.open()
    assert refused(client, Audio(1, 0, 0, noise(16, channels=1))).code == "E106"
    assert refused(client, Preroll(1, 0, noise(16, channels=1))).code == "E106"


def test_a_block_far_ahead_is_refused_not_waited_for(client):
    client.open()
    error = refused(client, Audio(1, 0, 2**50, noise(16)))
    assert (error.code, "seek" in error.reason) == ("E106", True)


SETTINGS = {
    "gain": Set(1, gains_db={"kazoo": 0.0}),
    "mute": Set(1, mute=("kazoo",)),
    "solo": Set(1, solo=("kazoo",)),
    "stems": Set(1, stems=("kazoo",)),
    "gain of mix": Set(1, gains_db={"mix": 0.0}),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_an_unknown_stem_in_set_is_refused_whole(client, name):
    client.open()
    error = client.ask(SETTINGS[name], Error)
    assert (error.code, error.stream) == ("E203", 1)
    assert "vocals, drums, other" in error.reason


def test_a_set_with_one_wrong_part_changes_nothing(client):
    dry = noise(4096)
    client.open(stems=("mix",), freewheel=True)
    client.ask(Set(1, mute=("vocals",), stems=("kazoo",)), Error)
    np.testing.assert_array_equal(client.separate(dry)[0], dry)


def test_switching_to_an_unknown_model_is_refused(client):
    client.open()
    error = client.ask(Set(1, model="nope"), Error)
    assert (error.code, error.stream) == ("E201", 1)
    client.close_stream()


@pytest.mark.parametrize("error", [WeightsMissingError, WeightsCorruptError])
def test_weights_that_cannot_be_used_are_explained(tmp_path, monkeypatch, error):
    with running_server(tmp_path) as server, RawClient(server.endpoint) as client:
        server._catalogue._models.clear()

        def fail(_name):
            raise error("run: pip install weights")

        monkeypatch.setattr(catalogue, "load_model", fail)
        answer = refused(client, Open(1, 44100, 2, 256))
        assert (answer.code, "pip install" in answer.reason) == ("E208", True)


def test_a_load_that_fails_unexpectedly_is_a_server_fault(tmp_path, monkeypatch):
    with running_server(tmp_path) as server, RawClient(server.endpoint) as client:
        monkeypatch.setattr(FixedGainsSeparator, "push", raise_memory_error)
        answer = refused(client, Open(1, 44100, 2, 256))
        assert (answer.code, "MemoryError" in answer.reason) == ("E300", True)


def raise_memory_error(*_):
    raise MemoryError("no room")


def test_beyond_its_credit_a_client_is_told_and_may_go_on(client):
    opened = client.open(freewheel=True, max_block_frames=8192)
    dry = noise(opened.credit_frames + 1)
    assert refused_beyond_credit(client, opened, dry)
    blocks = np.split(dry[:, : 8192 * 2], 2, axis=1)
    for index, block in enumerate(blocks):
        client.audio(block, index * 8192)
    assert client.flush()[1].position_samples == 2 * 8192


def refused_beyond_credit(client, opened, dry):
    """A block that ends one frame beyond the credit is not taken; one that ends at it is."""
    beyond = Audio(1, 0, opened.credit_frames - 15, dry[:, -16:].copy())
    within = Audio(1, 0, opened.credit_frames - 16, dry[:, -16:].copy())
    error = client.ask(beyond, Error)
    client.send(within)
    client.send(Seek(1, 0))
    return error.code == "E209" and isinstance(client.ask(Ping(1), Pong), Pong)


def test_a_server_message_from_a_client_is_refused(client):
    assert refused(client, Stems(1, 0, 0, ("a",), np.zeros((1, 1, 1), np.float32))).code == "E104"


def test_an_unknown_type_is_told(client):
    client.send_frames(msgpack.packb({"type": "teleport"}))
    assert client.expect(Error).code == "E105"


def test_malformed_messages_are_told(client):
    for frames, code in (
        ((b"",), "E101"),
        ((b"\xc1",), "E101"),
        ((msgpack.packb([1]),), "E101"),
        ((msgpack.packb({"type": "ping", "token": -1}),), "E106"),
        ((msgpack.packb({"type": "ping"}),), "E106"),
        ((b"a", b"b", b"c", b"d"), "E102"),
    ):
        client.send_frames(*frames)
        assert client.expect(Error).code == code
    assert client.ask(Ping(1), Pong) == Pong(1)


def test_an_error_of_inference_ends_its_stream_alone(tmp_path, monkeypatch):
    push = FixedGainsSeparator.push

    def push_or_fail(self, frames):
        if (frames == 0.777).any():
            raise RuntimeError("a bug in a model")
        return push(self, frames)

    monkeypatch.setattr(FixedGainsSeparator, "push", push_or_fail)
    with running_server(tmp_path) as server, RawClient(server.endpoint) as client:
        client.open(1, freewheel=True)
        client.open(2, freewheel=True)
        client.audio(np.full((2, 2048), 0.777, np.float32), stream=1)
        error = client.expect(Error)
        assert (error.code, error.stream) == ("E301", 1)
        assert client.ask(Flush(1), Error).code == "E204"
        dry = noise(4096)
        np.testing.assert_array_equal(client.separate(dry, stream=2), expected(dry))
        assert isinstance(client.open(1), Opened)
