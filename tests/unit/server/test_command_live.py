"""``phoenix-stems live`` without JACK: what it opens, sets, waits for, reports and refuses."""

import json
import signal
import sys
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from plugin_bridge import BridgeError, LatencyBudget
from server.commands import live, main
from server.commands.rehearsal import Rehearsal

STEMS = ("vocals", "drums", "other")


@dataclass
class Statistics:
    """What the fake session and the fake JACK count."""

    blocks: int = 12
    late_blocks: int = 1
    xruns: int = 3


class FakeSession:
    """A live session that plays nothing and remembers what was set."""

    latency = LatencyBudget(256, 512, 512, 0, 0, 768)
    minimum_round_trip_samples = 200
    rate_hz = 44_100
    statistics = Statistics()

    def __init__(self, stems):
        self.stems = stems
        self.is_open = True
        self.settings = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_open = False

    def set(self, **settings):
        self.settings = settings


class FakeClient:
    """A JACK client without JACK, at 48 kHz in blocks of 128."""

    name = "phoenix-stems"
    last_failure = ""
    statistics = Statistics()
    made = ()

    def __init__(self, opener, server_name=None):
        self.server_name = server_name
        self.stopped = threading.Event()
        self.calls = []
        self.session = opener(48_000, 128)
        type(self).made = (*type(self).made, self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append("close")

    def start(self):
        self.calls.append("start")

    def connect(self, sources, sinks):
        self.calls.append(("connect", sources, sinks))


@pytest.fixture
def client(monkeypatch):
    """Put fakes for JACK, the session and the signals; gives the class of the client."""
    fake = type("Client", (FakeClient,), {"made": (), "sessions": []})

    def connect_live(endpoint, *, stems=(), **fields):
        session = FakeSession(stems or STEMS)
        fake.sessions.append((endpoint, fields, session))
        return session

    fake.handlers = {}
    monkeypatch.setitem(sys.modules, "plugin_bridge.jack_client", SimpleNamespace(StemsClient=fake))
    monkeypatch.setattr(live, "connect_live", connect_live)
    monkeypatch.setattr(live, "_LOOK_S", 0.001)
    monkeypatch.setattr(
        live.signal, "signal", lambda n, handler: fake.handlers.update({n: handler})
    )
    monkeypatch.setattr(live, "EmbeddedServer", lambda **_: pytest.fail("a server was started"))
    return fake


def run(*arguments):
    return main(["live", "--connect", "ipc:///there", "--seconds", "0.002", *arguments])


def test_the_session_has_jacks_rate_and_block_and_every_stem_and_the_mix(client):
    assert run("--model", "m", "--profile", "studio", "--round-trip", "99") == 0
    (_, asked, first), (endpoint, fields, session) = client.sessions
    assert endpoint == "ipc:///there"
    assert fields == asked
    assert fields == {
        "rate_hz": 48_000, "max_block_frames": 128, "model": "m", "profile": "studio",
        "round_trip_samples": 99,
    }  # fmt: skip
    assert not first.is_open, "it was asked for the stems only"
    assert session.stems == (*STEMS, "mix")


def test_the_round_trip_is_what_a_total_latency_leaves(client):
    assert run("--latency", "1900") == 0
    (_, first, _), (_, fields, _) = client.sessions
    assert (first["round_trip_samples"], fields["round_trip_samples"]) == (None, 1900 - 1280)


def test_a_latency_that_is_too_small_names_the_least(client, capsys):
    assert run("--latency", "1479") == 1
    assert "latency of 1479 samples: 1480 or more" in capsys.readouterr().err
    assert len(client.sessions) == 1


def test_auto_is_what_a_rehearsal_finds(client, monkeypatch, capsys):
    asked = []

    def rehearse(connect, **how):
        asked.append(how)
        with connect(round_trip_samples=4800):
            return Rehearsal(333, 1613, late_blocks=0)

    monkeypatch.setattr(live, "rehearse", rehearse)
    assert run("--latency", "auto") == 0
    assert asked == [{"rate_hz": 48_000, "block_frames": 128}]
    granted = [fields["round_trip_samples"] for _, fields, _ in client.sessions]
    assert granted == [None, 4800, 333]
    assert "rehearsing for 10 s" in capsys.readouterr().out


def test_a_machine_that_is_late_in_the_rehearsal_is_told(client, monkeypatch, capsys):
    monkeypatch.setattr(live, "rehearse", lambda *_, **__: Rehearsal(5000, 6280, late_blocks=7))
    assert run("--latency", "auto") == 1
    assert "7 blocks were late in the rehearsal" in capsys.readouterr().err
    assert len(client.sessions) == 1


@pytest.mark.parametrize("latency", ["0", "-5", "small", "1.5"])
def test_a_latency_is_a_number_of_samples_or_auto(client, latency, capsys):
    with pytest.raises(SystemExit):
        run(f"--latency={latency}")
    assert "a number of samples, or auto" in capsys.readouterr().err
    assert not client.sessions


def test_latency_and_round_trip_are_either_or(client, capsys):
    with pytest.raises(SystemExit):
        run("--latency", "2000", "--round-trip", "768")
    assert "not allowed with" in capsys.readouterr().err
    assert not client.sessions


def test_ports_are_connected_once_it_runs_and_closed_at_the_end(client):
    assert run("--from", "a:1,a:2", "--to", "b:1,b:2", "--jack-server", "name") == 0
    (made,) = client.made
    assert made.calls == ["start", ("connect", ("a:1", "a:2"), ("b:1", "b:2")), "close"]
    assert made.server_name == "name"


def test_the_mix_is_set_before_anything_plays(client):
    assert run("--gain", "vocals=-6", "--gain", "drums=3", "--mute", "other") == 0
    assert client.made[0].session.settings == {
        "gains_db": {"vocals": -6.0, "drums": 3.0}, "mute": ("other",), "solo": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["--gain", "kazoo=1"], ["--mute", "vocals,kazoo"], ["--solo", "kazoo"]]
)
def test_a_stem_that_is_not_there_is_refused_before_it_starts(client, arguments, capsys):
    assert run(*arguments) == 1
    assert "stem 'kazoo': vocals, drums, other allowed" in capsys.readouterr().err
    assert client.made[0].calls == ["close"]


def test_the_mix_is_no_stem_of_itself(client, capsys):
    assert run("--mute", "mix") == 1
    assert "stem 'mix'" in capsys.readouterr().err


def test_it_says_what_it_plays_and_what_it_counted(client, tmp_path, capsys):
    file = tmp_path / "live.json"
    assert run("--json", str(file)) == 0
    started, ended = capsys.readouterr().out.splitlines()
    assert "stems vocals, drums, other, mix; latency 2048 samples (46.4 ms)" in started
    assert ended == "12 blocks, 1 late, 3 xruns"
    figures = json.loads(file.read_text())
    assert figures["latency_samples"]["total"] == 2048
    assert figures["live"]["late_blocks"] == 1
    assert figures["jack"]["xruns"] == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(client, monkeypatch, number):
    monkeypatch.setattr(client, "start", lambda _self: client.handlers[number](number, None))
    assert main(["live", "--connect", "ipc:///there"]) == 0
    assert client.made[0].calls[-1] == "close"


def test_jack_that_goes_away_is_told(client, monkeypatch, capsys):
    def start(self):
        self.last_failure = "JACK server shut down"
        self.stopped.set()

    monkeypatch.setattr(client, "start", start)
    assert main(["live", "--connect", "ipc:///there"]) == 1
    assert capsys.readouterr().err == "phoenix-stems live: JACK server shut down\n"


def test_no_jack_is_told(client, monkeypatch, capsys):
    def fail(*_, **__):
        raise BridgeError("no JACK server runs; start one")

    monkeypatch.setattr(client, "__init__", fail)
    assert run() == 1
    assert "no JACK server runs" in capsys.readouterr().err


def test_without_an_endpoint_a_server_of_its_own_runs_meanwhile(client, monkeypatch):
    events = []

    class Server:
        endpoint = "ipc:///own"

        def __init__(self, **fields):
            events.append(fields)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            events.append("ended after " + str(client.made[0].calls[-1]))

    monkeypatch.setattr(live, "EmbeddedServer", Server)
    assert main(["live", "--seconds", "0.002", "--model", "m"]) == 0
    assert events == [{"model": "m", "profile": "live"}, "ended after close"]
    assert client.sessions[-1][0] == "ipc:///own"
