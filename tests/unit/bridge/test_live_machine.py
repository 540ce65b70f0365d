"""Anything may happen to a live session, in any order; what the host hears obeys the same laws.

Dry audio is a function of position and of how often the host has sought: one channel is noise, so
that no sample passes for another, the other a slow tone, so that a click stands out.
"""

import numpy as np
from fake_server import World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from simulation import live_session

from protocol import Stems

RATE, BLOCK, ROUND_TRIP = 44100, 256, 300
PERIOD = 735  # of the tone, in samples: seeks go to where it is zero
FADE = 221  # 5 ms
SETTLED = 9000  # frames: longer than it takes to notice that a server takes no more audio
NOISE = np.random.default_rng(4).uniform(-0.5, 0.5, 1 << 17).astype(np.float32)
TONE = (0.5 * np.sin(2 * np.pi * np.arange(PERIOD) / PERIOD)).astype(np.float32)
# Three times the tone's own step, and a fade of twice its full swing at a cosine's steepest.
LARGEST_STEP = 3 * 0.5 * 2 * np.pi / PERIOD + 4 * 0.5 * np.pi / (2 * FADE)


def dry(first, frames, epoch):
    """Return [channel, frame]: noise and tone from this position on."""
    at = np.arange(first, first + frames)
    return np.stack([NOISE[(at + 7919 * epoch) % len(NOISE)], (-1) ** epoch * TONE[at % PERIOD]])


class LiveMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = World(RATE)
        self.session = live_session(
            self.world, max_block_frames=BLOCK, round_trip=ROUND_TRIP, stems=("mix", "vocals")
        )
        self.latency = self.session.latency
        self.position = self.origin = self.epoch = 0
        self.since_seek = 10**6  # frames
        self.on_time = 0  # frames since the last late one, or the last seek
        self.missing = 0  # frames since all of them have been late
        self.last = np.zeros((2, 2), np.float32)
        self.heard = []
        self.asked = {}
        self.session.on_stems = self.heard.append

    @rule(sizes=st.lists(st.integers(0, BLOCK), min_size=1, max_size=12))
    def play(self, sizes):
        for frames in sizes:
            self._block(frames)

    @rule(blocks=st.integers(1, 60))
    def play_on(self, blocks):
        for _ in range(blocks):
            self._block(BLOCK)

    @rule(delay=st.integers(0, 2000))
    def stems_take(self, delay):
        # Answers to changes keep behind the stems before them, as in any socket.
        self.world.delay = lambda message: delay if isinstance(message, Stems) else 2000

    @rule(messages=st.integers(1, 20))
    def lose_stems(self, messages):
        self.world.server.skip_stems = messages

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def repeat_stems(self, data):
        again = data.draw(st.sampled_from(self.heard[-10:]))
        self.world.wires[-1]._arriving.append((0, again))

    @rule(position=st.integers(0, 200))
    def seek(self, position):
        self.position = self.origin = position * PERIOD
        self.epoch += 1
        self.since_seek = self.on_time = self.missing = 0
        self.heard.clear()
        self.session.seek(self.position)

    @rule(gain=st.integers(-60, 12))
    def change(self, gain):
        self.asked = {"vocals": float(gain)}
        self.session.set(gains_db=self.asked)

    @rule()
    def crash(self):
        self.world.crash()

    @rule()
    def hang(self):
        self.world.server.is_mute = True

    @rule()
    def restart(self):
        self.world.restart()

    @invariant()
    def latency_and_position_are_as_promised(self):
        assert self.session.latency == self.latency
        assert self.session.position_samples == self.position

    def teardown(self):
        """Whatever has happened: once the server is well, so is the session."""
        if self.world.is_down or self.world.server.is_mute:
            self.world.restart()
        self.world.delay = lambda _message: 0
        self.on_time = 0
        for _ in range(6 * RATE // BLOCK):
            self._block(BLOCK)
            if self.session.state == "live" and self.on_time > SETTLED:
                break
        assert self.session.state == "live", self.session.statistics
        assert self.on_time > SETTLED, self.session.statistics
        assert self.world.server.stream.gains_db == self.asked

    def _block(self, frames):
        block = dry(self.position, frames, self.epoch)
        late_before = self.session.statistics.late_frames
        self.world.now += frames
        output = self.session.process(block)
        late = self.session.statistics.late_frames - late_before
        assert output.shape == (2, 2, frames)
        assert np.isfinite(output).all()
        self._check_steps(output)
        self._check_samples(output, late)
        self.position += frames
        self.since_seek += frames
        self.on_time = 0 if late else self.on_time + frames
        self.missing = self.missing + frames if late == frames else 0

    def _check_steps(self, output):
        tone = np.concatenate([self.last[:, 1:], output[:, 1]], axis=1)
        assert np.abs(np.diff(tone, axis=1)).max(initial=0) < LARGEST_STEP
        if output.shape[2]:
            self.last = output[:, :, -1]

    def _check_samples(self, output, late):
        """The mix is the delayed dry, whoever plays it; vocals are exact, silent or in a fade."""
        frames, start = output.shape[2], self.position - self.latency.total
        due = dry(start, frames, self.epoch)
        due[:, : max(0, self.origin - start)] = 0
        after_jump = max(0, FADE - self.since_seek)
        assert np.abs(output[0] - due)[:, after_jump:].max(initial=0) < 1e-5
        if not late and self.on_time >= FADE:
            assert np.array_equal(output[1], np.float32(0.5) * due)
        if late == frames and self.missing >= FADE:
            assert not output[1].any()


TestLiveMachine = LiveMachine.TestCase
TestLiveMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
