"""Opening and switching: what the catalogue refuses reaches the client by code, each alone."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_client import RawClient, expected, joined, noise, running_server

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks.fixed_gains import PROFILES, FixedGainsSeparator
from dsp.networks.registry import available_models, load_model
from dsp.separator import Lane
from protocol import (
    Applied,
    Audio,
    Error,
    LatencyTooSmall,
    Open,
    Set,
    Stems,
    UnknownModel,
    UnknownProfile,
    UnknownStem,
)
from server.config import build
from server.errors import WarmUpError
from server.lanes.admission import Admission
from server.lanes.hop_costs import HopCosts
from server.sessions import opening as opening_module
from server.sessions.opening import StreamOpener, check_stems
from server.streams import catalogue as catalogue_module
from server.streams.catalogue import Catalogue
from server.streams.counters import Counters

OTHER_MODEL = next(model.name for model in available_models() if model.name != "fixed-gains")


def make_opener(catalogue, config):
    costs = HopCosts(time.monotonic)
    return StreamOpener(catalogue, config, costs, Admission(config.limits.live_load, costs))


@pytest.fixture
def opener():
    config = build({"endpoint": "tcp://127.0.0.1:*", "model": "fixed-gains"})
    opener = make_opener(Catalogue(), config)
    yield opener
    opener.stop()


def outcome(start):
    """Return what one of the opener's callbacks was given."""
    done, results = threading.Event(), []

    def take(result):
        results.append(result)
        done.set()

    start(take, take)
    assert done.wait(10)
    (result,) = results
    return result


def opened(opener, **fields):
    request = Open(1, **({"rate_hz": 44_100, "channels": 2, "max_block_frames": 256} | fields))
    return outcome(lambda good, bad: opener.open(request, Counters(), good, bad))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "nope"}, UnknownModel),
        ({"profile": "nope"}, UnknownProfile),
        ({"stems": ("vocals", "kazoo")}, UnknownStem),
        ({"round_trip_samples": 1}, LatencyTooSmall),
    ],
)
def test_what_cannot_be_opened_fails_with_the_clients_error(opener, fields, kind):
    assert isinstance(opened(opener, **fields), kind)
    assert opened(opener).opened.model == "fixed-gains", "the opener goes on"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_lossless_stream_never_stands_before_live_ones(opener, profile):
    assert opened(opener, profile=profile, freewheel=True).lane is Lane.BACKGROUND
    assert opened(opener, profile=profile).lane is PROFILES[profile].lane


def test_a_lossless_stream_has_credit_and_no_round_trip(opener):
    lossless, live = opened(opener, freewheel=True).opened, opened(opener).opened
    assert lossless.credit_frames == lossless.latency.total + 44_100
    assert (lossless.minimum_round_trip_samples, live.credit_frames) == (0, 0)
    assert live.minimum_round_trip_samples > 0


@given(round_trip=st.integers(768, 44_100), block_frames=st.sampled_from([16, 256, 8192]))
def test_a_live_inbox_holds_the_latency_and_what_may_be_caught_up(round_trip, block_frames):
    config = build({"queues.catch_up_ms": 1000.0, "model": "fixed-gains"})
    opener = make_opener(CATALOGUE, config)
    request = Open(1, 44_100, 2, block_frames, round_trip_samples=round_trip)
    opening = opener._opening(request, Counters())
    assert opening.live_frames == 1024 + block_frames + round_trip
    assert opening.inbox_frames == opening.live_frames + 44_100
    assert opening.answer_within_s == round_trip / 44_100


class _QuickCatalogue(Catalogue):
    """Does not time hops: a busy machine would refuse small round trips."""

    def hop_seconds(self, _model, _profile):
        return 0.0001


CATALOGUE = _QuickCatalogue()


@given(st.lists(st.sampled_from(["vocals", "drums", "other", "mix", "kazoo", ""]), max_size=5))
def test_stems_are_the_models_or_mix_and_every_other_is_named(names):
    wrong = [name for name in names if name in {"kazoo", ""}]
    if not wrong:
        check_stems(tuple(names), ("vocals", "drums", "other"))
        return
    with pytest.raises(UnknownStem) as error:
        check_stems(tuple(names), ("vocals", "drums", "other"))
    assert error.value.reason == (
        f"stem {', '.join(map(repr, wrong))}: vocals, drums, other or mix allowed"
    )


def test_what_waits_when_the_opener_stops_is_forgotten(opener, monkeypatch):
    gate, started, called = threading.Event(), threading.Event(), []

    def wait(*_):
        started.set()
        gate.wait(10)

    monkeypatch.setattr(opener, "_opening", wait)
    for _ in range(3):
        opener.open(Open(1, 44_100, 2, 256), Counters(), called.append, called.append)
    assert started.wait(10)
    opener.stop()
    gate.set()
    opener._executor.shutdown(wait=True)
    assert called == [None], "the one that ran; the two that waited are neither opened nor failed"


def test_a_start_model_that_fails_names_model_and_profile(opener, monkeypatch):
    def fail(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(opening_module, "StreamPipeline", fail)
    with pytest.raises(WarmUpError, match="model 'fixed-gains', profile 'live': no room"):
        opener.warm_up()


def test_a_start_profile_of_the_background_lane_is_run_but_not_timed(monkeypatch):
    config = build({"endpoint": "tcp://127.0.0.1:*", "model": "fixed-gains", "profile": "offline"})
    catalogue, pushed = Catalogue(), []
    monkeypatch.setattr(catalogue, "hops", lambda *_: pytest.fail("it was timed"))
    push = FixedGainsSeparator.push
    monkeypatch.setattr(
        FixedGainsSeparator, "push", lambda *given: pushed.append(1) or push(*given)
    )
    make_opener(catalogue, config).warm_up()
    assert pushed


def test_a_model_is_loaded_and_timed_once(monkeypatch):
    loads, timed = [], []
    monkeypatch.setattr(
        catalogue_module, "load_model", lambda name: loads.append(name) or load_model(name)
    )
    monkeypatch.setattr(
        catalogue_module, "measure_hops", lambda _: timed.append(1) or [0.5, float(len(timed))]
    )
    catalogue = Catalogue()
    model = catalogue.model("fixed-gains")
    assert catalogue.model("fixed-gains") is model
    assert [catalogue.hop_seconds(model, name) for name in ("live", "live", "studio")] == [1, 1, 2]
    assert (loads, len(timed)) == (["fixed-gains"], 2)


def test_what_failed_to_load_is_tried_again(monkeypatch):
    """Weights may be installed while the server runs."""
    answers = iter([WeightsMissingError("run: pip install weights"), load_model("fixed-gains")])

    def load(_name):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(catalogue_module, "load_model", load)
    catalogue = Catalogue()
    with pytest.raises(catalogue_module.ModelUnavailable, match="pip install"):
        catalogue.model("fixed-gains")
    assert catalogue.model("fixed-gains").name == "fixed-gains"


@pytest.fixture
def server(tmp_path):
    with running_server(tmp_path) as server:
        yield server


@pytest.mark.parametrize("error", [WeightsMissingError, WeightsCorruptError])
def test_missing_or_corrupt_weights_leave_running_streams_alone(server, monkeypatch, error):
    def fail(_name):
        raise error("run: pip install weights")

    dry = noise(20_000)
    with RawClient(server.endpoint) as good, RawClient(server.endpoint) as other:
        good.open(freewheel=True)
        for position in range(0, 10_000, 500):
            good.audio(dry[:, position : position + 500], position)
        monkeypatch.setattr(catalogue_module, "load_model", fail)
        answer = other.ask(Open(1, 44_100, 2, 256, model=OTHER_MODEL), Error)
        assert (answer.code, "pip install" in answer.reason) == ("E208", True)
        for position in range(10_000, 20_000, 500):
            good.audio(dry[:, position : position + 500], position)
        np.testing.assert_array_equal(joined(good.flush()[0]), expected(dry))


@pytest.mark.parametrize("model", ["nope", OTHER_MODEL])
def test_a_switch_that_fails_while_streaming_changes_no_sample(server, monkeypatch, model):
    def fail(_name):
        raise WeightsMissingError("run: pip install weights")

    monkeypatch.setattr(catalogue_module, "load_model", fail)
    dry = noise(20_000)
    with RawClient(server.endpoint) as client:
        client.open(freewheel=True)
        for sequence, position in enumerate(range(0, 20_000, 1000)):
            if sequence == 10:
                client.send(Set(1, model=model, mute=("vocals",)))
            client.send(Audio(1, sequence, position, dry[:, position : position + 1000].copy()))
        blocks, error = client.collect_until(Error)
        assert (error.code, error.stream) == ({"nope": "E201"}.get(model, "E208"), 1)
        blocks += client.flush()[0]
        np.testing.assert_array_equal(joined(blocks), expected(dry))
        assert client.ask(Set(1), Applied).model == "fixed-gains"


def test_closing_while_a_switch_loads_gives_no_late_answer(server, monkeypatch):
    gate = threading.Event()

    def slow(_name):
        gate.wait(10)
        raise WeightsMissingError("too late")

    monkeypatch.setattr(catalogue_module, "load_model", slow)
    with RawClient(server.endpoint) as client:
        client.open()
        client.send(Set(1, model=OTHER_MODEL))
        client.close_stream()
        gate.set()
        client.open(2)  # behind the switch on the opener's thread, so its answer would be here
        assert not [message for message in client.seen if isinstance(message, Error | Stems)]
