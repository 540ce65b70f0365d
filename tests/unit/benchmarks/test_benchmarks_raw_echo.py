"""The yardstick of the transport: as many rounds and bytes as asked for, by another process."""

import threading

import numpy as np
import pytest
import zmq

from benchmarks import raw_echo


def test_every_round_is_timed():
    with raw_echo.raw_echo(request_bytes=4096, reply_bytes=4096) as echo:
        times_us = echo.exchange_us(7)
    assert times_us.shape == (7,)
    assert (times_us > 0).all()


@pytest.fixture
def router(tmp_path):
    """Run the echo's loop in a thread; gives a DEALER that is connected to it."""
    endpoint = f"ipc://{tmp_path}/echo.sock"
    echo = threading.Thread(target=raw_echo._echo, args=(endpoint, 33))
    echo.start()
    with zmq.Context() as context:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.rcvtimeo = 5000
        socket.connect(endpoint)
        yield socket
        socket.send_multipart([raw_echo._STOP, b""])
        echo.join(5)
        socket.close()
    assert not echo.is_alive(), "the echo ends when it is told to"


def test_the_answer_has_the_header_and_the_bytes_asked_for(router):
    for header in (b"one", b"two"):
        router.send_multipart([header, b"payload"])
        assert router.recv_multipart() == [header, bytes(33)]


def test_each_rounds_answer_is_awaited(router):
    times_us = raw_echo.RawEcho(router, 100).exchange_us(5)
    assert np.isfinite(times_us).all()
    assert router.poll(0) == 0, "no answer is left behind"


def test_an_echo_that_does_not_answer_is_an_error_not_a_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_echo, "_TIMEOUT_MS", 50)
    with zmq.Context() as context:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.rcvtimeo = raw_echo._TIMEOUT_MS
        socket.connect(f"ipc://{tmp_path}/nobody.sock")
        with pytest.raises(zmq.Again):
            raw_echo.RawEcho(socket, 1).exchange_us(1)
        socket.close()
