"""What a live stream has for itself: what it remembers, and nothing that others could use too."""

import numpy as np
import pytest

from dsp.errors import WeightsMissingError
from dsp.networks.kept import Kept
from dsp.networks.products import has_bytes
from dsp.networks.registry import load_model

MEBIBYTE = 2**20
CONTEXT_BYTES = 8 * 44_100 * 2 * 4
FOR_EVERYTHING_ELSE_BYTES = 4 * MEBIBYTE // 10  # blocks on their way, sockets, Python's objects


def arrays_of(thing, seen=None):
    """Every array that can be reached: where its memory is, and its bytes."""
    seen = {} if seen is None else seen
    if id(thing) in seen:
        return {}
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        while isinstance(thing.base, np.ndarray):
            thing = thing.base
        return {thing.ctypes.data: thing.nbytes}
    if isinstance(thing, Kept):
        inner = [thing.parts]
    elif isinstance(thing, tuple | list):
        inner = thing
    else:
        inner = getattr(thing, "__dict__", {}).values()
    found = {}
    for each in inner:
        found |= arrays_of(each, seen)
    return found


@pytest.mark.skipif(not has_bytes(), reason="no AMX and no VNNI here: sums are in 32 bits")
@pytest.mark.parametrize(
    ("model", "profile"), [("phoenix", "live"), ("phoenix", "live-light"), ("rocknet", "live")]
)
def test_a_stream_keeps_to_eight_mebibytes(model, profile):
    try:
        loaded = load_model(model)
    except WeightsMissingError as reason:
        pytest.skip(str(reason))
    streams = [loaded.separator(profile) for _ in range(2)]
    one, other = map(arrays_of, streams)
    own = sum(size for place, size in one.items() if place not in other)
    shared = sum(size for place, size in one.items() if place in other)
    assert shared > 2 * MEBIBYTE  # weights, which were found
    assert MEBIBYTE // 2 < own < 8 * MEBIBYTE - CONTEXT_BYTES - FOR_EVERYTHING_ELSE_BYTES
