"""The server is stopped for two seconds and continued: dry meanwhile, then exact stems again."""

import signal
import time

import numpy as np
from leaks import until_as_before, until_nobody_is_left
from struck_stream import BLOCK, StruckStream, largest_own_step, tone

STOPPED_S = 2.0


def test_the_server_is_stopped_for_two_seconds(serve, endpoint, figure):
    server = serve(settings={"peer_timeout_s": 1.0})
    dry = tone(60)
    with StruckStream(endpoint, dry) as first:
        first.play_until(lambda: first.position > 44100)
    until_nobody_is_left(server)
    before = server.resources
    with StruckStream(endpoint, dry) as stream:
        stream.play_until(lambda: stream.position > 5 * 44100)
        server.signal(signal.SIGSTOP)
        stopped_at, until = stream.position, time.monotonic() + STOPPED_S
        while time.monotonic() < until:  # at the pace of the clock, or slower
            stream.play(waits=False)
            time.sleep(BLOCK / 44100)
        server.signal(signal.SIGCONT)
        arrivals = len(stream.arrived)
        stream.play_until(lambda: stream.session.statistics.state == "live")
        stream.play_until(lambda: len(stream.arrived) > arrivals + 8)
        late = stream.session.statistics.late_blocks
        stream.play_until(lambda: stream.position > stopped_at + 4 * 44100)
        while stream.session.statistics.late_blocks > late:
            late = stream.session.statistics.late_blocks
            stream.play()
        counted = stream.session.statistics
    until_nobody_is_left(server)
    grown = until_as_before(server, before)
    figure(
        "server stopped for 2 s",
        losses=counted.losses,
        reconnects=counted.reconnects,
        largest_error_of_mix=f"{stream.largest_mix_error:.1e}",
        largest_step=f"{stream.largest_step:.4f} of {largest_own_step(dry):.4f}",
        exact_stems=f"{len(stream.arrived)} messages",
        server_grew=grown,
    )
    assert counted.losses == counted.reconnects
    assert stream.largest_mix_error < 1e-6
    assert np.isfinite(stream.largest_step)
    assert stream.largest_step <= largest_own_step(dry)
