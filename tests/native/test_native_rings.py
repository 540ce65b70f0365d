"""The rings, the history and the stems by position, against a few lines of Python."""

import ctypes as c

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from native_parts import SIZE, Part, parts, planar, rows

PIECE = 1024


class RingPart(c.Structure):
    _fields_ = [("bytes", c.c_char_p), ("length", SIZE)]


class Ring(Part):
    struct, created, destroyed = "Ring", "ring_create", "ring_destroy"

    @property
    def capacity(self):
        return self.call("probe_ring_capacity")

    def write(self, *pieces):
        table = (RingPart * len(pieces))(*[(piece, len(piece)) for piece in pieces])
        return self.call("ring_write", table, len(pieces))

    def _take(self, name, length):
        to = c.create_string_buffer(length + 1)
        done = self.call(name, to, length)
        assert to.raw[length:] == b"\0"
        return to.raw[:length] if done else None

    def peek(self, length):
        return self._take("ring_peek", length)

    def read(self, length):
        return self._take("ring_read", length)


@pytest.mark.parametrize(("wanted", "got"), [(0, 64), (64, 64), (65, 128), (1000, 1024)])
def test_a_ring_holds_what_was_asked_for_and_is_filled_to_the_byte(wanted, got):
    ring = Ring(wanted)
    assert ring.capacity == got
    assert not ring.write(bytes(got + 1))
    assert ring.write(b"x" * got)
    assert not ring.write(b"y")
    assert ring.write(b"")
    assert ring.read(got + 1) is None
    assert ring.read(got) == b"x" * got
    assert ring.read(1) is None


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(st.binary(max_size=40), min_size=1, max_size=3)),
        st.tuples(st.sampled_from(["peek", "read", "skip"]), st.integers(0, 70)),
    ),
    max_size=60,
)


@given(steps=steps)
def test_a_ring_is_a_queue_of_bytes_and_takes_all_or_nothing(steps):
    ring, queue = Ring(64), b""
    for action, value in steps:
        if action == "write":
            fits = len(queue) + len(b"".join(value)) <= 64
            assert ring.write(*value) == fits
            queue += b"".join(value) if fits else b""
            continue
        there = value <= len(queue)
        if action == "skip":
            assert ring.call("ring_read", None, value) == there
        else:
            assert getattr(ring, action)(value) == (queue[:value] if there else None)
        queue = queue[value:] if there and action != "peek" else queue


def test_a_ring_goes_on_beyond_the_largest_number():
    """After 2^64 bytes counts wrap; nothing else may."""
    ring = Ring(64)
    counts = ring.memory.view(np.uint64)
    assert counts.size == 24  # three cache lines: where it is, what was written, what was read
    counts[8] = counts[16] = 2**64 - 30
    for byte in b"abc":
        assert ring.write(bytes([byte]) * 50)
        assert not ring.write(bytes(15))
        assert ring.read(50) == bytes([byte]) * 50


class BlockHeader(c.Structure):
    _fields_ = [("position", c.c_int64), ("frames", c.c_uint32), ("kind", c.c_uint32)]


def numbered(position, frames, channels=2):
    """Return samples that tell their position: [channel, frame]."""
    ramp = np.arange(position, position + frames)
    return planar([(ramp + 0.25 * channel) % 4096 for channel in range(channels)])


def read_block(ring, channels):
    """Return position, kind and samples of the next piece, or None."""
    header, room = BlockHeader(), np.full((2, PIECE), -1, np.float32)
    if not ring.call("block_ring_read", c.byref(header), rows(room), channels):
        return None
    assert (room[:, header.frames :] == -1).all()
    return header.position, header.kind, room[:channels, : header.frames]


@given(
    channels=st.integers(1, 2),
    blocks=st.lists(st.integers(0, 3000) | st.just("seek") | st.just("drain"), max_size=8),
)
def test_blocks_arrive_whole_in_order_and_in_their_place(channels, blocks):
    ring, position, expected, sought = Ring(1 << 18), 77, [], []
    for block in blocks:
        if block == "drain":
            ring.call("block_ring_drain", channels)
            assert read_block(ring, channels) is None
            expected, sought = [], []
        elif block == "seek":
            assert ring.call("block_ring_write_seek", position)
            sought.append(position)
        else:
            samples = numbered(position, block, channels)
            args = position, rows(samples), channels, block
            assert ring.call("block_ring_write", *args) == block
            expected.append(samples)
            position += block
    seen, seeks = [], []
    while (piece := read_block(ring, channels)) is not None:
        at, kind, samples = piece
        if kind == 1:
            seeks.append(at)
            assert samples.shape[1] == 0
        else:
            np.testing.assert_array_equal(samples, numbered(at, samples.shape[1], channels))
            seen.append(samples)
    assert seeks == sought
    joined = np.concatenate([np.zeros((channels, 0)), *seen], axis=1)
    wanted = np.concatenate([np.zeros((channels, 0)), *expected], axis=1)
    np.testing.assert_array_equal(joined, wanted)


@given(channels=st.integers(1, 2), frames=st.integers(1, 5000), block=st.integers(1, 4000))
def test_a_block_ring_holds_the_frames_that_were_asked_for(channels, frames, block):
    ring = Ring(parts().block_ring_bytes(channels, frames, block))
    left = frames
    while left >= block:
        samples = numbered(0, block, channels)
        assert ring.call("block_ring_write", 0, rows(samples), channels, block) == block
        left -= block
    assert (
        ring.call("block_ring_write", 0, rows(numbered(0, left, channels)), channels, left) == left
    )


@given(
    channels=st.integers(1, 2),
    block=st.integers(0, 3000),
    more=st.lists(st.integers(0, 2500), max_size=5),
    rest=st.integers(0, 3000),
)
@example(channels=1, block=2, more=[], rest=1)
@example(channels=2, block=1026, more=[0], rest=1025)
def test_a_block_ring_is_asked_for_room_for_every_header_and_a_seek(channels, block, more, rest):
    """Blocks of the length that was named or longer, a last one that may be shorter."""
    blocks = [max(block, 1) + extra for extra in more] + [min(rest, max(block, 1) - 1)]
    headers = sum(-(-frames // PIECE) for frames in blocks) + 1
    needed = sum(blocks) * channels * 4 + headers * c.sizeof(BlockHeader)
    assert parts().block_ring_bytes(channels, sum(blocks), block) >= needed


def test_a_full_block_ring_keeps_the_first_pieces():
    ring = Ring(1 << 14)  # one piece of two channels is 8 KiB and its header
    samples = numbered(0, 3 * PIECE)
    assert ring.call("block_ring_write", 0, rows(samples), 2, 3 * PIECE) == PIECE
    assert read_block(ring, 2)[0] == 0
    assert read_block(ring, 2) is None


class History(Part):
    struct, created, destroyed = "History", "history_create", "history_destroy"

    def write(self, position, frames):
        self.call("history_write", position, rows(numbered(position + 1, frames)), frames)

    def read(self, position, frames):
        to = np.full((2, frames), np.nan, np.float32)
        self.call("history_read", position, frames, rows(to))
        return to


moves = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "write", "reset"]),
        st.integers(-5, 150),
        st.integers(0, 250),
    ),
    max_size=15,
)


@given(capacity=st.integers(1, 120), moves=moves)
def test_the_history_is_the_last_samples_by_position_and_silence_elsewhere(capacity, moves):
    history, held, origin, end = History(2, capacity), {}, 0, 0
    for action, gap, frames in moves:
        position = end + gap
        if action == "reset":
            position = max(0, position)
            history.call("history_reset", position)
            held, origin, end = {}, position, position
        elif gap >= 0:
            history.write(position, frames)
            if gap > capacity:
                origin = position
            held |= {p: numbered(p + 1, 1)[:, 0] for p in range(position, position + frames)}
            end = position + frames
        else:
            history.write(position, frames)  # refused
        start = max(origin, end - capacity)
        assert history.call("history_start") == start
        nothing = np.zeros(2, np.float32)
        span = range(end - capacity - 7, end + 7)
        wanted = [held.get(p, nothing) if start <= p < end else nothing for p in span]
        np.testing.assert_array_equal(history.read(span[0], len(span)), np.stack(wanted, axis=1))


@pytest.mark.parametrize("gap", [-1, 0, 19, 20, 21])
def test_the_history_forgets_what_lies_before_a_gap_longer_than_it(gap):
    history = History(2, 20)
    history.write(0, 30)
    history.write(30 + gap, 5)
    if gap == -1:
        assert history.call("history_start") == 10
        np.testing.assert_array_equal(history.read(10, 20), numbered(11, 20))
        return
    assert history.call("history_start") == (51 if gap == 21 else 15 + gap)
    assert gap == 0 or not history.read(29 + gap, 1).any()
    np.testing.assert_array_equal(history.read(30 + gap, 5), numbered(31 + gap, 5))


class StemRing(Part):
    struct, created, destroyed = "StemRing", "stem_ring_create", "stem_ring_destroy"

    def write(self, position, frames):
        self.call("stem_ring_write", position, rows(numbered(position, frames)), frames)

    def read(self, frames):
        to, valid = np.full((2, frames), np.nan, np.float32), np.full(frames, 9, np.uint8)
        self.call("stem_ring_read", rows(to), valid.ctypes.data, frames)
        return to, valid


actions = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(-80, 150), st.integers(0, 150)),
        st.tuples(st.just("read"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("move"), st.integers(-150, 150), st.just(0)),
        st.tuples(st.just("reset"), st.integers(-150, 150), st.just(0)),
    ),
    max_size=25,
)


@given(capacity=st.integers(1, 100), actions=actions)
def test_stems_are_read_once_at_their_position_and_never_late(capacity, actions):
    ring, read, arrived = StemRing(2, capacity), -50, set()
    ring.call("stem_ring_reset", read)
    for action, offset, frames in actions:
        if action == "write":
            ring.write(read + offset, frames)
            fresh = range(read + offset, read + offset + frames)
            arrived |= {p for p in fresh if read <= p < read + capacity}
        elif action == "read":
            count = min(offset, capacity)
            samples, valid = ring.read(count)
            assert list(valid) == [p in arrived for p in range(read, read + count)]
            np.testing.assert_array_equal(samples, numbered(read, count) * valid)
            read += count
        else:
            read += offset
            arrived = set() if action == "reset" else arrived
            ring.call(f"stem_ring_{action}", read)
        arrived = {p for p in arrived if read <= p < read + capacity}
        run = next(n for n in range(capacity + 1) if read + n not in arrived or n == capacity)
        assert ring.call("stem_ring_has", read, run)
        assert run == capacity or not ring.call("stem_ring_has", read, run + 1)
        assert not ring.call("stem_ring_has", read - 1, 0)
        assert not ring.call("stem_ring_has", read, capacity + 1)


@pytest.mark.parametrize("by", [-21, -20, -19, -1, 0, 1, 19, 20, 21])
def test_a_full_ring_that_moves_keeps_what_it_still_spans(by):
    ring = StemRing(2, 20)
    ring.call("stem_ring_reset", 100)
    ring.write(100, 20)
    ring.call("stem_ring_move", 100 + by)
    samples, valid = ring.read(20)
    assert list(valid) == [100 <= p < 120 for p in range(100 + by, 120 + by)]
    np.testing.assert_array_equal(samples, numbered(100 + by, 20) * valid)
    assert not ring.read(20)[1].any()


class Crossing(Part):
    struct, created, destroyed = "Crossing", "crossing_create", "crossing_destroy"


@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
@pytest.mark.parametrize("block", [1, 64, 65536])
def test_two_seconds_of_audio_cross_and_all_stems_of_the_latency(rate_hz, block):
    crossing = Crossing(rate_hz, 2, block)
    latency = max(crossing.call("crossing_latency", profile) for profile in range(3))
    assert crossing.call("probe_maximum_latency") == latency + 2 * rate_hz
    for name, step, seconds in [("to", max(block, 8), 2.0), ("from", PIECE, latency / rate_hz)]:
        ring, sent = crossing.call(f"probe_{name}_worker"), 0
        samples = rows(numbered(0, step))
        while sent < seconds * rate_hz:
            assert parts().block_ring_write(ring, sent, samples, 2, step) == step
            sent += step


def test_what_a_server_needs_more_is_added_to_its_profile_only():
    crossing = Crossing(44100, 2, 256)
    before = [crossing.call("crossing_latency", profile) for profile in range(3)]
    crossing.call("probe_extra", 1, 1234)
    after = [crossing.call("crossing_latency", profile) for profile in range(3)]
    assert after == [before[0], before[1] + 1234, before[2]]
