"""A relayed stream between two simulated servers; all time is the test's."""

import numpy as np
from fake_server import World

from plugin_bridge.relay import RelayedStream, Upstream
from plugin_bridge.relay.stream import as_stream_request
from protocol import Audio, Open, Stems

RATE_HZ = 44_100
BLOCK_FRAMES = 441
STEP_SAMPLES = 21  # between two ticks: half a millisecond


class Bench:
    """A stream, its two servers, and everything that its client was told."""

    def __init__(self, **request):
        self.remote, self.local = World(RATE_HZ), World(RATE_HZ)
        self.told = []
        has_local = request.pop("has_local", True)
        opening = {"profile": "live", "stems": ("vocals",), "freewheel": False}
        opening |= {"round_trip_samples": 2048} | request
        request = Open(7, RATE_HZ, 1, BLOCK_FRAMES, **opening)
        self.stream = RelayedStream(
            request,
            self._upstream("remote", self.remote, request),
            self._upstream("local", self.local, request) if has_local else None,
            answer=self.told.append,
            clock=self.remote.clock,
        )
        self.dry = np.random.default_rng(1).standard_normal((1, 60 * RATE_HZ)).astype(np.float32)
        self.blocks = 0

    def _upstream(self, name, world, request):
        wanted = as_stream_request(request)
        return Upstream(name, name, wanted, dial=world.dial, clock=self.remote.clock)

    def wait(self, seconds, until=lambda: False):
        """Let time pass; whether the condition came true."""
        for _ in range(int(seconds * RATE_HZ / STEP_SAMPLES)):
            self.remote.now += STEP_SAMPLES
            self.local.now = self.remote.now
            self.stream.tick()
            if until():
                return True
        return False

    def open(self):
        assert self.wait(5, until=lambda: self.told)
        return self.told.pop(0)

    def play(self, seconds, until=lambda: False):
        for _ in range(int(seconds * RATE_HZ / BLOCK_FRAMES)):
            start = self.blocks * BLOCK_FRAMES
            block = self.dry[:, start : start + BLOCK_FRAMES]
            self.stream.receive(Audio(7, self.blocks, start, block))
            self.blocks += 1
            self.wait(BLOCK_FRAMES / RATE_HZ)
            if until():
                return True
        return False

    @property
    def heard(self):
        return self.stream.active.name

    @property
    def stems(self):
        return [message for message in self.told if isinstance(message, Stems)]

    def check_stems(self):
        """Each sample at most once, in order, and the right one."""
        end = 0
        for number, stems in enumerate(self.stems):
            assert (stems.stream, stems.sequence) == (7, number)
            assert stems.position_samples >= end
            end = stems.position_samples + stems.samples.shape[2]
            dry = self.dry[:, stems.position_samples : end]
            np.testing.assert_allclose(stems.samples[0], 0.5 * dry, atol=1e-6)
        return end
