"""The kept inputs, and new ones made of them; the guided fuzzer adds to them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from hostile_cases import MAXIMUM_CASE_BYTES, Case, Depth, case_of

from protocol.golden import pack_frames, unpack_frames

CORPUS = Path(__file__).with_name("corpus.bin")


def kept_inputs() -> list[bytes]:
    """Return the corpus, shortest first: a file in the form of the golden vectors."""
    return unpack_frames(CORPUS.read_bytes())


def keep_inputs(inputs: Iterable[bytes]) -> None:
    """Replace the corpus."""
    CORPUS.write_bytes(pack_frames(sorted(set(inputs), key=lambda data: (len(data), data))))


def hostile_cases(seed: int, messages: int) -> Iterator[Case]:
    """Yield the corpus and then what is made of it, as many messages at each depth as told."""
    random_ = random.Random(seed)  # noqa: S311 -- repeatable, not secret
    inputs = kept_inputs()
    left = dict.fromkeys(Depth, messages)
    replayed = iter(inputs)
    while max(left.values()) > 0:
        case = case_of(next(replayed, None) or _made(inputs, random_))
        if left[case.depth] > 0:
            left[case.depth] -= len(case.messages)
            yield case


def _made(inputs: list[bytes], random_: random.Random) -> bytes:
    """Return bytes that are new, or a kept input changed, or the halves of two."""
    if random_.random() < 0.2:
        return random_.randbytes(random_.randrange(1, MAXIMUM_CASE_BYTES))
    data = bytearray(random_.choice(inputs))
    if random_.random() < 0.3:
        data[random_.randrange(len(data) + 1) :] = random_.choice(inputs)[1:]
    for _ in range(random_.randint(1, 6)):
        at = random_.randrange(len(data) + 1)
        data[at : at + random_.randrange(3)] = random_.randbytes(random_.randrange(4))
    return bytes(data) or b"\0"
