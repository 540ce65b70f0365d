"""The blocking session and the asyncio one: same calls, same blocks, same errors."""

import asyncio
from contextlib import suppress

import numpy as np
from fake_server import SocketServer
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge import connect, connect_async
from protocol import StemsError

NOISE = np.random.default_rng(6).uniform(-1, 1, (2, 4000)).astype(np.float32)

pieces = st.lists(st.integers(0, 4000), max_size=3)
calls = st.lists(
    st.one_of(
        st.tuples(st.just("separate"), pieces),
        # One message long: how much more is sent before the first stems come is a matter of time.
        st.tuples(st.just("leave early"), st.lists(st.integers(0, 3000), max_size=1)),
        st.tuples(st.just("seek"), st.integers(0, 10**9)),
        st.tuples(st.just("set"), st.sampled_from(["vocals", "drums", "mix", "kazoo"])),
    ),
    max_size=6,
)


def joined(blocks):
    """One line for consecutive blocks, however they were cut."""
    parts = [(block.position_samples, block.stems, block.samples) for block in blocks]
    if not parts:
        return []
    whole = np.concatenate([samples for *_, samples in parts], axis=2)
    return [parts[0][0], parts[0][1], whole.tobytes()]


def blocking(endpoint, script):
    log = []
    with connect(endpoint) as session:
        for call, argument in script:
            try:
                if call == "separate":
                    log.append(joined(session.separate([NOISE[:, :n] for n in argument])))
                elif call == "leave early":
                    separation = session.separate([NOISE[:, :n] for n in argument])
                    first = [block for _, block in zip(range(1), separation, strict=False)]
                    log.append(joined([*first, *session.flush()]))
                elif call == "seek":
                    session.seek(argument)
                else:
                    session.set(stems=[argument])
            except StemsError as error:
                log.append(str(error))
            log.append((session.stems, session.model, session.statistics))
    return log


async def awaited(endpoint, script):
    log = []
    async with await connect_async(endpoint) as session:
        for call, argument in script:
            try:
                if call == "separate":
                    blocks = session.separate([NOISE[:, :n] for n in argument])
                    log.append(joined([block async for block in blocks]))
                elif call == "leave early":
                    separation = session.separate([NOISE[:, :n] for n in argument])
                    first = []
                    with suppress(StopAsyncIteration):
                        first.append(await anext(separation))
                    log.append(joined([*first, *await session.flush()]))
                elif call == "seek":
                    await session.seek(argument)
                else:
                    await session.set(stems=[argument])
            except StemsError as error:
                log.append(str(error))
            log.append((session.stems, session.model, session.statistics))
    return log


@settings(max_examples=25, deadline=None)
@given(script=calls)
def test_any_sequence_of_calls_has_the_same_results(tmp_path_factory, script):
    endpoint = f"ipc://{tmp_path_factory.mktemp('same')}/s.sock"
    with SocketServer(endpoint):
        one = blocking(endpoint, script)
    with SocketServer(endpoint):
        other = asyncio.run(awaited(endpoint, script))
    assert one == other
