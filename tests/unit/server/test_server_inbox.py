"""The inbox keeps order, bounds a live stream's audio, and drops the oldest first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_client import noise

from protocol import DEFAULT_LIMITS, Audio, Flush, LimitExceeded, Preroll, Seek, Set
from server.streams import inbox as inbox_module
from server.streams.inbox import MAXIMUM_WAITING_PARTS, MAXIMUM_WAITING_REQUESTS, Inbox


def audio(sequence, frames=10):
    return Audio(1, sequence, sequence * frames, noise(frames))


def taken(inbox):
    requests = []
    while (waiting := inbox.take()) is not None:
        requests.append(waiting.request)
    return requests


def test_requests_come_out_in_order_with_their_deadlines():
    inbox = Inbox(None)
    requests = [audio(0), Set(1), audio(1), Flush(1)]
    for index, request in enumerate(requests):
        inbox.put(request, float(index))
    assert inbox.next_deadline() == 0.0
    assert inbox.take().deadline == 0.0
    assert inbox.next_deadline() == 1.0
    assert taken(inbox) == requests[1:]
    assert inbox.next_deadline() is None


def test_audio_gives_no_work_until_a_hop_is_full():
    inbox = Inbox(None)
    inbox.next_hop_end = 30
    for sequence in range(2):
        inbox.put(audio(sequence), float(sequence))
        assert inbox.next_deadline() is None
    inbox.put(audio(2), 2.0)
    assert inbox.next_deadline() == 2.0
    inbox.next_hop_end = 31
    assert inbox.next_deadline() is None
    inbox.put(Set(1), 7.0)
    assert inbox.next_deadline() == 7.0


def test_what_fills_no_hop_for_long_gives_work_all_the_same():
    """As what comes twice does."""
    inbox = Inbox(None)
    inbox.next_hop_end = 1000
    for index in range(MAXIMUM_WAITING_PARTS):
        inbox.put(audio(0), float(index))
        assert inbox.next_deadline() is None
    inbox.put(audio(0), 99.0)
    assert inbox.next_deadline() == 0.0


def test_the_oldest_audio_goes_first_and_requests_stay():
    inbox = Inbox(25)
    assert inbox.put(audio(0), 0).frames == 0
    inbox.put(Set(1), 0)
    assert inbox.put(audio(1), 0).frames == 0
    dropped = inbox.put(audio(2), 0)
    assert (dropped.blocks, dropped.frames) == (1, 10)
    assert [type(r).__name__ for r in taken(inbox)] == ["Set", "Audio", "Audio"]


@pytest.mark.parametrize(("blocks", "dropped_frames"), [(2, 0), (3, 10)])
def test_the_capacity_holds_at_n_and_n_plus_one(blocks, dropped_frames):
    inbox = Inbox(20)
    assert sum(inbox.put(audio(i), 0).frames for i in range(blocks)) == dropped_frames
    assert inbox.audio_frames == 20


def test_a_block_longer_than_the_capacity_is_still_taken():
    inbox = Inbox(5)
    assert inbox.put(audio(0), 0).frames == 0
    assert inbox.put(audio(1), 0).frames == 10
    assert [r.sequence for r in taken(inbox)] == [1]


def test_lossless_audio_is_never_dropped():
    inbox = Inbox(None)
    assert not any(inbox.put(audio(i), 0).frames for i in range(1000))
    assert inbox.audio_frames == 10_000


def test_requests_are_bounded():
    inbox = Inbox(None)
    for _ in range(MAXIMUM_WAITING_REQUESTS):
        inbox.put(Set(1), 0)
    with pytest.raises(LimitExceeded, match="256"):
        inbox.put(Set(1), 0)
    inbox.put(audio(0), 0)


def test_a_seek_forgets_audio_but_not_what_a_flush_asks_for():
    inbox = Inbox(None)
    for request in (audio(0), Flush(1), audio(1), Set(1), audio(2)):
        inbox.put(request, 0)
    inbox.forget_audio()
    inbox.put(Seek(1, 0), 0)
    assert [type(r).__name__ for r in taken(inbox)] == ["Audio", "Flush", "Set", "Seek"]
    assert inbox.audio_frames == 0


def test_a_closed_inbox_is_empty_and_stays_so():
    inbox = Inbox(10)
    inbox.put(audio(0), 0)
    inbox.close()
    inbox.put(audio(1), 0)
    assert (len(inbox), inbox.audio_frames, inbox.take()) == (0, 0, None)


@given(
    lengths=st.lists(st.integers(1, 50), max_size=40),
    capacity=st.integers(1, 100),
    takes=st.sets(st.integers(0, 40)),
)
def test_what_is_put_is_taken_or_dropped_and_the_newest_survive(lengths, capacity, takes):
    inbox = Inbox(capacity)
    put = dropped = got = 0
    for index, frames in enumerate(lengths):
        put += frames
        dropped += inbox.put(audio(index, frames), 0).frames
        assert inbox.audio_frames <= max(capacity, frames)
        if index in takes and (waiting := inbox.take()) is not None:
            got += waiting.request.samples.shape[1]
    rest = taken(inbox)
    assert put == dropped + got + sum(r.samples.shape[1] for r in rest)
    if lengths and (len(lengths) - 1) not in takes:
        assert rest[-1].sequence == len(lengths) - 1


def test_a_seek_forgets_preroll_and_room_for_it_comes_back(monkeypatch):
    monkeypatch.setattr(inbox_module, "MAXIMUM_WAITING_PREROLL_FRAMES", 25)
    inbox, part = Inbox(None), Preroll(1, 0, noise(10))
    for _ in range(2):
        inbox.put(part, 0)
        inbox.put(part, 0)
        with pytest.raises(LimitExceeded, match="30 frames of preroll would wait: 25 allowed"):
            inbox.put(part, 0)
        inbox.forget_audio()
        assert len(inbox) == 0


def test_preroll_that_waits_is_bounded_at_n_and_n_plus_one(monkeypatch):
    monkeypatch.setattr(inbox_module, "MAXIMUM_WAITING_PREROLL_FRAMES", 20)
    inbox = Inbox(None)
    inbox.put(Preroll(1, 0, noise(20)), 0)
    with pytest.raises(LimitExceeded):
        inbox.put(Preroll(1, 20, noise(1)), 0)
    inbox.take()
    inbox.put(Preroll(1, 20, noise(1)), 0)


def test_preroll_is_no_audio_and_a_flush_keeps_it():
    inbox = Inbox(5)
    for request in (Preroll(1, 0, noise(10)), audio(1), Flush(1), Preroll(1, 0, noise(3))):
        inbox.put(request, 0)
    assert inbox.audio_frames == 10
    inbox.forget_audio()
    assert [type(r).__name__ for r in taken(inbox)] == ["Preroll", "Audio", "Flush"]


def test_two_whole_pasts_may_wait_and_no_more():
    """A client that seeks twice before the first rebuild has begun."""
    inbox, limit = Inbox(None), DEFAULT_LIMITS
    part = Preroll(1, 0, np.zeros((1, limit.maximum_part_frames), np.float32))
    parts, rest = divmod(2 * limit.maximum_preroll_frames, limit.maximum_part_frames)
    for _ in range(parts):
        inbox.put(part, 0)
    inbox.put(Preroll(1, 0, np.zeros((1, rest), np.float32)), 0)
    with pytest.raises(LimitExceeded):
        inbox.put(Preroll(1, 0, np.zeros((1, 1), np.float32)), 0)


def test_the_oldest_request_may_be_looked_at_and_stays():
    inbox = Inbox(None)
    assert inbox.peek() is None
    inbox.put(Flush(1), 0)
    inbox.put(Seek(1, 5), 0)
    assert (inbox.peek(), inbox.peek(), len(inbox)) == (Flush(1), Flush(1), 2)


def test_an_inbox_knows_whether_its_stream_is_over():
    inbox = Inbox(None)
    assert inbox.is_closed is False
    inbox.close()
    assert inbox.is_closed is True
