"""The server is killed again and again: dry sound without a click, then stems with full context."""

import os
import random

import psutil
import pytest
from leaks import MEGABYTE
from struck_stream import BLOCK, StruckStream, largest_own_step, tone

SECONDS_PER_KILL = 4.0


def own_resources():
    process = psutil.Process(os.getpid())
    return process.num_threads(), process.num_fds(), process.memory_info().rss


def strike(stream, server, serve, draw):
    """Kill the server somewhere; returns blocks until dry, and until stems after pre-roll."""
    for _ in range(draw.randrange(1, 24)):
        stream.play(waits=draw.random() < 0.8)
    server.kill()
    expected_until = stream.arrived[-1][0] + stream.arrived[-1][1]
    fallbacks = stream.session.statistics.fallbacks
    stream.play_until(lambda: stream.session.statistics.fallbacks > fallbacks)
    known = sum(stream.arrived[-1])
    first_silent = stream.position - stream.latency - BLOCK  # of the block with the first gap
    until_dry = (first_silent - max(known, expected_until)) / BLOCK
    replacement = serve()
    reconnects, arrivals = stream.session.statistics.reconnects, len(stream.arrived)
    stream.play_until(lambda: stream.session.statistics.reconnects > reconnects)
    rebuilt_at = stream.position - BLOCK  # pre-roll ends before the block that found the server
    stream.play_until(lambda: len(stream.arrived) > arrivals)
    until_stems = (stream.arrived[arrivals][0] - rebuilt_at) / BLOCK
    late = stream.session.statistics.late_blocks
    stream.play_until(lambda: stream.position >= rebuilt_at + stream.latency + 3 * BLOCK)
    while stream.session.statistics.late_blocks > late:
        late = stream.session.statistics.late_blocks
        stream.play()
    return replacement, until_dry, until_stems


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_the_server_is_killed_at_random_points(serve, endpoint, figure, kills):
    draw = random.Random(kills)  # noqa: S311 -- no secret
    dry = tone(20 + SECONDS_PER_KILL * kills)
    server = serve()
    with StruckStream(endpoint, dry) as stream:
        stream.play_until(lambda: stream.position > 5 * 44100)
        results, before = [], None
        for _ in range(kills):
            server, *blocks = strike(stream, server, serve, draw)
            results.append(blocks)
            before = before or own_resources()
        statistics = stream.session.statistics
        after = own_resources()
    threads, descriptors, size = (new - old for new, old in zip(after, before, strict=True))
    until_dry = max(dry for dry, _ in results)
    until_stems = max(stems for _, stems in results)
    figure(
        "server killed -9",
        kills=kills,
        reconnects=statistics.reconnects,
        blocks_until_dry=f"{until_dry:.2f}",
        blocks_from_preroll_to_exact_stems=f"{until_stems:.2f}",
        largest_error_of_mix=f"{stream.largest_mix_error:.1e}",
        largest_step=f"{stream.largest_step:.4f} of {largest_own_step(dry):.4f}",
        client_grew=f"{threads} threads, {descriptors} descriptors, {size / MEGABYTE:.1f} MiB",
    )
    assert statistics.reconnects == statistics.losses == kills
    assert until_dry <= 1
    assert until_stems <= 1
    assert stream.largest_mix_error < 1e-6
    assert stream.largest_step <= largest_own_step(dry)
    assert (threads, descriptors) == (0, 0)
    assert size < 10 * MEGABYTE
