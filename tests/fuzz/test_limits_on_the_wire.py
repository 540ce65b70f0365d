"""Each limit of PROTOCOL.md section 8 on a running server: n taken, n + 1 refused by its code."""

import re
from dataclasses import replace

import msgpack
import numpy as np
import pytest
from hostile_client import DOCUMENT
from server_client import RawClient, noise, running_server

from protocol import DEFAULT_LIMITS, Audio, Error, Open, Opened, Ping, Pong, Preroll, Set, encode

LIMITS = dict(
    re.findall(
        r"^\| ((?:max|min)imum_\w+) \| \d+ \|.*\| (E\d{3}) \|$", DOCUMENT.read_text(), re.MULTILINE
    )
)
N = DEFAULT_LIMITS
STREAM = 1
HIGH = replace(N, **{name: 2**31 for name in LIMITS if name.startswith("max")})


def frames_of(message):
    """Return a message's frames, whatever its size."""
    return [bytes(frame) for frame in encode(message, HIGH)]


def ping(**unknown):
    return [msgpack.packb({"type": "ping", "token": 1, **unknown})]


def header_of(size_bytes):
    """Return a ping whose header has exactly that many bytes."""
    texts = ["x" * 1023] * 63
    texts.append("x" * (size_bytes - len(ping(x=[*texts, "x" * 600])[0]) + 600))
    return ping(x=texts)


def audio(frames=1, channels=2):
    return frames_of(Audio(STREAM, 0, 0, np.zeros((channels, frames), np.float32)))


def opening(**fields):
    defaults = {"stream": 2, "rate_hz": 44_100, "channels": 2, "max_block_frames": 256}
    return frames_of(Open(**(defaults | fields), freewheel=True))


def names(count):
    return tuple(f"s{number}" for number in range(count))


# What is sent for a size. At n the answer is anything but the limit's refusal.
CASES = {
    "maximum_frames_per_message": lambda n: [*ping(), *[b""] * (n - 1)],
    "maximum_header_bytes": header_of,
    "maximum_block_frames": audio,
    "maximum_part_frames": lambda n: frames_of(Preroll(STREAM, 0, noise(n), last=False)),
    "maximum_channels": lambda n: opening(channels=n),
    "maximum_stems": lambda n: frames_of(Set(STREAM, mute=names(n))),
    "maximum_list_items": lambda n: ping(x=[0] * n),
    "maximum_name_bytes": lambda n: opening(model="m" * n),
    "maximum_text_bytes": lambda n: ping(x="x" * n),
    "maximum_rate_hz": lambda n: opening(rate_hz=n),
    "minimum_rate_hz": lambda n: opening(rate_hz=n),
}
OF_THE_SERVER = {"maximum_streams_per_peer": 3, "maximum_streams": 4}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    limits = {"limits.streams_per_peer": 3, "limits.streams": 4}
    with running_server(tmp_path_factory.mktemp("limits"), **limits) as server:
        yield server


@pytest.fixture
def client(server):
    with RawClient(server.endpoint) as client:
        client.open(STREAM, freewheel=True)
        yield client
        client.close_stream(STREAM)


def refusals(client, frames):
    """Return the codes by which a message was refused; a stream that it opened is closed again."""
    client.send_frames(*frames)
    client.send(Ping(2**63))
    answers = []
    while (answer := client.receive()) != Pong(2**63):
        answers.append(answer)
    if not answers and msgpack.unpackb(frames[0])["type"] in ("open", "set"):
        # The stream's own thread answers these, so the answer may come behind the pong.
        answers.append(client.receive())
    for answer in answers:
        if isinstance(answer, Opened):
            client.close_stream(answer.stream)
    return [answer.code for answer in answers if isinstance(answer, Error)]


def test_every_limit_of_the_document_is_tried():
    elsewhere = {"maximum_payload_bytes", "maximum_preroll_frames"}
    assert LIMITS.keys() == CASES.keys() | OF_THE_SERVER.keys() | elsewhere


@pytest.mark.parametrize("limit", CASES)
def test_n_is_taken_and_one_beyond_is_refused_by_its_code(client, limit, capsys):
    n = getattr(N, limit)
    beyond = n - 1 if limit.startswith("min") else n + 1
    assert LIMITS[limit] not in refusals(client, CASES[limit](n))
    assert LIMITS[limit] in refusals(client, CASES[limit](beyond))
    with capsys.disabled():
        print(f"\n{limit}: {n} taken, {beyond} refused by {LIMITS[limit]}", end="")


def test_preroll_in_all(client):
    n, part = N.maximum_preroll_frames, N.maximum_part_frames
    for position in range(0, n, part):
        size = min(part, n - position)
        client.send(Preroll(STREAM, position, noise(size), last=False))
    assert refusals(client, ping()) == []
    assert refusals(client, frames_of(Preroll(STREAM, n, noise(1), last=False))) == ["E102"]


def test_streams_of_one_connection_and_in_all(server):
    with RawClient(server.endpoint) as first, RawClient(server.endpoint) as second:
        for number in range(OF_THE_SERVER["maximum_streams_per_peer"]):
            first.open(number, freewheel=True)
        assert refusals(first, opening(stream=9)) == ["E210"]
        second.open(0, freewheel=True)
        assert refusals(second, opening(stream=9)) == ["E210"]
        for number in range(OF_THE_SERVER["maximum_streams_per_peer"]):
            first.close_stream(number)
        second.close_stream(0)


def test_a_frame_beyond_what_any_payload_needs_ends_the_connection_unread(server):
    """libzmq refuses it by its length alone, before there is memory for it, and hangs up."""
    with RawClient(server.endpoint) as client:
        header = audio()[0]
        client.send_frames(header, bytes(N.maximum_payload_bytes))
        assert client.expect(Error).code == "E101"
        client.send_frames(header, bytes(N.maximum_payload_bytes + 1))
        client.send(Ping(1))
        assert client.expect(Error).code == "E104", "a new connection, which has not said hello"
