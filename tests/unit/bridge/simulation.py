"""Live sessions played against a simulated world."""

import numpy as np

from plugin_bridge.handshake import StreamRequest, handshake
from plugin_bridge.live import LiveSession


def live_session(world, *, max_block_frames=256, round_trip=300, stems=()):
    """Open a live session in a simulated world."""
    request = StreamRequest(
        world.rate,
        2,
        max_block_frames,
        profile="live",
        stems=stems,
        freewheel=False,
        round_trip_samples=round_trip,
    )
    wire, steps = world.dial("fake"), handshake(request)
    message = next(steps)
    for _ in range(2):
        wire.try_send(message)
        world.now += 10000
        try:
            message = steps.send(wire.try_receive())
        except StopIteration as done:
            accepted = done.value
    return LiveSession("fake", request, wire, accepted, dial=world.dial, clock=world.clock)


def play(session, world, dry, sizes):
    """Play ``dry`` in blocks of these sizes, cyclically, in real time; returns all output."""
    output, position, index = [], 0, 0
    while position < dry.shape[1]:
        frames = min(sizes[index % len(sizes)], dry.shape[1] - position)
        world.now += frames
        output.append(session.process(dry[:, position : position + frames]))
        position, index = position + frames, index + 1
    return np.concatenate(output, axis=2)


def expected(dry, latency, gains):
    """Return what fixed gains give, ``latency`` late."""
    delayed = np.zeros_like(dry)
    delayed[:, latency:] = dry[:, : dry.shape[1] - latency]
    return np.stack([np.float32(gain) * delayed for gain in gains])
