"""The C core's inner parts through ctypes, each as a small Python object over memory of its own."""

import ctypes as c
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from native_core import CORE, compile_core

PROBES = Path(__file__).parents[1] / "native"
GREETING, HANDSHAKE, READY, FAULT = range(4)
BYTES = c.POINTER(c.c_uint8)
P, U32, I64, SIZE = c.c_void_p, c.c_uint32, c.c_int64, c.c_size_t

SIGNATURES = {
    "zmtp_create": (c.c_bool, P, SIZE, SIZE),
    "zmtp_destroy": (None, P),
    "zmtp_start": (None, P),
    "zmtp_room": (SIZE, P, c.POINTER(P)),
    "zmtp_received": (None, P, SIZE),
    "zmtp_next": (c.c_bool, P, P),
    "zmtp_pending": (SIZE, P, c.POINTER(P)),
    "zmtp_sent": (None, P, SIZE),
    "zmtp_send": (c.c_bool, P, c.c_char_p, SIZE, P, SIZE, SIZE),
    "ring_create": (c.c_bool, P, SIZE),
    "ring_destroy": (None, P),
    "ring_write": (c.c_bool, P, P, SIZE),
    "ring_peek": (c.c_bool, P, P, SIZE),
    "ring_read": (c.c_bool, P, P, SIZE),
    "block_ring_bytes": (SIZE, U32, SIZE, SIZE),
    "block_ring_write": (U32, P, I64, P, U32, U32),
    "block_ring_write_seek": (c.c_bool, P, I64),
    "block_ring_read": (c.c_bool, P, P, P, U32),
    "block_ring_drain": (None, P, U32),
    "stem_ring_create": (c.c_bool, P, U32, I64),
    "stem_ring_destroy": (None, P),
    "stem_ring_reset": (None, P, I64),
    "stem_ring_move": (None, P, I64),
    "stem_ring_write": (None, P, I64, P, U32),
    "stem_ring_read": (None, P, P, P, U32),
    "stem_ring_has": (c.c_bool, P, I64, I64),
    "history_create": (c.c_bool, P, U32, I64),
    "history_destroy": (None, P),
    "history_reset": (None, P, I64),
    "history_start": (I64, P),
    "history_write": (None, P, I64, P, U32),
    "history_read": (None, P, I64, U32, P),
    "fade_shape_create": (c.c_bool, P, U32),
    "fade_shape_destroy": (None, P),
    "fallback_reset": (None, P, P),
    "fallback_jump": (None, P),
    "fallback_apply": (None, P, P, P, P, P, U32, U32),
    "parameters_initialize": (None, P),
    "parameters_set": (c.c_bool, P, U32, c.c_double),
    "mixer_reset": (None, P, c.c_int, U32, P),
    "mixer_update": (None, P, P),
    "mixer_mix": (None, P, c.c_int, P, P, P, U32),
    "mixer_advance": (None, P, U32),
    "player_create": (c.c_bool, P, c.c_int, U32, U32, U32, U32),
    "player_destroy": (None, P),
    "player_start": (None, P, c.c_int, P, U32),
    "player_reset": (None, P),
    "player_set_latency": (None, P, U32),
    "player_put": (None, P, I64, P, U32),
    "player_needed": (I64, P),
    "player_is_ready": (c.c_bool, P, U32),
    "crossing_create": (c.c_bool, P, U32, U32, U32),
    "crossing_destroy": (None, P),
    "crossing_latency": (U32, P, c.c_int),
    "utf8_is_valid": (c.c_bool, c.c_char_p, SIZE),
    "utf8_cut": (SIZE, c.c_char_p, SIZE, SIZE),
    "msgpack_write_map": (None, P, U32),
    "msgpack_write_array": (None, P, U32),
    "msgpack_write_text": (None, P, c.c_char_p),
    "msgpack_write_integer": (None, P, c.c_uint64),
    "msgpack_write_boolean": (None, P, c.c_bool),
    "probe_ring_capacity": (SIZE, P),
    "probe_to_worker": (P, P),
    "probe_from_worker": (P, P),
    "probe_maximum_latency": (U32, P),
    "probe_extra": (None, P, c.c_int, U32),
    "probe_ramp_frames": (U32, P),
    "probe_fade_frames": (U32, P),
    "probe_player_counts": (None, P, P),
    "probe_player_step": (None, P, P, P, P, U32),
    "probe_msgpack_skip": (I64, c.c_char_p, SIZE),
    "probe_msgpack_heads": (I64, c.c_char_p, SIZE, P, SIZE),
}


@lru_cache(maxsize=1)
def parts():
    """Return the core with the probes, built once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="native-parts-"))
    sources = [*sorted(CORE.glob("*.c")), PROBES / "parts_probe.c"]
    library = c.CDLL(str(compile_core(folder / "parts.so", "-shared", sources=sources)))
    shutil.rmtree(folder)
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def memory(name):
    """Return zeroed, aligned memory for one struct; keep it as long as its address is used."""
    size = getattr(parts(), f"size_of_{name}")()
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


def rows(samples):
    """Return a table of pointers to the rows of [channel, frame], and what keeps them alive."""
    table = (P * 2)(*[row.ctypes.data for row in samples])
    table.owner = samples
    return table


def planar(samples):
    return np.ascontiguousarray(samples, np.float32)


class Part:
    """A struct of the core: ``call("ring_read", ...)`` passes its address first."""

    struct, created, destroyed = "", "", ""

    def __init__(self, *arguments):
        self.memory = memory(self.struct)
        self.address = self.memory.ctypes.data
        if self.created:
            assert self.call(self.created, *arguments)

    def __del__(self):
        if self.destroyed:
            self.call(self.destroyed)

    def call(self, name, *arguments):
        return getattr(parts(), name)(self.address, *arguments)


class Message(c.Structure):
    _fields_ = [
        ("header", P),
        ("payload", P),
        ("header_length", SIZE),
        ("payload_length", SIZE),
    ]


class Zmtp(Part):
    """One side of a connection, without a socket."""

    struct, created, destroyed = "Zmtp", "zmtp_create", "zmtp_destroy"

    def __init__(self, payload_bytes=1 << 16, outgoing_bytes=1 << 16):
        super().__init__(payload_bytes, outgoing_bytes)
        self.call("zmtp_start")

    @property
    def state(self):
        return int(self.memory[:4].view(np.int32)[0])

    def next(self):
        """Return the next message's frames, or None."""
        message = Message()
        if not self.call("zmtp_next", c.addressof(message)):
            return None
        frames = [c.string_at(message.header, message.header_length)]
        if message.payload:
            frames.append(c.string_at(message.payload, message.payload_length))
        return frames

    def feed(self, data):
        """Take bytes as they come from a socket; return the messages that end in them."""
        messages = []
        while True:
            while (message := self.next()) is not None:
                messages.append(message)
            at = P()
            room = self.call("zmtp_room", c.byref(at))
            assert (room == 0) == (self.state == FAULT)
            if not data or room == 0:
                return messages
            c.memmove(at, data, min(room, len(data)))
            self.call("zmtp_received", min(room, len(data)))
            data = data[room:]

    def outgoing(self, limit=None):
        """Take what is to be sent, up to so many bytes."""
        at = P()
        length = self.call("zmtp_pending", c.byref(at))
        length = length if limit is None else min(length, limit)
        data = c.string_at(at, length)
        self.call("zmtp_sent", length)
        return data

    def send(self, header, *payload):
        table = (c.c_char_p * max(1, len(payload)))(*payload)
        length = len(payload[0]) if payload else 0
        pieces = c.addressof(table) if payload else None
        return self.call("zmtp_send", header, len(header), pieces, len(payload), length)
