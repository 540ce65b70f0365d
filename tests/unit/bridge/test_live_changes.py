"""What a live stream has asked for survives every server; what a server refused does not."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plugin_bridge.live_changes import LiveChanges
from protocol import Set

NAMES = ("vocals", "drums", "other")
some_names = st.none() | st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
changes = st.builds(
    Set,
    st.just(1),
    gains_db=st.dictionaries(st.sampled_from(NAMES), st.floats(-60, 12)),
    mute=some_names,
    solo=some_names,
)


class Mixer:
    """A server's gains, mutes and solos: what changes amount to, done in order."""

    def __init__(self):
        self.gains_db, self.mute, self.solo = {}, (), ()

    def do(self, change):
        self.gains_db = self.gains_db | change.gains_db
        self.mute = self.mute if change.mute is None else change.mute
        self.solo = self.solo if change.solo is None else change.solo

    def state(self):
        return self.gains_db, self.mute, self.solo


class ChangesMachine(RuleBasedStateMachine):
    """``wanted`` has done all that was not refused; ``server`` what reached this server."""

    def __init__(self):
        super().__init__()
        self.changes = LiveChanges()
        self.asked = []  # not answered yet, in order; None stands for a barrier
        self.answered = []  # done by some server, in order
        self.sent = 0  # how many of ``asked`` are on their way
        self.server = Mixer()

    @rule(change=changes)
    def ask(self, change):
        self.changes.ask(change)
        self.asked.append(change)

    @rule()
    def send(self):
        for change in self.changes.outgoing():
            assert change == self.asked[self.sent]
            self.sent += 1

    @precondition(lambda self: self.sent == len(self.asked))
    @rule()
    def seek(self):
        assert self.changes.barrier() == Set(1)
        self.asked.append(None)
        self.sent += 1

    @precondition(lambda self: self.sent)
    @rule()
    def applied(self):
        self.changes.applied()
        change = self._oldest()
        if change is not None:
            self.answered.append(change)
            self.server.do(change)

    @precondition(lambda self: self.sent and self.asked[0] is not None)
    @rule()
    def refused(self):
        self.changes.refused()
        self._oldest()

    @rule()
    def a_new_server_takes_over(self):
        self.changes.start_over()
        self.server, wanted = Mixer(), Mixer()
        self.asked = [change for change in self.asked if change is not None]
        for change in [*self.answered, *self.asked]:
            wanted.do(change)
        self.asked.clear()
        self.sent = 0
        for change in self.changes.outgoing():
            self.changes.applied()
            self.answered.append(change)
            self.server.do(change)
        assert self.server.state() == wanted.state()

    @invariant()
    def stems_are_stale_while_a_seek_is_unanswered(self):
        assert self.changes.is_stale == (None in self.asked)

    def _oldest(self):
        self.sent -= 1
        return self.asked.pop(0)


TestChanges = ChangesMachine.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_answers_nobody_waits_for_do_no_harm():
    held = LiveChanges()
    held.applied()
    held.refused()
    held.start_over()
    assert list(held.outgoing()) == []


def test_stems_and_model_are_left_to_the_opening_of_the_next_stream():
    held = LiveChanges()
    held.ask(Set(1, {"vocals": -3.0}, mute=("drums",), stems=("vocals",), model="duo"))
    assert len(list(held.outgoing())) == 1
    held.applied()
    held.start_over()
    assert list(held.outgoing()) == [Set(1, {"vocals": -3.0}, mute=("drums",))]


def test_an_unanswered_change_of_stems_is_asked_for_again_behind_what_was_held():
    held, unanswered = LiveChanges(), Set(1, stems=("drums",))
    held.ask(Set(1, solo=("vocals",)))
    list(held.outgoing())
    held.applied()
    held.ask(unanswered)
    list(held.outgoing())
    held.ask(Set(1, mute=()))
    held.start_over()
    assert list(held.outgoing()) == [Set(1, solo=("vocals",)), unanswered, Set(1, mute=())]
