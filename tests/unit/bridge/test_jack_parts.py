"""The JACK client's own part, with a stand-in for JACK: ports, callbacks, latency, failures."""

import importlib
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import plugin_bridge
from plugin_bridge import jack_latency

RATE, BLOCK, LATENCY = 48000, 64, 1111
STEMS = ("mix", "vocals")


class Port:
    def __init__(self, name):
        self.name = name
        self.buffer = np.full(BLOCK, 9.0, np.float32)

    def get_array(self):
        return self.buffer


class Ports(list):
    def register(self, name):
        self.append(Port(name))
        return self[-1]

    @property
    def names(self):
        return [port.name for port in self]


class JackError(Exception):
    pass


class Client:
    """What ``jack.Client`` offers, without JACK."""

    latest = None
    failure = None

    def __init__(self, name, *, no_start_server, servername):
        if Client.failure is not None:
            raise Client.failure
        assert no_start_server
        Client.latest = self
        self.name, self.servername = f"{name}-01", servername
        self.samplerate, self.blocksize = RATE, BLOCK
        self.inports, self.outports = Ports(), Ports()
        self.connections = []
        self.is_active, self.is_open = False, True

    def set_process_callback(self, callback):
        self.process = callback

    def set_xrun_callback(self, callback):
        self.xrun = callback

    def set_shutdown_callback(self, callback):
        self.shutdown = callback

    def activate(self):
        self.is_active = True

    def connect(self, source, destination):
        self.connections.append(
            tuple(end.name if isinstance(end, Port) else end for end in (source, destination))
        )

    def close(self):
        self.is_open = False


class Live:
    """A live session that plays its input as the mix, and half of it as the vocals."""

    stems, rate_hz = STEMS, RATE
    latency = SimpleNamespace(total=LATENCY)

    def __init__(self, rate_hz, block_frames):
        self.opened_for = (rate_hz, block_frames)
        self.failure = None
        self.is_open = True

    def process(self, block):
        if self.failure is not None:
            raise self.failure
        return np.stack([block, 0.5 * block])

    def close(self):
        self.is_open = False


@pytest.fixture
def module(monkeypatch):
    """Import the JACK client as if the jack extra were installed, wherever it is not."""
    name = "plugin_bridge.jack_client"
    fake = ModuleType("jack")
    fake.Client, fake.JackError = Client, JackError
    monkeypatch.setitem(sys.modules, "jack", fake)
    monkeypatch.setitem(sys.modules, name, fake)  # so that undoing brings the real one back
    monkeypatch.setattr(plugin_bridge, "jack_client", fake, raising=False)
    del sys.modules[name]
    imported = importlib.import_module(name)
    monkeypatch.setattr(imported, "PortLatency", lambda *given: given)
    monkeypatch.setattr(Client, "failure", None)
    return imported


@pytest.fixture
def client(module):
    return module.StemsClient(Live, server_name="test")


def outputs(client):
    return np.stack([port.buffer for port in client._client.outports])


def feed(client, left, right):
    for port, value in zip(client._client.inports, (left, right), strict=True):
        port.buffer = np.full(BLOCK, value, np.float32)


def test_ports_are_a_pair_for_the_input_and_for_every_stem(client):
    assert client._client.inports.names == ["in_left", "in_right"]
    assert client._client.outports.names == ["mix_left", "mix_right", "vocals_left", "vocals_right"]
    assert (client.name, client._client.servername) == ("phoenix-stems-01", "test")


def test_the_session_has_jacks_rate_and_block_and_all_outputs_its_latency(client):
    assert client.session.opened_for == (RATE, BLOCK)
    registered, inputs, all_outputs, frames = client._latency
    assert registered is client._client
    assert inputs == list(client._client.inports)
    assert all_outputs == list(client._client.outports)
    assert frames == LATENCY


def test_nothing_runs_before_start(client):
    assert not client._client.is_active
    client.start()
    assert client._client.is_active


def test_stems_go_to_their_ports_side_by_side(client):
    feed(client, 0.5, -0.25)
    client._client.process(BLOCK)
    assert outputs(client)[:, 0].tolist() == [0.5, -0.25, 0.25, -0.125]
    assert np.ptp(outputs(client), axis=1).tolist() == [0.0] * 4
    assert client.statistics.failed_blocks == 0


def test_whatever_goes_wrong_is_silence_counted_and_told_and_the_next_block_plays(client):
    client.session.failure = ValueError("out of luck")
    client._client.process(BLOCK)
    assert not outputs(client).any()
    assert (client.failed_blocks, client.last_failure) == (1, "out of luck")
    client.session.failure = None
    feed(client, 0.5, 0.5)
    client._client.process(BLOCK)
    assert outputs(client).all()
    assert client.failed_blocks == 1


def test_another_block_length_is_silence_and_named(client):
    client._client.process(2 * BLOCK)
    assert not outputs(client).any()
    assert client.last_failure == "JACK changed its block from 64 to 128"


def test_xruns_are_counted(client):
    for delayed_us in (10.0, 200.0):
        client._client.xrun(delayed_us)
    statistics = client.statistics
    assert (statistics.rate_hz, statistics.block_frames) == (RATE, BLOCK)
    assert (statistics.xruns, statistics.failed_blocks) == (2, 0)


def test_a_shutdown_of_jack_is_noticed(client):
    assert not client.stopped.is_set()
    client._client.shutdown(1, "killed")
    assert client.stopped.is_set()
    assert client.last_failure == "JACK shut down: killed"


@pytest.mark.parametrize(
    ("sources", "destinations", "made"),
    [
        (["a", "b"], ["c"], [("a", "in_left"), ("b", "in_right"), ("mix_left", "c")]),
        ([], ["c", "d", "e"], [("mix_left", "c"), ("mix_right", "d")]),
        (["a"], [], [("a", "in_left")]),
    ],
)
def test_sources_go_to_the_inputs_and_the_mix_to_the_destinations(
    client, sources, destinations, made
):
    client.connect(sources, destinations)
    assert client._client.connections == made


def test_leaving_closes_jack_and_the_session(module):
    with module.StemsClient(Live) as client:
        assert client._client.is_open
    assert not client._client.is_open
    assert not client.session.is_open


def test_without_a_session_there_is_no_client(module):
    def refuse(_rate_hz, _block_frames):
        raise ConnectionError("no server")

    with pytest.raises(ConnectionError):
        module.StemsClient(refuse)
    assert not Client.latest.is_open


def test_without_jack_it_is_told_how_to_get_one(module):
    Client.failure = JackError("cannot connect")
    with pytest.raises(module.JackFailed, match=r"\(cannot connect\); start one, .*jackd -d alsa"):
        module.StemsClient(Live)


class Function:
    """A C function: takes attributes such as ``argtypes``, and calls Python."""

    def __init__(self, call):
        self._call = call

    def __call__(self, *arguments):
        return self._call(*arguments)


class Library:
    """libjack's part in latencies; ports are their names, ranges (min, max) by port and mode."""

    def __init__(self, ranges=None, refuses=0):
        self.ranges = ranges or {}
        self.callback = None
        self._refuses = refuses
        self.jack_set_latency_callback = Function(self._take)
        self.jack_port_get_latency_range = Function(self._get)
        self.jack_port_set_latency_range = Function(self._set)

    def _take(self, _client, callback, _argument):
        self.callback = callback
        return self._refuses

    def _get(self, port, mode, found):
        found._obj.min, found._obj.max = self.ranges[port, mode]

    def _set(self, port, mode, total):
        self.ranges[port, mode] = (total._obj.min, total._obj.max)


def port(name):
    return SimpleNamespace(_ptr=name)


@pytest.fixture
def install(monkeypatch):
    def use(library):
        monkeypatch.setattr(jack_latency, "find_library", lambda name: name)
        monkeypatch.setattr(jack_latency, "CDLL", lambda _name: library)
        monkeypatch.setattr(jack_latency, "_pointer", lambda pointer: pointer)
        return library

    return use


CAPTURE, PLAYBACK = 0, 1


@pytest.mark.parametrize(
    ("mode", "there", "here"),
    [(CAPTURE, ("in1", "in2"), ("out1", "out2")), (PLAYBACK, ("out1", "out2"), ("in1", "in2"))],
)
def test_each_side_gets_the_others_widest_range_and_our_latency(install, mode, there, here):
    library = install(Library({(there[0], mode): (10, 20), (there[1], mode): (5, 30)}))
    latency = jack_latency.PortLatency(
        port("client"), [port("in1"), port("in2")], [port("out1"), port("out2")], LATENCY
    )
    latency._update(mode, None)
    for name in here:
        assert library.ranges[name, mode] == (5 + LATENCY, 30 + LATENCY)
    assert library.ranges[there[0], mode] == (10, 20)
    assert (here[0], 1 - mode) not in library.ranges


def test_jack_calls_back_in_its_own_types(install):
    library = install(Library({("in1", CAPTURE): (1, 2)}))
    latency = jack_latency.PortLatency(port("client"), [port("in1")], [port("out1")], 7)
    library.callback(CAPTURE, None)
    assert latency is not None
    assert library.ranges["out1", CAPTURE] == (8, 9)


def test_a_callback_that_jack_does_not_take_is_an_error(install):
    install(Library(refuses=1))
    with pytest.raises(OSError, match="is the client active already"):
        jack_latency.PortLatency(port("client"), [port("in1")], [port("out1")], 7)


def test_a_ports_capture_latency_is_the_largest_of_its_paths(install):
    install(Library({("out1", CAPTURE): (3, 2**32 - 1)}))
    assert jack_latency.capture_latency_frames(port("out1")) == 2**32 - 1
