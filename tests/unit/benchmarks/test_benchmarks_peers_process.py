"""A contestant's process: what it answers, what it says when it cannot, and that it ends."""

import multiprocessing
import threading
import time

import numpy as np
import pytest

from benchmarks import peers, peers_process
from benchmarks.peers_contestants import CONTESTANTS, Contestant, Runner, Use, Way
from benchmarks.peers_process import ContestantFailedError, Hello, score, serve, timed_turn
from benchmarks.song import Song

SONG = Song("noise", 100, np.ones((2, 400), np.float32), np.full((2, 400), 2.0, np.float32))


def thirds(mixture, span):
    """The true vocals of SONG."""
    return mixture[:, span] / 3


def known(step):
    uses = (
        Use(Way.LIVE, "stream", 10, 20, thirds),
        Use(Way.OFFLINE, "whole", 400, 400, None),
    )
    return Contestant("known", "", lambda _: Runner(step, uses))


@pytest.fixture
def conversation(monkeypatch):
    """Give the parent's end of a contestant that runs in a thread of this process."""
    monkeypatch.setattr(peers_process, "TURN_S", 0.001)
    monkeypatch.setattr(peers_process, "bundled_song", lambda: SONG)
    threads = []

    def start(*contestants):
        monkeypatch.setattr(peers_process, "CONTESTANTS", contestants)
        ours, theirs = multiprocessing.Pipe()
        name = contestants[0].name
        threads.append(threading.Thread(target=serve, args=(name, theirs), daemon=True))
        threads[-1].start()
        return ours

    yield start
    for thread in threads:
        thread.join(5.0)
        assert not thread.is_alive()


def test_it_says_hello_takes_turns_scores_and_stops(conversation):
    steps = []
    pipe = conversation(known(lambda: steps.append(1)))
    failed, hello = pipe.recv()
    assert not failed
    assert [use.way for use in hello.uses] == ["live", "offline"]
    assert [use.real_weights for use in hello.uses] == [True, False]
    assert steps == [1], "the first step warms up and is not timed"
    pipe.send(("turn",))
    failed, seconds = pipe.recv()
    assert not failed
    assert 0 < seconds < 0.001
    pipe.send(("peak",))
    assert pipe.recv()[1] > 10
    pipe.send(("score", 1.0, 2.0))
    vocals_db, random_db = pipe.recv()[1]
    assert vocals_db > 60
    assert random_db is None
    pipe.send(("stop",))


def test_a_package_that_is_not_installed_is_told_not_raised(conversation):
    pipe = conversation(Contestant("gone", "no-such-package", lambda _: pytest.fail("made")))
    assert pipe.recv() == (False, Hello("", (), "no-such-package is not installed"))


@pytest.mark.parametrize("request_", [("dance",), ("score", "now", 1)])
def test_what_goes_wrong_reaches_the_parent_with_the_contestants_name(conversation, request_):
    pipe = conversation(known(lambda: None))
    pipe.recv()
    pipe.send(request_)
    failed, message = pipe.recv()
    assert failed
    assert message.startswith("known: ")


def test_a_contestant_that_cannot_be_made_says_why(conversation):
    def broken(_):
        raise ValueError("no such layer")

    failed, message = conversation(Contestant("broken", "", broken)).recv()
    assert failed
    assert message == "broken: ValueError: no such layer"


def test_a_turn_repeats_its_step_and_tells_the_time_of_one(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])

    def step():
        now[0] += 0.2

    assert timed_turn(step) == pytest.approx(0.2)
    assert now[0] == pytest.approx(0.6), "until half a second is over"


def test_a_score_is_of_the_span_alone():
    def silent_before_the_span(mixture, span):
        vocals = np.zeros_like(mixture)
        vocals[:, 100:300] = 1.0
        return vocals[:, span]

    use = Use(Way.LIVE, "", 1, 1, silent_before_the_span)
    assert score(use, SONG, 1.0, 2.0) > 60
    assert score(use, SONG, 0.0, 2.0) == pytest.approx(3.0, abs=0.1)


class Process:
    """Stands for a process in the orchestra: counts what it is asked."""

    played = []  # noqa: RUF012 -- shared on purpose: the order among processes

    def __init__(self, name):
        self.name = name
        missing = "gone is not installed" if name == "Open-Unmix" else ""
        use = peers_process.UseReport("live", "stream", 441, 1024, real_weights=True)
        self.hello = Hello("1.0", () if missing else (use,), missing)

    def step_seconds(self):
        Process.played.append(self.name)
        return {0: 0.9, 1: 0.01, 2: 0.02}[Process.played.count(self.name) % 3]

    def peak_mib(self):
        return 300.0

    def scores(self, *_):
        return [5.0]

    def close(self):
        Process.played.append(f"{self.name} ended")


@pytest.fixture
def orchestra(monkeypatch):
    monkeypatch.setattr(peers_process, "ContestantProcess", Process)
    monkeypatch.setattr(Process, "played", [])
    return Process.played


def test_contestants_take_turns_by_rounds_and_medians_count(orchestra):
    names = ["rocknet live", "Open-Unmix", "HTDemucs"]
    rows = peers.measure_peers(3, 0.0, 1.0, names)
    assert orchestra[:6] == ["rocknet live", "HTDemucs"] * 3
    assert sorted(orchestra[6:]) == sorted(f"{name} ended" for name in names)
    assert [row.name for row in rows] == names
    ours, gone, theirs = rows
    assert ours.step_ms == theirs.step_ms == pytest.approx(20.0)
    assert ours.realtime_factor == pytest.approx(2.0)
    assert theirs.over_ours == 1.0
    assert theirs.package == "demucs 1.0"
    assert gone.missing == "gone is not installed"


def test_the_command_writes_page_and_json(orchestra, tmp_path, capsys):
    page, file = tmp_path / "page.md", tmp_path / "peers.json"
    page.write_text("<!-- peers: generated -->\n<!-- end of peers -->\n")
    arguments = ["--rounds", "1", "--json", str(file), "--page", str(page)]
    assert peers.main(arguments) == 0
    assert "Open-Unmix: gone is not installed" in page.read_text()
    assert all(contestant.name in file.read_text() for contestant in CONTESTANTS)
    assert "**rocknet live**" in capsys.readouterr().out


def test_a_process_that_dies_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr(peers_process, "serve", _die)
    with pytest.raises(ContestantFailedError, match="ended with code 7"):
        peers_process.ContestantProcess("rocknet live")


def _die(*_):
    raise SystemExit(7)
