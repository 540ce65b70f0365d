"""Whatever one client does, the others get every sample, bit-exact."""

import random
import threading
import time

import msgpack
import numpy as np
import pytest
import zmq
from server_client import RawClient, expected, noise, running_server

from dsp.networks.fixed_gains import FixedGainsSeparator
from protocol import Audio, Closed, Error, Hello, Open, Opened, Ping, Pong, Stems, encode
from server.transport.outbound import MAXIMUM_WAITING_ANSWERS


@pytest.fixture
def server(tmp_path):
    with running_server(tmp_path, **{"limits.streams": 4, "limits.streams_per_peer": 3}) as server:
        yield server


@pytest.fixture
def good(server):
    with RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        yield client


def garbage(generator):
    """Some frames: noise, cut messages, wrong lengths, too many."""
    real = encode(Audio(1, 0, 0, noise(64)))
    header, pcm = bytes(real[0]), bytes(real[1])
    choice = generator.randrange(6)
    if choice == 0:
        return [generator.randbytes(generator.randrange(200))]
    if choice == 1:
        return [header[: generator.randrange(len(header))], pcm]
    if choice == 2:
        return [header, pcm[: generator.randrange(len(pcm))]]
    if choice == 3:
        return [b"x"] * generator.randrange(1, 9)
    if choice == 4:
        position = generator.randrange(len(header))
        return [header[:position] + generator.randbytes(1) + header[position + 1 :], pcm]
    return [msgpack.packb({"type": "open", "stream": generator.randbytes(3)})]


def test_garbage_does_not_touch_a_good_client(server, good):
    generator = random.Random(5)  # noqa: S311 -- no secret
    dry = noise(64_000)
    stop = threading.Event()

    def attack():
        with RawClient(server.endpoint) as bad:
            while not stop.is_set():
                bad.send_frames(*garbage(generator))
                while bad.socket.poll(0):
                    bad.socket.recv_multipart()

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        stems = [good.separate(dry[:, :32_000]), None]
        stems[1] = good.separate(dry[:, 32_000:], position_samples=32_000)
    finally:
        stop.set()
        attacker.join()
    np.testing.assert_array_equal(np.concatenate(stems, axis=-1), expected(dry))
    with RawClient(server.endpoint) as after:
        assert after.ask(Ping(1), Pong) == Pong(1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 1e-42])
def test_bad_samples_neither_leave_nor_reach_another_stream(server, good, value):
    dry = noise(8192)
    with RawClient(server.endpoint) as bad:
        bad.open(freewheel=True)
        poisoned = noise(8192)
        poisoned[:, 1000:1010] = value
        worst = bad.separate(poisoned)
        np.testing.assert_array_equal(good.separate(dry), expected(dry))
        assert np.isfinite(worst).all()
        assert np.abs(worst).max() <= 16.0


def test_limits_hold_at_n_and_n_plus_one(server):
    with RawClient(server.endpoint) as first, RawClient(server.endpoint) as second:
        for number in range(3):
            first.open(number)
        error = first.ask(Open(3, 44100, 2, 256), Error)
        assert (error.code, "maximum_streams_per_peer is 3" in error.reason) == ("E210", True)
        second.open(0)
        error = second.ask(Open(1, 44100, 2, 256), Error)
        assert (error.code, "maximum_streams is 4" in error.reason) == ("E210", True)
        first.close_stream(0)
        second.open(1)


def test_connections_are_limited(tmp_path):
    with (
        running_server(tmp_path, **{"limits.peers": 1}) as server,
        RawClient(server.endpoint),
        RawClient(server.endpoint, hello=False) as late,
    ):
        assert late.ask(Hello(1, 0, "late"), Error).code == "E210"


def test_a_silent_peer_loses_its_streams_and_is_told(tmp_path):
    settings = {"peer_timeout_s": 0.3, "limits.streams": 1}
    with running_server(tmp_path, **settings) as server, RawClient(server.endpoint) as silent:
        silent.open(4)
        with RawClient(server.endpoint) as waiting:
            assert waiting.ask(Open(1, 44100, 2, 256), Error).code == "E210"
            assert silent.expect(Closed).stream == 4
            waiting_opened(waiting)
        assert silent.ask(Ping(1), Error).code == "E104"


def waiting_opened(client):
    """Say hello again if this client has been silent for too long itself, then open."""
    client.send(Open(1, 44100, 2, 256))
    answer = client.receive()
    assert isinstance(answer, Opened | Error)
    assert not isinstance(answer, Error) or answer.code == "E104"


def test_pings_keep_a_peer(tmp_path):
    settings = {"peer_timeout_s": 0.4}
    with running_server(tmp_path, **settings) as server, RawClient(server.endpoint) as client:
        client.open()
        for token in range(8):
            time.sleep(0.1)
            client.ask(Ping(token), Pong)
        assert client.close_stream().blocks == 0


def test_a_vanished_peer_leaves_nothing_behind(tmp_path):
    with running_server(tmp_path, peer_timeout_s=0.3) as server:
        for _ in range(20):
            client = RawClient(server.endpoint)
            client.open(freewheel=True)
            client.audio(noise(8192))
            client.close()
        deadline = time.monotonic() + 5
        while server.metrics.registry.get_sample_value("phoenix_stems_peers"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert server.metrics.registry.get_sample_value("phoenix_stems_streams") == 0


def test_a_live_client_ahead_of_time_loses_its_oldest_blocks_and_is_told(tmp_path, monkeypatch):
    push = FixedGainsSeparator.push

    def slow_push(self, frames):
        time.sleep(0.02)
        return push(self, frames)

    settings = {"queues.catch_up_ms": 0.0}
    with running_server(tmp_path, **settings) as server, RawClient(server.endpoint) as client:
        client.open(max_block_frames=256, round_trip_samples=768)
        monkeypatch.setattr(FixedGainsSeparator, "push", slow_push)
        for position in range(0, 44_100, 256):
            client.audio(noise(256), position)
        client.send(Ping(1))
        while not isinstance(client.receive(), Pong):
            pass
        closed = client.close_stream()
        assert closed.dropped_frames > 0
        assert closed.dropped_frames % 256 == 0
        dropped = server.metrics.registry.get_sample_value(
            "phoenix_stems_dropped_frames_total", {"side": "input"}
        )
        assert dropped == closed.dropped_frames


def test_a_live_stream_that_was_held_up_catches_up_without_a_hole(tmp_path, monkeypatch):
    push = FixedGainsSeparator.push
    pauses = iter([0.5])  # once, as a rebuild does: an order of magnitude beyond the latency

    def push_after_a_pause(self, frames):
        time.sleep(next(pauses, 0))
        return push(self, frames)

    dry = noise(44_032)
    with running_server(tmp_path) as server, RawClient(server.endpoint) as client:
        client.open(max_block_frames=256, round_trip_samples=768, stems=("vocals",))
        monkeypatch.setattr(FixedGainsSeparator, "push", push_after_a_pause)
        for position in range(0, dry.shape[1], 256):
            client.audio(dry[:, position : position + 256], position)
        stems, flushed = client.flush()
        assert client.close_stream().dropped_frames == 0
    assert flushed.position_samples == dry.shape[1]
    for block in stems:  # stems that are late anyway may be dropped on their way out
        end = block.position_samples + block.samples.shape[2]
        np.testing.assert_array_equal(
            block.samples, dry[None, :, block.position_samples : end] * np.float32(0.5)
        )
    assert end == dry.shape[1]


def test_a_client_that_does_not_read_loses_stems_and_nobody_else_does(server, good):
    dry = noise(60_000)
    with RawClient(server.endpoint, receive_messages=1) as slow:
        slow.socket.setsockopt(zmq.RCVHWM, 1)
        slow.open(max_block_frames=1024, round_trip_samples=44100)
        for position in range(0, 1024 * 1500, 1024):
            slow.audio(noise(1024), position)
        np.testing.assert_array_equal(good.separate(dry, 1024), expected(dry))
        positions = [m.position_samples for m in drain(slow) if isinstance(m, Stems)]
    assert positions == sorted(positions)
    assert len(positions) < 1500


def drain(client):
    while (message := client.receive(300)) is not None:
        yield message


def test_a_stranger_that_never_reads_costs_bounded_memory(server, good):
    dry = noise(20_000)
    with RawClient(server.endpoint, hello=False, receive_messages=1) as stranger:
        for token in range(6000):
            stranger.send(Ping(token))
        np.testing.assert_array_equal(good.separate(dry), expected(dry))
        queues = server._sessions._outbound._waiting.values()
        assert all(len(queue) <= MAXIMUM_WAITING_ANSWERS + 1 for queue in queues)
