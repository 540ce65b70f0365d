"""The lossless conversation without a socket: credit, order, completeness, seeks and changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.errors import ServerLost
from plugin_bridge.exchange import Exchange
from protocol import (
    Applied,
    Audio,
    Closed,
    Error,
    Flush,
    Flushed,
    Latency,
    Opened,
    Pong,
    Seek,
    Set,
    Stems,
    UnknownStem,
)

CREDIT, TOTAL = 1000, 200


def opened(credit=CREDIT):
    return Opened(1, "fake", "offline", ("a",), Latency(TOTAL, 0, 0, 0), 0, credit, 0)


def exchange(max_block_frames=256):
    return Exchange(opened(), max_block_frames)


def zeros(frames):
    return np.zeros((2, frames), np.float32)


def stems(position, frames):
    return Stems(1, 0, position, ("a",), np.zeros((1, 2, frames), np.float32))


def sendable(talk):
    messages = []
    while (message := talk.next_message()) is not None:
        messages.append(message)
    return messages


@given(
    blocks=st.lists(st.integers(0, 3000), max_size=8),
    steps=st.integers(1, 400),
    max_block_frames=st.integers(1, 8192),
)
def test_everything_is_sent_within_credit_and_in_order(blocks, steps, max_block_frames):
    """The server answers all but ``TOTAL`` of what it has: it is allowed to hold that back."""
    talk = exchange(max_block_frames)
    sent = answered = 0
    for frames in blocks:
        talk.feed(zeros(frames))
    while talk.has_outgoing:
        messages = sendable(talk)
        assert messages, "the stream has come to rest"
        for message in messages:
            assert isinstance(message, Audio)
            assert message.position_samples == sent
            assert message.samples.shape[1] <= max_block_frames
            sent += message.samples.shape[1]
            assert sent - answered <= CREDIT
        while sent - answered > TOTAL:
            step = min(steps, sent - answered - TOTAL)
            talk.receive(stems(answered, step))
            answered += step
    assert sent == sum(blocks)


def test_sequence_numbers_count_blocks():
    talk = exchange()
    talk.feed(zeros(700))
    assert [message.sequence for message in sendable(talk)] == [0, 1, 2]
    assert talk.blocks == 3


def test_flush_goes_behind_the_audio_and_is_done_when_all_stems_have_come():
    talk = exchange()
    talk.feed(zeros(300))
    talk.flush()
    assert [type(message) for message in sendable(talk)] == [Audio, Audio, Flush]
    talk.receive(stems(0, 300))
    assert not talk.is_flushed
    talk.receive(Flushed(1, 300))
    assert talk.is_flushed
    assert sum(block.frames for block in talk.take_ready()) == 300


@pytest.mark.parametrize("position", [0, 20])
def test_stems_out_of_place_are_the_servers_fault(position):
    talk = exchange()
    talk.feed(zeros(300))
    sendable(talk)
    talk.receive(stems(0, 10))
    with pytest.raises(ServerLost, match="no gaps"):
        talk.receive(stems(position, 10))


def test_flushed_with_stems_missing_is_the_servers_fault():
    talk = exchange()
    talk.feed(zeros(300))
    talk.flush()
    sendable(talk)
    with pytest.raises(ServerLost, match="up to 0"):
        talk.receive(Flushed(1, 300))


def test_after_a_seek_stems_on_their_way_are_dropped_until_the_server_is_there():
    talk = exchange()
    talk.feed(zeros(900))
    sendable(talk)
    talk.seek(5000)
    assert sendable(talk) == [Seek(1, 5000), Set(1)]
    talk.receive(stems(0, 500))
    talk.receive(Flushed(1, 900))
    assert not talk.has_ready
    talk.receive(Applied(1, 5000, "fake", ("a",)))
    talk.feed(zeros(10))
    talk.flush()
    assert sendable(talk)[0].position_samples == 5000
    talk.receive(stems(5000, 10))
    assert [block.position_samples for block in talk.take_ready()] == [5000]


def test_a_second_piece_needs_a_seek_and_the_first_does_not():
    talk = exchange()
    talk.rewind_if_used()
    assert sendable(talk) == []
    talk.feed(zeros(100))
    sendable(talk)
    talk.rewind_if_used()
    assert sendable(talk)[0] == Seek(1, 100)


def test_a_change_overtakes_audio_but_not_a_seek():
    talk = exchange()
    talk.feed(zeros(300))
    talk.change(Set(1, mute=("a",)))
    assert isinstance(sendable(talk)[0], Set)
    talk.seek(0)
    talk.change(Set(1, mute=("a",)))
    assert isinstance(sendable(talk)[0], Seek)


def test_changes_are_awaited_until_applied_or_refused():
    talk = exchange()
    talk.change(Set(1, stems=("b",)))
    talk.change(Set(1, stems=("c",)))
    assert talk.awaits_change
    talk.receive(Applied(1, 77, "fake", ("b",)))
    assert (talk.stems, talk.changed_at_samples, talk.awaits_change) == (("b",), 77, True)
    with pytest.raises(UnknownStem):
        talk.receive(Error("E203", "no c", 1))
    assert not talk.awaits_change


def test_what_does_not_concern_the_stream_is_passed_over_and_its_end_is_not():
    talk = exchange()
    talk.receive(Pong(1))
    with pytest.raises(ServerLost, match="closed the stream"):
        talk.receive(Closed(1, 0, 0))
