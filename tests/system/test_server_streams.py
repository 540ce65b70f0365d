"""A stream's life against a real server: what goes in comes out, aligned."""

import numpy as np
import pytest
from server_client import RawClient, expected, joined, noise, running_server

from protocol import (
    Applied,
    Audio,
    Close,
    Closed,
    Error,
    Flush,
    Flushed,
    Open,
    Opened,
    Ping,
    Pong,
    Preroll,
    Seek,
    Set,
    Stems,
)


@pytest.fixture(scope="module", params=[1, 3], ids=["a live thread", "three live threads"])
def endpoint(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("server")
    with running_server(directory, live_threads=request.param) as server:
        yield server.endpoint


@pytest.fixture
def client(endpoint):
    with RawClient(endpoint) as client:
        yield client


def test_welcome_names_the_models_and_limits(client):
    names = [model.name for model in client.welcome.models]
    assert "fixed-gains" in names
    assert client.welcome.default_model == "fixed-gains"
    assert client.welcome.server.startswith("phoenix-stems/")


def test_opened_says_how_the_stream_will_run(client):
    opened = client.open(round_trip_samples=768)
    assert (opened.model, opened.profile) == ("fixed-gains", "live")
    assert opened.stems == ("vocals", "drums", "other")
    assert opened.latency.total == 1024
    assert opened.minimum_round_trip_samples <= 768
    assert opened.preroll_frames == 8 * 44100
    assert opened.credit_frames == 0


@pytest.mark.parametrize("block_frames", [16, 256, 2027, 8192])
def test_stems_are_the_models_and_sum_to_the_dry(client, block_frames):
    dry = noise(20_000)
    client.open(freewheel=True)
    stems = client.separate(dry, block_frames)
    np.testing.assert_array_equal(stems, expected(dry))


@pytest.mark.parametrize("rate_hz", [8000, 48000, 192000])
def test_every_rate_comes_back_aligned(client, rate_hz):
    frames = rate_hz // 4
    time_s = np.arange(frames) / rate_hz
    dry = np.tile(0.5 * np.sin(2 * np.pi * 440 * time_s), (2, 1)).astype(np.float32)
    opened = client.open(rate_hz=rate_hz, freewheel=True)
    stems = client.separate(dry, 1024)
    assert opened.latency.resampler > 0
    np.testing.assert_allclose(stems.sum(axis=0), dry, atol=1e-6)
    middle = slice(frames // 4, -frames // 4)
    np.testing.assert_allclose(stems[0][:, middle], 0.5 * dry[:, middle], atol=2e-3)


def test_mono_stays_mono(client):
    dry = noise(5000, channels=1)
    client.open(channels=1, freewheel=True)
    np.testing.assert_allclose(client.separate(dry), expected(dry), atol=1e-7)


def test_the_latency_promise_holds_to_the_sample(client):
    """Sample n is out once n + total samples are in, sent one by one around the boundary."""
    opened = client.open(freewheel=True)
    total = opened.latency.total
    client.audio(noise(total - 1))
    client.send(Ping(1))
    assert not [m for m in messages_until_pong(client) if isinstance(m, Stems)]
    client.audio(noise(1), total - 1)
    stems = client.expect(Stems)
    assert stems.position_samples == 0


def messages_until_pong(client):
    messages = []
    while not isinstance(message := client.receive(), Pong):
        messages.append(message)
    return messages


def test_reordered_and_duplicated_blocks_change_nothing(client):
    dry = noise(4096)
    client.open(freewheel=True)
    for position in (256, 0, 0, 512, 1024, 768, 768, 1280):
        client.audio(dry[:, position : position + 256], position)
    for position in range(1536, 4096, 256):
        client.audio(dry[:, position : position + 256], position)
    np.testing.assert_array_equal(joined(client.flush()[0]), expected(dry))


def test_a_lost_block_is_silence_and_is_counted(client):
    dry = noise(44_100)
    client.open(freewheel=True, max_block_frames=256)
    for position in range(0, 44_100, 256):
        if position != 2560:
            client.audio(dry[:, position : position + 256], position)
    stems, _ = client.flush()
    dry[:, 2560:2816] = 0
    np.testing.assert_array_equal(joined(stems), expected(dry))
    assert stems[-1].dropped_frames == 256
    assert client.close_stream().dropped_frames == 256


def test_requested_stems_come_in_the_order_asked_for(client):
    dry = noise(3000)
    opened = client.open(stems=("drums", "mix"), freewheel=True)
    assert opened.stems == ("drums", "mix")
    stems = client.separate(dry)
    np.testing.assert_array_equal(stems[0], expected(dry)[1])
    np.testing.assert_allclose(stems[1], dry, atol=1e-7)


def test_gains_apply_to_the_mix_alone(client):
    dry = noise(44_100)
    client.open(stems=("vocals", "mix"), freewheel=True)
    applied = client.ask(Set(1, gains_db={"vocals": -120.0}, mute=("drums",)), Applied)
    assert applied.position_samples == 0
    stems = client.separate(dry, 4096)
    np.testing.assert_array_equal(stems[0], expected(dry)[0])
    tail = slice(22_050, None)
    np.testing.assert_allclose(stems[1][:, tail], 0.25 * dry[:, tail], atol=1e-5)


def test_stems_change_on_the_fly(client):
    client.open(freewheel=True)
    client.audio(noise(4096))
    client.send(Set(1, stems=("other",)))
    before, applied = client.collect_until(Applied)
    assert before[-1].stems == ("vocals", "drums", "other")
    assert applied.stems == ("other",)
    after, _ = client.flush()
    assert {block.stems for block in after} == {("other",)}
    assert after[0].position_samples == applied.position_samples


def test_naming_the_running_model_again_changes_nothing(client):
    client.open()
    applied = client.ask(Set(1, model="fixed-gains"), Applied)
    assert (applied.model, applied.stems) == ("fixed-gains", ("vocals", "drums", "other"))


def test_seek_starts_anew_anywhere(client):
    dry = noise(4096)
    client.open(freewheel=True)
    client.separate(noise(2048, seed=1))
    client.send(Seek(1, 1_000_003))
    blocks = []
    for start in range(0, 4096, 512):
        client.audio(dry[:, start : start + 512], 1_000_003 + start)
    blocks, flushed = client.flush()
    assert blocks[0].position_samples == 1_000_003
    assert flushed.position_samples == 1_000_003 + 4096
    np.testing.assert_array_equal(joined(blocks), expected(dry))


def test_preroll_in_parts_gives_no_stems_and_the_next_block_follows(client):
    dry = noise(30_000)
    client.open(position_samples=20_000, freewheel=True)
    client.send(Preroll(1, 0, dry[:, :12_000], last=False))
    client.send(Preroll(1, 12_000, dry[:, 12_000:20_000], last=True))
    stems = client.separate(dry[:, 20_000:], 1000, position_samples=20_000)
    np.testing.assert_array_equal(stems, expected(dry[:, 20_000:]))


def test_preroll_parts_must_join(client):
    client.open()
    client.send(Preroll(1, 0, noise(100), last=False))
    client.send(Preroll(1, 101, noise(100)))
    assert client.expect(Error).code == "E106"


def test_flush_ends_exactly_at_the_end_of_the_input(client):
    client.open(position_samples=77, freewheel=True)
    client.audio(noise(1001), 77)
    stems, flushed = client.flush()
    assert flushed.position_samples == 77 + 1001
    assert joined(stems).shape[-1] == 1001


def test_flush_of_nothing_is_answered(client):
    client.open()
    assert client.ask(Flush(1), Flushed).position_samples == 0


def test_closed_tells_the_totals_and_frees_the_number(client):
    client.open()
    client.audio(noise(256))
    client.audio(noise(256), 256)
    assert client.close_stream().blocks == 2
    client.open()


def test_close_while_the_model_loads_is_answered(client):
    client.send(Open(1, 44100, 2, 256))
    client.send(Close(1))
    client.send(Ping(1))
    kinds = [type(message) for message in messages_until_pong(client)]
    assert kinds in ([Opened, Closed], [Closed])
    client.open(1)


def test_long_stems_are_split_to_what_a_message_may_hold(client):
    dry = noise(200_000)
    client.open(profile="offline", freewheel=True)
    position = received_end = 0
    blocks = []
    while position < dry.shape[1]:
        client.audio(dry[:, position : position + 8192], position)
        position += 8192
        while position - received_end > 100_000:
            blocks.append(client.expect(Stems))
            received_end = blocks[-1].position_samples + blocks[-1].samples.shape[-1]
    blocks += client.flush()[0]
    assert max(block.samples.shape[-1] for block in blocks) <= 8192
    np.testing.assert_array_equal(joined(blocks), expected(dry))


def test_live_streams_of_one_connection_do_not_mix(client):
    signals = {number: noise(6 * 512, seed=number) for number in range(4)}
    for number in signals:
        client.open(number, round_trip_samples=44_100)
    for start in range(0, 6 * 512, 256):
        for number, dry in signals.items():
            client.send(Audio(number, start // 256, start, dry[:, start : start + 256].copy()))
    heard = {number: [] for number in signals}
    while any(frames_of(blocks) < 4 * 512 for blocks in heard.values()):
        block = client.expect(Stems)
        heard[block.stream].append(block)
    for number, dry in signals.items():
        assert heard[number][0].position_samples == 0
        stems = joined(heard[number])
        np.testing.assert_array_equal(stems, expected(dry)[..., : stems.shape[-1]])


def frames_of(blocks):
    return sum(block.samples.shape[-1] for block in blocks)


def test_many_streams_of_one_connection_do_not_mix(client):
    signals = {number: noise(3000, seed=number) for number in (0, 7, 2**32 - 1)}
    for number in signals:
        client.open(number, freewheel=True)
    for start in range(0, 3000, 500):
        for number, dry in signals.items():
            client.send(Audio(number, start // 500, start, dry[:, start : start + 500].copy()))
    for number in signals:
        client.send(Flush(number))
    stems = {number: [] for number in signals}
    for _ in signals:
        before, _ = client.collect_until(Flushed)
        for block in before:
            stems[block.stream].append(block)
    for number, dry in signals.items():
        np.testing.assert_array_equal(joined(stems[number]), expected(dry))
