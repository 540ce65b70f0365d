"""The I/O thread: it hands over whole messages, never waits for a peer, and survives a bad turn."""

import queue
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
import zmq

from protocol import DEFAULT_LIMITS
from server.config import QueuesConfig
from server.transport.mailbox import Mailbox
from server.transport.outbound import SendResult
from server.transport.transport import BURST_MESSAGES, Transport

TIMEOUT_S = 10
TIMEOUT_MS = 10_000


class Desk:
    """A transport whose messages arrive in a queue; what is called 'bad' raises."""

    def __init__(self, directory, retry=lambda: False, keep_house=lambda: None, interval_s=1.0):
        self.received = queue.Queue()
        self.log = structlog.testing.CapturingLogger()
        self.mailbox = Mailbox()
        self.endpoint = f"ipc://{directory}/p/t.sock"
        queues = QueuesConfig(send_messages=2, receive_messages=1000)
        self.transport = Transport(self.endpoint, queues, DEFAULT_LIMITS, self.mailbox, self.log)
        self._callbacks = (retry, keep_house, interval_s)

    def start(self):
        self.transport.start(self.receive, *self._callbacks)

    def receive(self, identity, frames):
        if frames == [b"bad"]:
            raise ZeroDivisionError
        self.received.put((identity, frames))

    def stop(self):
        self.transport.stop(TIMEOUT_S)
        self.mailbox.close()

    def offer(self, identity, *frames):
        """Offer a message on the I/O thread, which alone may; returns what became of it."""
        results = queue.Queue()
        self.mailbox.post(lambda: results.put(self.transport.offer(identity, frames)))
        return results.get(timeout=TIMEOUT_S)


@contextmanager
def running(directory, **callbacks):
    desk = Desk(directory, **callbacks)
    desk.start()
    try:
        yield desk
    finally:
        desk.stop()


@contextmanager
def dealer(desk, receive_messages=1000):
    with zmq.Context() as context:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.rcvtimeo = TIMEOUT_MS
        socket.rcvhwm = receive_messages
        socket.connect(desk.endpoint)
        try:
            yield socket
        finally:
            socket.close()


def test_a_message_arrives_with_its_sender_and_the_answer_goes_back_there(tmp_path):
    with running(tmp_path) as desk, dealer(desk) as first, dealer(desk) as second:
        first.send_multipart([b"header", b"pcm"])
        identity, frames = desk.received.get(timeout=TIMEOUT_S)
        assert frames == [b"header", b"pcm"]
        assert desk.offer(identity, b"answer", memoryview(b"pcm")) is SendResult.SENT
        assert first.recv_multipart() == [b"answer", b"pcm"]
        assert second.poll(0) == 0


def test_a_burst_longer_than_one_turn_arrives_whole_and_in_order(tmp_path):
    count = 3 * BURST_MESSAGES + 1
    with running(tmp_path) as desk, dealer(desk) as client:
        for number in range(count):
            client.send(str(number).encode())
        frames = [desk.received.get(timeout=TIMEOUT_S)[1] for _ in range(count)]
    assert frames == [[str(number).encode()] for number in range(count)]


def test_of_too_many_frames_one_more_than_allowed_is_kept(tmp_path):
    """Enough to be refused for, however many a stranger sends."""
    kept = DEFAULT_LIMITS.maximum_frames_per_message + 1
    with running(tmp_path) as desk, dealer(desk) as client:
        client.send_multipart([b"x"] * 50)
        client.send(b"next")
        assert desk.received.get(timeout=TIMEOUT_S)[1] == [b"x"] * kept
        assert desk.received.get(timeout=TIMEOUT_S)[1] == [b"next"]


def test_an_answer_of_several_frames_arrives_whole(tmp_path):
    with running(tmp_path) as desk, dealer(desk) as client:
        client.send(b"ask")
        identity, _ = desk.received.get(timeout=TIMEOUT_S)
        for frames in ([b"header", b"samples"], [b"one"]):
            assert desk.offer(identity, *frames) is SendResult.SENT
            assert client.recv_multipart() == frames


def test_nobody_of_that_name_is_gone(tmp_path):
    with running(tmp_path) as desk:
        assert desk.offer(b"nobody", b"answer") is SendResult.GONE


def test_a_peer_that_does_not_read_is_full_and_not_waited_for(tmp_path):
    with running(tmp_path) as desk, dealer(desk, receive_messages=1) as client:
        client.send(b"hello")
        identity, _ = desk.received.get(timeout=TIMEOUT_S)
        results = [desk.offer(identity, bytes(65_536))]
        while results[-1] is SendResult.SENT and len(results) < 1000:
            results.append(desk.offer(identity, bytes(65_536)))
        assert results[-1] is SendResult.FULL
        for _ in results[:-1]:
            assert client.recv() == bytes(65_536), "what was taken arrives"


def test_a_turn_that_fails_is_logged_and_nobody_else_notices(tmp_path):
    with running(tmp_path) as desk, dealer(desk) as client:
        client.send(b"bad")
        client.send(b"good")
        assert desk.received.get(timeout=TIMEOUT_S)[1] == [b"good"]
    (call,) = desk.log.calls
    assert call.method_name == "error"
    assert isinstance(call.kwargs["exc_info"], ZeroDivisionError)


def test_a_job_that_fails_does_not_take_the_jobs_behind_it_along(tmp_path):
    """They are other streams' answers."""
    desk, done, others = Desk(tmp_path), threading.Event(), []

    def fail():
        raise ZeroDivisionError

    for job in (lambda: others.append(1), fail, lambda: others.append(2), fail, done.set):
        desk.mailbox.post(job)
    desk.start()
    try:
        assert done.wait(TIMEOUT_S)
    finally:
        desk.stop()
    assert others == [1, 2]
    assert len(desk.log.calls) == 2


def test_what_waits_is_offered_again_until_it_is_taken(tmp_path):
    answers, taken = iter([True, True, True, False]), threading.Event()

    def retry():
        answer = next(answers, False)
        if not answer:
            taken.set()
        return answer

    with running(tmp_path, retry=retry, interval_s=3600.0) as desk:
        desk.mailbox.post(lambda: None)  # one turn; the ones after it come by themselves
        assert taken.wait(TIMEOUT_S)


def test_the_house_is_kept_without_any_traffic(tmp_path):
    kept = threading.Semaphore(0)
    with running(tmp_path, keep_house=kept.release, interval_s=0.01):
        for _ in range(3):
            assert kept.acquire(timeout=TIMEOUT_S)


def test_another_socket_that_is_readable_wakes_the_thread(tmp_path):
    """As the relay's are, whose servers would otherwise be heard at the next housekeeping."""
    desk, woken = Desk(tmp_path), queue.Queue()
    with (
        zmq.Context() as context,
        context.socket(zmq.PAIR) as ours,
        context.socket(zmq.PAIR) as far,
    ):
        ours.bind("inproc://other")
        far.connect("inproc://other")

        def retry():
            if ours.poll(0):
                woken.put(ours.recv())
            return False

        awaited = [(ours, zmq.POLLIN)]
        desk.transport.start(desk.receive, retry, lambda: None, 3600.0, awaited=lambda: awaited)
        try:
            for number in (b"1", b"2"):
                far.send(number)
                assert woken.get(timeout=TIMEOUT_S) == number
        finally:
            desk.stop()


@pytest.mark.parametrize("is_started", [True, False])
def test_nothing_is_left_of_the_socket(tmp_path, is_started):
    desk = Desk(tmp_path)
    path = Path(desk.endpoint.removeprefix("ipc://"))
    assert path.is_socket()
    if is_started:
        desk.start()
    desk.stop()
    assert not path.exists()


def test_what_was_sent_last_still_arrives(tmp_path):
    desk = Desk(tmp_path)
    desk.start()
    with dealer(desk) as client:
        client.send(b"hello")
        identity, _ = desk.received.get(timeout=TIMEOUT_S)
        assert desk.offer(identity, b"goodbye") is SendResult.SENT
        desk.stop()
        assert client.recv() == b"goodbye"
