"""What ``phoenix-stems relay`` does with a client that reads slowly, or not at all."""

import numpy as np
import pytest

from protocol import Open, Pong, Stems
from server.commands.relay import as_outgoing
from server.transport.outbound import Outbound, SendResult

RATE_HZ = 192_000
BLOCK_FRAMES = 8192
BLOCKS = 3 * RATE_HZ // BLOCK_FRAMES  # more than the two seconds that a live stream may be behind
PEER = b"slow"


def blocks_after_a_pause(request):
    """Return the numbers of the stems that a client gets which has not read for three seconds."""
    is_reading, taken, sent = False, [], []

    def offer(_, frames):
        if is_reading:
            taken.append(frames)
        return SendResult.SENT if is_reading else SendResult.FULL

    outbound, samples = Outbound(offer), np.zeros((1, 1, BLOCK_FRAMES), np.float32)
    for block in range(BLOCKS):
        stems = Stems(1, block, block * BLOCK_FRAMES, ("mix",), samples)
        outgoing = as_outgoing(stems, request)
        sent.append(outgoing.frames)
        assert outbound.send(PEER, outgoing)
    is_reading = True
    outbound.retry()
    return [sent.index(frames) for frames in taken]


def test_lossless_stems_all_wait_for_a_client_that_reads_slowly():
    request = Open(1, RATE_HZ, 2, BLOCK_FRAMES, freewheel=True)
    assert blocks_after_a_pause(request) == list(range(BLOCKS))


def test_of_live_stems_the_newest_two_seconds_wait():
    request = Open(1, RATE_HZ, 2, BLOCK_FRAMES, freewheel=False)
    waiting = 2 * RATE_HZ // BLOCK_FRAMES
    assert blocks_after_a_pause(request) == list(range(BLOCKS - waiting, BLOCKS))


@pytest.mark.parametrize("opening", [None, Open(1, RATE_HZ, 2, BLOCK_FRAMES, freewheel=False)])
def test_answers_are_never_dropped(opening):
    assert as_outgoing(Pong(1), opening).droppable_frames == 0
