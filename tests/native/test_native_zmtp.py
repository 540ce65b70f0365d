"""ZMTP against hand-made bytes, cut anywhere and damaged, and against libzmq's own ROUTER."""

import contextlib
import itertools
import socket

import pytest
import zmq
from hypothesis import example, given
from hypothesis import strategies as st
from native_parts import FAULT, GREETING, HANDSHAKE, READY, Zmtp

from protocol.limits import Limits

HEADER_LIMIT = Limits().maximum_header_bytes
PAYLOAD_LIMIT = 500
COMMAND_LIMIT = 4096
MORE, LONG, COMMAND = 1, 2, 4
HELLO = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)


def frame(body, flags=0, *, long=None):
    long = len(body) > 255 if long is None else long
    size = len(body).to_bytes(8 if long else 1, "big")
    return bytes([flags | (LONG if long else 0)]) + size + body


def command(name, body=b""):
    return frame(bytes([len(name)]) + name + body, COMMAND)


SHAKEN = HELLO + command(b"READY", b"\x0bSocket-Type\x00\x00\x00\x06ROUTER")


def model_frame(data, limit):
    """Return flags, body and length of the frame at the start of ``data``; None: not all there."""
    if len(data) < 2:
        return None
    flags = data[0]
    if flags > 7 or (flags & MORE and flags & COMMAND):
        raise ValueError("no frame")
    width = 8 if flags & LONG else 1
    if len(data) < 1 + width:
        return None
    length = int.from_bytes(data[1 : 1 + width], "big")
    if length > (COMMAND_LIMIT if flags & COMMAND else limit):
        raise ValueError("too long")
    end = 1 + width + length
    return (flags, data[1 + width : end], end) if len(data) >= end else None


def model_greeting(data):
    """Return whether the greeting is all there."""
    if (data and data[0] != 0xFF) or (len(data) > 9 and data[9] != 0x7F):
        raise ValueError("no ZMTP")
    if len(data) < 64:
        return False
    if data[10] < 3 or data[12:32] != b"NULL".ljust(20, b"\0"):
        raise ValueError("not ours")
    return True


def named(body, name):
    return body[: 1 + len(name)] == bytes([len(name)]) + name


def model_frames(data, messages, pongs):
    """Append what the frames hold; return the state that they end in."""
    state = HANDSHAKE
    while (first := model_frame(data, HEADER_LIMIT)) is not None:
        flags, body, end = first
        if flags & COMMAND:
            if named(body, b"ERROR"):
                raise ValueError("refused")
            if named(body, b"PING") and len(body) <= 7 + 16:
                pongs.append(command(b"PONG", body[7:]))
            state = READY if named(body, b"READY") else state
        elif state != READY:
            raise ValueError("no handshake")
        elif flags & MORE:
            if (second := model_frame(data[end:], PAYLOAD_LIMIT)) is None:
                return state
            if second[0] & (MORE | COMMAND):
                raise ValueError("more than two frames")
            messages.append([body, second[1]])
            end += second[2]
        else:
            messages.append([body])
        data = data[end:]
    return state


def model(data):
    """Return state, messages and pongs that these bytes must lead to: the RFC in a few lines."""
    messages, pongs = [], []
    try:
        state = model_frames(data[64:], messages, pongs) if model_greeting(data) else GREETING
    except ValueError:
        state = FAULT
    return state, messages, pongs


def observed(data, cuts=()):
    """Return the same of the C code, fed in these pieces."""
    peer = Zmtp(PAYLOAD_LIMIT)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    messages = [m for a, b in itertools.pairwise(edges) for m in peer.feed(data[a:b])]
    return peer.state, messages, peer.outgoing()


def agree(data, cuts=()):
    state, messages, pongs = model(data)
    seen_state, seen, sent = observed(data, cuts)
    assert (seen_state, seen) == (state, messages)
    if state not in {GREETING, FAULT}:
        ready = command(b"READY", b"\x0bSocket-Type\0\0\0\6DEALER\x08Identity\0\0\0\0")
        assert sent == HELLO + ready + b"".join(pongs)


CONVERSATION = (
    SHAKEN
    + frame(b"one")
    + command(b"PING", b"\0\x64context")
    + frame(b"", MORE)
    + frame(bytes(300))
    + frame(b"x" * 256)
    + frame(b"head", MORE, long=True)
    + frame(b"", long=True)
    + command(b"SUBSCRIBE", b"who cares")
    + frame(b"")
)


def test_the_conversation_says_what_it_should():
    state, messages, pongs = model(CONVERSATION)
    assert state == READY
    assert messages == [[b"one"], [b"", bytes(300)], [b"x" * 256], [b"head", b""], [b""]]
    assert pongs == [frame(b"\4PONGcontext", COMMAND)]
    agree(CONVERSATION)


def test_it_may_be_cut_at_every_byte():
    for cut in range(len(CONVERSATION) + 1):
        agree(CONVERSATION, [cut])
        agree(CONVERSATION[:cut])


def test_it_may_come_byte_by_byte():
    agree(CONVERSATION, range(len(CONVERSATION)))


bodies = st.binary(max_size=40) | st.integers(200, 510).map(bytes)
long_forms = st.sampled_from([None, True])
frames = st.builds(
    lambda body, flags, long: frame(body, flags, long=long),
    bodies,
    st.sampled_from([0, 0, MORE, COMMAND, MORE | COMMAND]),
    long_forms,
)
messages = st.builds(
    lambda header, payload: frame(header, MORE) + frame(payload), bodies, bodies
) | st.builds(frame, bodies)
pings = st.binary(max_size=24).map(lambda body: command(b"PING", body))
streams = st.lists(messages | pings | frames, max_size=6).map(lambda p: SHAKEN + b"".join(p))
cuts = st.lists(st.integers(0, 3000), max_size=6)


@given(data=streams, cuts=cuts)
def test_any_frames_in_any_pieces(data, cuts):
    agree(data, cuts)


@given(data=streams, cuts=cuts, damage=st.data())
def test_any_damage_is_found_as_the_rfc_says(data, cuts, damage):
    data = bytearray(data)
    for _ in range(damage.draw(st.integers(1, 4))):
        data[damage.draw(st.integers(0, len(data) - 1))] = damage.draw(st.integers(0, 255))
    agree(bytes(data), cuts)


@given(noise=st.binary(max_size=300), cuts=cuts)
@example(noise=b"\x01\x00\x02" + b"\xff" * 8, cuts=[])
@example(noise=b"\x02" + b"\x80" + bytes(7), cuts=[])
def test_noise_behind_a_handshake(noise, cuts):
    agree(SHAKEN + noise, cuts)
    agree(noise, cuts)


@pytest.mark.parametrize("at", range(64))
def test_each_byte_of_the_greeting_matters_or_does_not(at):
    padding = [*range(1, 9), 11, *range(32, 64)]
    damaged = bytearray(SHAKEN)
    damaged[at] ^= 1
    assert (observed(bytes(damaged))[0] == READY) == (at in padding)


@pytest.mark.parametrize(("major", "state"), [(0, FAULT), (2, FAULT), (3, READY), (4, READY)])
def test_versions(major, state):
    assert observed(SHAKEN[:10] + bytes([major]) + SHAKEN[11:])[0] == state


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize(
    ("before", "flags", "limit"),
    [
        (b"", 0, HEADER_LIMIT),
        (b"", MORE, HEADER_LIMIT),
        (frame(b"h", MORE), 0, PAYLOAD_LIMIT),
        (b"", COMMAND, COMMAND_LIMIT),
    ],
    ids=["header", "header and more", "payload", "command"],
)
def test_lengths_are_limited_to_the_byte(before, flags, limit, long):
    fits = frame(bytes(limit), flags, long=True if long else None)
    state, messages, _ = observed(SHAKEN + before + fits)
    assert state == READY
    assert len(messages) == (flags == 0)
    one_more = frame(bytes(limit + 1), flags, long=True)
    assert observed(SHAKEN + before + one_more[:9])[0] == FAULT  # before any of it has come


def test_the_longest_message_fits_behind_another_half_read_one():
    longest = frame(bytes(HEADER_LIMIT), MORE) + frame(b"p" * PAYLOAD_LIMIT)
    assert observed(SHAKEN + longest * 3)[1] == [[bytes(HEADER_LIMIT), b"p" * PAYLOAD_LIMIT]] * 3


@pytest.mark.parametrize(("context", "answered"), [(0, True), (16, True), (17, False)])
def test_a_ping_is_answered_with_its_context(context, answered):
    body = bytes(range(context))
    sent = observed(SHAKEN + command(b"PING", b"\0\0" + body))[2]
    assert sent.endswith(command(b"PONG", body)) == answered


@given(header=bodies, halves=st.none() | st.binary(max_size=300))
def test_what_is_sent_is_what_another_reads(header, halves):
    """Two halves of a payload, as channels are sent, arrive as one frame."""
    peer = Zmtp()
    assert not peer.send(b"too early")
    peer.feed(SHAKEN)
    peer.outgoing()
    assert peer.send(header, *([] if halves is None else [halves, halves]))
    whole = [header] if halves is None else [header, halves + halves]
    assert Zmtp(2000).feed(SHAKEN + peer.outgoing()) == [whole]


def test_room_on_the_way_out_is_used_to_the_byte_and_leaves_some_for_pongs():
    for extra in (0, 1):
        peer = Zmtp(outgoing_bytes=1000)
        peer.feed(SHAKEN)
        peer.outgoing()
        assert peer.send(b"h" * 382, b"p" * (300 + extra), b"p" * (300 + extra)) == (extra == 0)
    full = Zmtp(outgoing_bytes=1000)
    full.feed(SHAKEN)
    full.outgoing()
    while full.send(b"h" * 100):
        pass
    for _ in range(1000):
        full.feed(command(b"PING", b"\0\0" + b"c" * 16))
    assert b"\x04PONG" + b"c" * 16 in full.outgoing()


def test_a_new_start_forgets_all():
    peer = Zmtp(PAYLOAD_LIMIT)
    peer.feed(SHAKEN + frame(b"half", MORE))
    peer.send(b"never sent")
    peer.call("zmtp_start")
    assert peer.state == GREETING
    assert peer.feed(SHAKEN + frame(b"new")) == [[b"new"]]
    assert b"never sent" not in peer.outgoing()
    broken = Zmtp(PAYLOAD_LIMIT)
    broken.feed(b"HTTP/1.1 200 OK\r\n")
    assert broken.state == FAULT
    assert broken.outgoing() == b""
    broken.call("zmtp_start")
    assert broken.feed(SHAKEN + frame(b"new")) == [[b"new"]]


# ---- libzmq's ROUTER ----


class Connection:
    """Our ZMTP on a socket to a ROUTER, moved by hand; bytes go out in pieces of this size."""

    def __init__(self, endpoint, piece_bytes):
        host, port = endpoint.removeprefix("tcp://").split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(0.01)
        self.zmtp, self.piece_bytes, self.messages = Zmtp(1 << 20, 1 << 21), piece_bytes, []

    def pump(self):
        while data := self.zmtp.outgoing(self.piece_bytes):
            self.socket.sendall(data)
        with contextlib.suppress(TimeoutError):
            self.messages += self.zmtp.feed(self.socket.recv(self.piece_bytes))
        assert self.zmtp.state != FAULT

    def until(self, condition, pumps=2000):
        for _ in range(pumps):
            if condition():
                return
            self.pump()
        raise AssertionError(self.zmtp.state)


@pytest.fixture
def router():
    context = zmq.Context()
    peer = context.socket(zmq.ROUTER)
    peer.linger = 0
    yield peer
    context.destroy(linger=0)


def bind(router):
    return f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}"


@pytest.mark.parametrize("piece_bytes", [7, 4096])
def test_messages_go_both_ways_to_a_router(router, piece_bytes):
    link = Connection(bind(router), piece_bytes)
    link.until(lambda: link.zmtp.state == READY)
    for length in (0, 1, 255, 256, 3000):
        header, payload = b"h" * length, b"p" * length
        assert link.zmtp.send(header, payload)
        link.until(lambda: router.poll(0))
        identity, *received = router.recv_multipart()
        assert received == [header, payload]
        router.send_multipart([identity, payload, header])
        link.until(lambda: link.messages)
        assert link.messages.pop() == [payload, header]
    assert link.zmtp.send(b"alone")
    link.until(lambda: router.poll(0))
    assert router.recv_multipart()[1:] == [b"alone"]


def test_a_router_that_listens_for_heartbeats_hears_them(router):
    router.heartbeat_ivl, router.heartbeat_timeout = 30, 200
    link = Connection(bind(router), 4096)
    link.until(lambda: link.zmtp.state == READY)
    assert link.zmtp.send(b"before")
    link.until(lambda: router.poll(0))
    identity = router.recv_multipart()[0]
    for _ in range(60):  # 600 ms at least: a router that hears nothing gives up after 200
        link.pump()
    router.send_multipart([identity, b"still there"])
    link.until(lambda: link.messages)
    assert link.messages == [[b"still there"]]


@pytest.mark.parametrize("length", [0, 255, 256])
def test_lengths_are_written_as_short_as_zmtp_asks(length):
    peer = Zmtp()
    peer.feed(SHAKEN)
    peer.outgoing()
    peer.send(b"h" * length, b"p" * length)
    assert peer.outgoing() == frame(b"h" * length, MORE) + frame(b"p" * length)
