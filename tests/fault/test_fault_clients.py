"""Clients that die, sleep or do not read: nobody else hears of it, and nothing of them stays."""

import contextlib
import random
import signal
import socket
import time

import pytest
from leaks import meter, until, until_as_before, until_nobody_is_left
from server_client import RawClient
from zygote_programs import BLOCK, ROUND_TRIP_SAMPLES, noise

from protocol import Error, Open, Opened, Stems

STREAMS = 8
AT_ONCE = 4
HALF_OPEN = 500
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)  # ZMTP 3.0

# A minute for the four of them, each beside clients in real time: `make faults`.
pytestmark = pytest.mark.slow


@pytest.fixture
def server(zygote, serve, endpoint):
    """A server that has had all that it takes, streams and half-open peers; it forgets soon."""
    limits = {"limits.streams": STREAMS, "limits.streams_per_peer": STREAMS}
    server = serve(settings=limits | {"peer_timeout_s": 2.5})
    first = zygote.start("bystander", endpoint=endpoint, seconds=0.2)
    assert first.hear() == {"playing": True}
    assert "blocks" in first.hear()
    until_nobody_is_left(server)
    assert free_slots(endpoint) == STREAMS
    with half_opened(endpoint):
        until(lambda: server.resources[1] >= HALF_OPEN)
    until_nobody_is_left(server)
    until(lambda: server.resources[1] < HALF_OPEN)
    return server


@pytest.fixture
def beside(zygote, server, endpoint):
    """Return a function that starts somebody who plays in real time, and waits until it does."""

    def start(seconds):
        child = zygote.start("bystander", endpoint=endpoint, seconds=seconds)
        assert child.hear() == {"playing": True}
        return child

    return start


def check_bystander(heard):
    """Nothing late and every sample right, unless this machine itself stood still."""
    assert "failed" not in heard, heard
    assert (heard["losses"], heard["dropped_frames"]) == (0, 0), heard
    if not heard["host_xruns"]:
        assert heard["late_blocks"] == 0, heard
        assert heard["is_exact"], heard


def free_slots(endpoint):
    """Open lossless streams, whose cost nobody asks for, until one is refused; returns how many."""
    with RawClient(endpoint) as client:
        for number in range(STREAMS + 1):
            client.send(Open(number, 44100, 2, BLOCK, freewheel=True))
            answer = client.receive()
            if isinstance(answer, Error):
                assert answer.code == "E210"
                return number
            assert isinstance(answer, Opened)
    return STREAMS + 1


@pytest.mark.parametrize("kills", [100])
@pytest.mark.timeout(600)
def test_clients_killed_at_random_points(zygote, beside, server, endpoint, figure, kills):  # noqa: PLR0917 -- fixtures
    draw = random.Random(kills)  # noqa: S311 -- no secret
    kill_some(zygote, endpoint, draw, 2 * AT_ONCE)  # what so many take at once, the heap keeps
    until_nobody_is_left(server)
    before, playing = server.resources, beside(2.0 + 0.1 * kills)
    kill_some(zygote, endpoint, draw, kills)
    heard = playing.hear()
    until_nobody_is_left(server)
    grown, slots = until_as_before(server, before), free_slots(endpoint)
    figure(
        "client killed -9",
        kills=kills,
        late_blocks_of_others=f"{heard['late_blocks']} of {heard['blocks']}",
        host_xruns=heard["host_xruns"],
        slots_lost=STREAMS - slots,
        server_grew=grown,
    )
    check_bystander(heard)
    assert slots == STREAMS


def kill_some(zygote, endpoint, draw, kills):
    """Have some clients at a time do something, and kill each at a random moment."""
    alive = []
    for seed in range(kills):
        alive.append(zygote.start("restless", endpoint=endpoint, seed=seed))
        if len(alive) == AT_ONCE or draw.random() < 0.2:
            time.sleep(0.1 * draw.random())
            kill(alive.pop(draw.randrange(len(alive))))
    for client in alive:
        kill(client)


def kill(client):
    """Kill a client that is in the middle of something, and has not failed before."""
    client.kill()
    said = []
    while not client.has_said_nothing_else:
        said.append(client.hear())
    assert said in ([], [{"connected": True}])


def test_a_client_that_stands_still_for_two_seconds(zygote, server, beside, figure):
    struck, other = beside(4.0), beside(4.0)
    time.sleep(1.0)
    struck.signal(signal.SIGSTOP)
    time.sleep(2.0)
    struck.signal(signal.SIGCONT)
    heard, own = other.hear(), struck.hear()
    figure(
        "client stopped for 2 s",
        late_blocks_of_others=f"{heard['late_blocks']} of {heard['blocks']}",
        host_xruns=heard["host_xruns"],
        own_losses=own["losses"],
        own_late_blocks=own["late_blocks"],
    )
    check_bystander(heard)
    assert own["host_xruns"] >= 1, "it has been stopped"
    assert own["losses"] == 0
    until_nobody_is_left(server)


def test_a_client_that_does_not_read(server, beside, endpoint, figure):
    """It loses its own blocks, oldest first, and is told how many when it reads again."""
    playing, blocks = beside(3.5), 1200
    with RawClient(endpoint, receive_messages=1) as slow:
        slow.open(max_block_frames=BLOCK, round_trip_samples=ROUND_TRIP_SAMPLES, stems=("other",))
        for number in range(blocks):
            slow.audio(noise(BLOCK, 3), number * BLOCK)
            time.sleep(0.002)
        until(lambda: meter(server, "queued_streams", lane="realtime") == 0)
        got = list(stems_of(slow))
        told = slow.close_stream().dropped_frames
    heard = playing.hear()
    positions = [stems.position_samples for stems in got]
    frames = sum(stems.samples.shape[2] for stems in got)
    sent = positions[-1] + got[-1].samples.shape[2]
    unread = meter(server, "dropped_frames_total", side="output")
    figure(
        "slow client",
        stems_sent_frames=sent,
        dropped_frames=sent - frames,
        counted_frames=int(unread),
        newest_kept=sent >= (blocks - 3) * BLOCK,
        late_blocks_of_others=f"{heard['late_blocks']} of {heard['blocks']}",
        host_xruns=heard["host_xruns"],
    )
    check_bystander(heard)
    assert positions == sorted(positions)
    assert sent - frames == unread > 0
    assert told == 0, "none of its input was lost"
    assert sent >= (blocks - 3) * BLOCK, "the newest are kept"


def stems_of(client):
    while client.socket.poll(500):
        message = client.receive()
        if isinstance(message, Stems):
            yield message


def test_half_open_peers(zygote, server, beside, endpoint, figure):
    """Connections that never finish their handshake, and streams whose client falls silent."""
    before, playing = server.resources, beside(3.0)
    sleepers = [zygote.start("sleeper", endpoint=endpoint) for _ in range(4)]
    assert [sleeper.hear() for sleeper in sleepers] == [{"silent": True}] * len(sleepers)
    with half_opened(endpoint):
        until(lambda: server.resources[1] >= HALF_OPEN)
        at_most = server.resources[1]
        heard = playing.hear()
        until(lambda: meter(server, "streams") == 0)  # of those that are silent, but connected
        until(lambda: server.resources[1] <= before[1] + len(sleepers))
    for sleeper in sleepers:
        sleeper.kill()
    until_nobody_is_left(server)
    grown = until_as_before(server, before)
    figure(
        "half-open peers",
        half_open=HALF_OPEN,
        fallen_silent=len(sleepers),
        descriptors_at_most=at_most,
        server_grew=grown,
        late_blocks_of_others=f"{heard['late_blocks']} of {heard['blocks']}",
        host_xruns=heard["host_xruns"],
    )
    check_bystander(heard)


@contextlib.contextmanager
def half_opened(endpoint):
    """Hold connections that have sent none of the greeting's 64 bytes, or some."""
    with contextlib.ExitStack() as stack:
        for number in range(HALF_OPEN):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(endpoint.removeprefix("ipc://"))
            peer.sendall(GREETING[: number % len(GREETING)])
        yield
