"""Sends hostile messages to a running server and holds every answer against the protocol."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgpack
import zmq
from hostile_cases import Case
from hostile_frames import Frames

import protocol
from protocol import (
    ERRORS_BY_CODE,
    MAJOR,
    MINOR,
    Applied,
    Closed,
    Error,
    Flushed,
    Hello,
    Message,
    Open,
    Opened,
    Ping,
    Pong,
    ProtocolError,
    Stems,
    Welcome,
    decode,
    encode,
)

DOCUMENT = Path(protocol.__file__).with_name("PROTOCOL.md")
DOCUMENTED_CODES = set(re.findall(r"^\| (E\d{3}) \|", DOCUMENT.read_text(), re.MULTILINE))
ANSWERS = Welcome | Opened | Stems | Applied | Flushed | Ping | Pong | Closed | Error
ANSWER_TIMEOUT_MS = 20_000
CASES_PER_CONNECTION = 32
_UNREADABLE = {"E100", "E101", "E102", "E105", "E106"}  # what the decoder refuses


class HostileClient:
    """One attacker; it comes back under another identity now and then, without a goodbye."""

    def __init__(self, endpoint: str) -> None:
        self.codes: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.messages = 0
        self.connections = 0
        self._endpoint = endpoint
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._cases = 0
        self._connect()

    def close(self) -> None:
        """Vanish."""
        self._context.destroy(linger=0)

    def attack(self, case: Case) -> None:
        """Send a case, take in every answer up to the fence's; asserts what the protocol says."""
        self._cases += 1
        if self._cases % CASES_PER_CONNECTION == 0:
            self._connect()
        for frames in case.messages:
            self._socket.send_multipart(frames)
            if case.is_patient and isinstance(opening := decode(frames), Open):
                self._await_opening(opening.stream)
        self.messages += len(case.messages)
        refused = self._answers_up_to_fence()
        expected = [code for frames in case.messages if (code := refusal(frames)) is not None]
        assert refused == expected, f"{refused} came, {expected} was due: {case}"

    def _await_opening(self, stream: int) -> None:
        """Wait until an opening has been answered, if only because we were silent for too long."""
        while True:
            answer = self._answer()
            if isinstance(answer, Error):
                self._check_code(answer)
            if isinstance(answer, Opened | Error | Closed) and answer.stream == stream:
                return

    def _answers_up_to_fence(self) -> list[str]:
        """Return the codes by which messages were refused that could not be read, in order."""
        fence = f"fence {self.messages}"
        self._socket.send(msgpack.packb({"type": fence}))
        refused = []
        while True:
            answer = self._answer()
            if not isinstance(answer, Error):
                continue
            if answer.code == "E105" and fence in answer.reason:
                return refused
            self._check_code(answer)
            if answer.stream is None and answer.code in _UNREADABLE:
                refused.append(answer.code)

    def _answer(self) -> Message:
        assert self._socket.poll(ANSWER_TIMEOUT_MS), "the server answers no more"
        answer = decode(self._socket.recv_multipart())
        assert isinstance(answer, ANSWERS), answer
        self.answers[answer.kind.value] += 1
        return answer

    def _check_code(self, error: Error) -> None:
        self.codes[error.code] += 1
        assert error.code in DOCUMENTED_CODES, error
        assert issubclass(ERRORS_BY_CODE[error.code], ProtocolError | protocol.RequestRefused), (
            f"the server itself failed: {error}"
        )
        assert error.reason, "a refusal says why"

    def _connect(self) -> None:
        """Begin as somebody else; every fourth never says hello."""
        if self.connections:
            self._socket.close(linger=0)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.connect(self._endpoint)
        if self.connections % 4 != 3:
            self._socket.send_multipart(encode(Hello(MAJOR, MINOR, "hostile")))
        self.connections += 1


def refusal(frames: Frames) -> str | None:
    """Return the code by which the decoder refuses a message, None if it takes it."""
    try:
        decode(frames)
    except ProtocolError as error:
        return error.code
    return None
