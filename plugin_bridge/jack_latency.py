"""Port latencies in JACK, which the JACK-Client package does not cover; by JACK's own C interface.

See ``jack_set_latency_callback`` in <jack/jack.h>: what a client adds between its inputs and its
outputs it adds to the ranges of its ports, once for capture and once for playback.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import CDLL, CFUNCTYPE, POINTER, Structure, byref, c_int, c_uint32, c_void_p
from ctypes.util import find_library
from typing import Any, Final

_CAPTURE: Final = 0
_PLAYBACK: Final = 1


class _Range(Structure):
    _fields_ = (("min", c_uint32), ("max", c_uint32))


_Callback = CFUNCTYPE(None, c_int, c_void_p)


class PortLatency:
    """Reports that ``outputs`` are ``frames`` behind ``inputs``; keep it as long as the client."""

    def __init__(
        self, client: Any, inputs: Sequence[Any], outputs: Sequence[Any], frames: int
    ) -> None:
        """Register with a JACK-Client ``client`` that is not yet active."""
        self._library = CDLL(find_library("jack"))
        self._inputs = [_pointer(port._ptr) for port in inputs]  # noqa: SLF001 -- no public way
        self._outputs = [_pointer(port._ptr) for port in outputs]  # noqa: SLF001
        self._frames = frames
        self._callback = _Callback(self._update)  # JACK keeps no reference
        set_callback = self._library.jack_set_latency_callback
        set_callback.argtypes = [c_void_p, _Callback, c_void_p]
        for function in ("jack_port_get_latency_range", "jack_port_set_latency_range"):
            getattr(self._library, function).argtypes = [c_void_p, c_int, POINTER(_Range)]
            getattr(self._library, function).restype = None
        if set_callback(_pointer(client._ptr), self._callback, None):  # noqa: SLF001
            raise OSError("JACK did not take the latency callback; is the client active already?")

    def _update(self, mode: int, _argument: object) -> None:
        """Pass the latency of one side on to the other, increased by ours."""
        there, here = self._inputs, self._outputs
        if mode == _PLAYBACK:
            there, here = here, there
        ranges = [self._get(port, mode) for port in there]
        total = _Range(
            min(one.min for one in ranges) + self._frames,
            max(one.max for one in ranges) + self._frames,
        )
        for port in here:
            self._library.jack_port_set_latency_range(port, mode, byref(total))

    def _get(self, port: c_void_p, mode: int) -> _Range:
        found = _Range()
        self._library.jack_port_get_latency_range(port, mode, byref(found))
        return found


def capture_latency_frames(port: Any) -> int:
    """Return the largest capture latency of a JACK-Client port, in frames."""
    library = CDLL(find_library("jack"))
    library.jack_port_get_latency_range.argtypes = [c_void_p, c_int, POINTER(_Range)]
    found = _Range()
    pointer = _pointer(port._ptr)  # noqa: SLF001 -- no public way
    library.jack_port_get_latency_range(pointer, _CAPTURE, byref(found))
    return int(found.max)


def _pointer(cdata: Any) -> c_void_p:
    """Return a cffi pointer as a ctypes one."""
    import jack  # noqa: PLC0415 -- an optional extra

    return c_void_p(int(jack._ffi.cast("uintptr_t", cdata)))  # noqa: SLF001 -- no public way
