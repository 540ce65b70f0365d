"""The blocking session against a fake server on a real socket."""

import threading
import time

import numpy as np
import pytest
from fake_server import CREDIT, GAINS, SocketServer
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge import (
    BadAudio,
    RedirectLoop,
    ServerLost,
    ServerUnreachable,
    SessionClosed,
    connect,
    join,
)
from plugin_bridge.handshake import StreamRequest
from plugin_bridge.session import Session
from protocol import Audio, ServerFull, UnknownModel, UnknownStem


def expected(dry):
    return np.stack([np.float32(gain) * dry for gain in GAINS.values()])


def test_the_result_is_as_long_as_the_input_and_aligned(served, noise):
    with connect(served.endpoint) as session:
        result = join(session.separate(noise))
    assert result.stems == tuple(GAINS)
    assert np.array_equal(result.samples, expected(noise))
    assert np.array_equal(result["drums"], np.float32(0.25) * noise)


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=12))
def test_any_cut_of_the_input_gives_the_same(tmp_path_factory, sizes):
    noise = np.random.default_rng(5).uniform(-1, 1, (2, sum(sizes))).astype(np.float32)
    blocks = np.split(noise, np.cumsum(sizes)[:-1], axis=1)
    endpoint = f"ipc://{tmp_path_factory.mktemp('cut')}/s.sock"
    with SocketServer(endpoint), connect(endpoint) as session:
        parts = list(session.separate(blocks))
    total = np.concatenate([part.samples for part in parts], axis=2) if parts else None
    assert total is None if not sum(sizes) else np.array_equal(total, expected(noise))


def test_credit_is_never_exceeded(served, noise):
    ahead = []
    server = served.server
    handle = server.handle

    def watch(message):
        if isinstance(message, Audio):
            end = message.position_samples + message.samples.shape[1]
            ahead.append(end - server.stream.answered)
        return handle(message)

    server.handle = watch
    with connect(served.endpoint) as session:
        list(session.separate(noise))
    assert max(ahead) <= CREDIT
    assert max(ahead) > CREDIT // 2


def test_a_second_piece_starts_where_the_first_ended(served, noise):
    with connect(served.endpoint) as session:
        list(session.separate(noise))
        second = join(session.separate(noise[:, ::-1]))
    assert second.position_samples == noise.shape[1]
    assert np.array_equal(second.samples, expected(noise[:, ::-1]))


def test_leaving_early_loses_nothing_that_flush_cannot_bring(served, noise):
    with connect(served.endpoint) as session:
        first = next(session.separate(noise))
        rest = session.flush()
        sent = session.statistics.sent_frames
        assert np.array_equal(join([first, *rest]).samples, expected(noise[:, :sent]))
        again = join(session.separate(noise))
    assert np.array_equal(again.samples, expected(noise))


def test_seek_moves_the_next_piece(served, noise):
    with connect(served.endpoint) as session:
        next(session.separate(noise))
        session.seek(1000)
        result = join(session.separate(noise))
    assert result.position_samples == 1000
    assert np.array_equal(result.samples, expected(noise))


def test_changes_hold_when_set_returns(served, noise):
    with connect(served.endpoint) as session:
        session.set(gains_db={"vocals": -3}, stems=["drums"])
        assert session.stems == ("drums",)
        assert served.server.stream.gains_db == {"vocals": -3.0}
        result = join(session.separate(noise))
    assert np.array_equal(result["drums"], np.float32(0.25) * noise)
    with pytest.raises(KeyError, match="drums are there"):
        _ = result["vocals"]


def test_changes_may_come_between_blocks(served, noise):
    with connect(served.endpoint) as session:
        frames = 0
        for index, block in enumerate(session.separate(noise)):
            if index == 2:
                session.set(stems=["vocals"])
            frames += block.frames
        assert block.stems == ("vocals",)
    assert frames == noise.shape[1]


def test_a_refused_change_leaves_the_session_usable(served, noise):
    with connect(served.endpoint) as session:
        with pytest.raises(UnknownStem, match="mix allowed"):
            session.set(stems=["kazoo"])
        assert np.array_equal(join(session.separate(noise)).samples, expected(noise))


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (np.zeros((3, 10), np.float32), r"\[2, frames\] required"),
        (np.zeros((10, 2), np.float32), "transpose it"),
        (np.zeros((1, 10), np.float32), "channels=1"),
        (np.zeros((2, 10), np.int16), "float32 or float64 required.*divide 16-bit"),
        (np.zeros(10, np.float32), "channels first"),
    ],
)
def test_bad_audio_is_refused_by_name_and_the_session_goes_on(served, noise, bad, told):
    with connect(served.endpoint) as session:
        with pytest.raises(BadAudio, match=told):
            list(session.separate(bad))
        assert np.array_equal(join(session.separate(noise)).samples, expected(noise))


def test_float64_is_taken(served, noise):
    with connect(served.endpoint) as session:
        result = join(session.separate(noise.astype(np.float64)))
    assert np.array_equal(result.samples, expected(noise))


def test_the_servers_refusal_comes_through(served):
    with pytest.raises(UnknownModel, match="fake allowed"):
        connect(served.endpoint, model="nothing")
    served.server.refuse_open = ServerFull("no room")
    with pytest.raises(ServerFull, match="no room"):
        connect(served.endpoint)


def test_no_server_is_told_within_the_time_limit(tmp_path):
    with pytest.raises(ServerUnreachable, match="phoenix-stems serve"):
        connect(f"ipc://{tmp_path}/nobody", timeout_s=0.3)
    with pytest.raises(ServerUnreachable, match="expected, as"):
        connect("nonsense", timeout_s=0.3)


def test_a_server_that_starts_late_is_found(tmp_path, noise):
    endpoint = f"ipc://{tmp_path}/late"
    started = []
    timer = threading.Timer(0.3, lambda: started.append(SocketServer(endpoint)))
    timer.start()
    with connect(endpoint, timeout_s=5) as session:
        assert np.array_equal(join(session.separate(noise)).samples, expected(noise))
    started[0].stop()


def test_redirects_are_followed_and_loops_are_not(served, tmp_path, noise):
    with SocketServer(f"ipc://{tmp_path}/other.sock") as other:
        served.server.redirect = other.endpoint
        with connect(served.endpoint) as session:
            assert np.array_equal(join(session.separate(noise)).samples, expected(noise))
        other.server.redirect = served.endpoint
        with pytest.raises(RedirectLoop, match="none back"):
            connect(served.endpoint)


def test_a_server_that_dies_midway_is_told_soon(served, noise):
    request = StreamRequest(44100, 2, 512)
    session = Session(served.endpoint, request, silence_timeout_s=20)
    separation = session.separate([noise] * 100)
    next(separation)
    served.stop()
    with pytest.raises(ServerLost):
        list(separation)
    session.close()


def test_a_server_that_hangs_is_given_up(served, noise):
    request = StreamRequest(44100, 2, 512)
    session = Session(served.endpoint, request, silence_timeout_s=1.5)
    served.server.is_mute = True
    with pytest.raises(ServerLost, match=r"1\.5 s"):
        list(session.separate(noise))
    session.close()


def test_a_gap_in_a_lossless_stream_is_an_error(served, noise):
    with Session(served.endpoint, StreamRequest(44100, 2, 512)) as session:
        served.server.skip_stems = 1
        with pytest.raises(ServerLost, match="no gaps"):
            list(session.separate(noise))


def test_a_closed_session_says_so_and_closes_twice(served, noise):
    session = connect(served.endpoint)
    session.close()
    session.close()
    assert served.server.stream is None
    with pytest.raises(SessionClosed):
        list(session.separate(noise))


def test_an_idle_session_keeps_itself_alive(served, monkeypatch):
    monkeypatch.setattr("plugin_bridge.session.KEEP_ALIVE_S", 0.05)
    with connect(served.endpoint):
        waiting = 100
        while waiting and not any(m.kind == "ping" for m in served.server.log):
            waiting -= 1
            time.sleep(0.05)
    assert waiting
