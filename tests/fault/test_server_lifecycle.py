"""From the first breath to the last: ready when warm, unready when draining, gone when told."""

import http.client
import threading
import time

import numpy as np
import pytest
from server_client import RawClient, expected, joined, noise, running_server

from dsp.networks.fixed_gains import FixedGainsSeparator
from protocol import Audio, Error, Flush, Flushed, Open, Ping, Pong, Stems
from server import Server
from server.config import build
from server.sessions.opening import StreamOpener

TIMEOUT_S = 10


def make_server(tmp_path, **settings):
    defaults = {
        "endpoint": f"ipc://{tmp_path}/p/s.sock",
        "model": "fixed-gains",
        "log.level": "error",
        "metrics": "127.0.0.1:0",
    }
    return Server(build(defaults | settings))


def status(server, path):
    connection = http.client.HTTPConnection(server.metrics_url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def gate(monkeypatch):
    """Hold every step of the model once the gate is closed; say when one has begun to wait."""
    push, gate = FixedGainsSeparator.push, threading.Event()
    gate.set()
    gate.reached = threading.Event()

    def push_when_open(self, frames):
        if not gate.is_set():
            gate.reached.set()
            gate.wait(TIMEOUT_S)
        return push(self, frames)

    monkeypatch.setattr(FixedGainsSeparator, "push", push_when_open)
    yield gate
    gate.set()


def test_it_is_alive_while_it_warms_up_and_ready_only_then(tmp_path, monkeypatch):
    seen, warm_up = [], StreamOpener.warm_up
    server = make_server(tmp_path)

    def ask_meanwhile(opener):
        seen.append((status(server, "/health"), status(server, "/ready")))
        warm_up(opener)

    monkeypatch.setattr(StreamOpener, "warm_up", ask_meanwhile)
    with server:
        assert seen == [(200, 503)]
        assert (status(server, "/health"), status(server, "/ready")) == (200, 200)
    assert server.metrics_url == ""


def test_while_it_drains_it_is_alive_not_ready_and_finishes_what_was_queued(tmp_path, gate):
    dry, ended = noise(8192), []
    server = make_server(tmp_path, shutdown_grace_s=TIMEOUT_S)
    server.start()
    with RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        gate.clear()
        client.audio(dry)
        client.send(Flush(1))
        assert gate.reached.wait(TIMEOUT_S)
        stopping = threading.Thread(target=lambda: ended.append(server.stop()))
        stopping.start()
        while not server._sessions.is_draining:
            time.sleep(0.001)
        assert (status(server, "/health"), status(server, "/ready")) == (200, 503)
        assert client.ask(Open(2, 44_100, 2, 256), Error).code == "E302"
        gate.set()
        stems, _ = client.collect_until(Flushed)
        stopping.join(TIMEOUT_S)
        assert client.expect(Error).code == "E302"
    assert ended == [True]
    np.testing.assert_array_equal(joined(stems), expected(dry))


def test_a_step_that_does_not_end_does_not_keep_it_from_ending(tmp_path, gate):
    server = make_server(tmp_path, shutdown_grace_s=0.1)
    server.start()
    with RawClient(server.endpoint) as client:
        client.open(4)
        gate.clear()
        client.audio(noise(8192), stream=4)
        assert gate.reached.wait(TIMEOUT_S)
        assert server.stop() is False
        error = client.expect(Error)
    assert (error.code, error.stream) == ("E302", 4)


def test_one_that_never_started_has_no_address_and_stops(tmp_path):
    server = make_server(tmp_path)
    with pytest.raises(RuntimeError, match="not been started"):
        _ = server.endpoint
    assert server.metrics_url == ""
    assert server.stop() is True


def test_a_start_that_fails_gives_address_and_port_back(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(StreamOpener, "warm_up", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_server(tmp_path).start()
    with make_server(tmp_path) as server, RawClient(server.endpoint) as client:
        assert client.ask(Ping(1), Pong) == Pong(1)


def interleaved(good, bad, dry, poisoned, block_frames=500):
    """Send both signals block by block in turn; returns the good client's stems."""
    for sequence, position in enumerate(range(0, dry.shape[1], block_frames)):
        for client, samples in ((bad, poisoned), (good, dry)):
            block = np.ascontiguousarray(samples[:, position : position + block_frames])
            client.send(Audio(1, sequence, position, block))
    return joined(good.flush()[0])


@pytest.mark.parametrize("seed", range(3))
def test_bad_samples_in_between_leave_the_other_client_bit_exact(tmp_path, seed):
    generator = np.random.default_rng(seed)
    dry, poisoned = noise(20_000, seed=seed), noise(20_000, seed=seed + 50)
    bad_at = generator.random(poisoned.shape) < 0.05
    values = generator.choice([np.nan, np.inf, -np.inf, 1e38, 1e-45], bad_at.sum())
    poisoned[bad_at] = values.astype(np.float32)
    with (
        running_server(tmp_path) as server,
        RawClient(server.endpoint) as good,
        RawClient(server.endpoint) as bad,
    ):
        good.open(freewheel=True)
        bad.open(freewheel=True)
        np.testing.assert_array_equal(interleaved(good, bad, dry, poisoned), expected(dry))
        worst = joined(bad.flush()[0])
    assert np.isfinite(worst).all()
    clean = ~bad_at
    np.testing.assert_array_equal(worst[:, clean], expected(np.where(clean, poisoned, 0))[:, clean])


def test_a_failing_model_in_between_leaves_the_other_client_bit_exact(tmp_path, monkeypatch):
    push = FixedGainsSeparator.push

    def push_or_fail(self, frames):
        if (frames == 0.777).any():
            raise FloatingPointError("a bug in a model")
        return push(self, frames)

    monkeypatch.setattr(FixedGainsSeparator, "push", push_or_fail)
    dry, failing = noise(20_000), noise(20_000, seed=9)
    failing[:, 10_000:] = 0.777
    with (
        running_server(tmp_path) as server,
        RawClient(server.endpoint) as good,
        RawClient(server.endpoint) as bad,
    ):
        good.open(freewheel=True)
        bad.open(freewheel=True)
        np.testing.assert_array_equal(interleaved(good, bad, dry, failing), expected(dry))
        bad.send(Ping(1))
        answers = []
        while not isinstance(message := bad.receive(), Pong):
            answers.append(message)
    errors = [answer for answer in answers if not isinstance(answer, Stems)]
    assert errors[0].code == "E301"
    assert {error.code for error in errors[1:]} <= {"E204"}, "the stream is closed"
