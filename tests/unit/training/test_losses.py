import numpy as np
import pytest
import torch

from dsp.networks.live_network import filtering_windows
from dsp.networks.phoenix_network import extended
from dsp.networks.phoenix_shape import BINS
from dsp.stft import analyse, synthesise
from dsp.training.losses import FrameBank, relative_error_db, usdr_db

SAMPLES = 512 * 40


@pytest.fixture
def audio():
    return torch.randn(2, SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1


@pytest.mark.parametrize("hop", [512, 1024])
def test_training_sees_the_frames_of_a_stream(audio, hop):
    streamed = analyse(audio.numpy(), filtering_windows())[:, hop // 512 - 1 :: hop // 512]
    trained = FrameBank(filtering_windows(), hop).spectra(audio)
    np.testing.assert_allclose(trained.numpy(), streamed, atol=1e-4)


def test_the_newest_samples_add_up_to_what_a_stream_plays(audio):
    windows = filtering_windows()
    bank = FrameBank(windows, 512)
    spectra = bank.spectra(audio) * 0.5
    newest = bank.newest(spectra)
    # A hop of output is the older half of one frame's newest samples and the newer of the last's.
    played = newest[:, 1:, :512] + newest[:, :-1, 512:]
    expected = synthesise(spectra.numpy()[None], windows)[0]
    np.testing.assert_allclose(
        played.flatten(1).numpy()[:, : expected.shape[1]], expected, atol=1e-5
    )


def test_unchanged_spectra_give_the_newest_samples_without_transforms(audio):
    bank = FrameBank(filtering_windows(), 1024)
    direct = bank.newest_of(audio)
    torch.testing.assert_close(bank.newest(bank.spectra(audio)), direct, rtol=0.0, atol=1e-5)


def test_the_error_is_relative_to_the_mixture_and_per_item(audio):
    mixture = torch.stack([audio, 10.0 * audio])
    voice = 0.5 * mixture
    errors = relative_error_db(voice + 0.1 * mixture, voice, mixture)
    expected = 10.0 * np.log10(0.01 + 0.01)
    np.testing.assert_allclose(errors.numpy(), [expected, expected], atol=0.01)


@pytest.mark.parametrize(
    ("share", "floor_db"), [(0.0, -40.0), (0.01, -20.0), (0.5, -20.0), (0.99, -20.0), (1.0, -40.0)]
)
def test_a_perfect_estimate_reaches_the_floor_a_lower_one_where_a_side_is_silent(
    audio, share, floor_db
):
    voice = share * audio[None]
    error = relative_error_db(voice, voice, audio[None])
    assert error.item() == pytest.approx(floor_db, abs=1e-3)


def test_each_item_has_its_own_floor(audio):
    mixtures = torch.stack([audio, audio])
    voices = torch.stack([0.0 * audio, 0.3 * audio])
    errors = relative_error_db(voices, voices, mixtures)
    np.testing.assert_allclose(errors.numpy(), [-40.0, -20.0], atol=1e-3)


def test_silence_everywhere_is_no_trouble(audio):
    silence = torch.zeros(1, 2, 64, requires_grad=True)
    error = relative_error_db(silence, torch.zeros(1, 2, 64), torch.zeros(1, 2, 64))
    error.sum().backward()
    assert error.item() == pytest.approx(-40.0)
    assert torch.isfinite(silence.grad).all()


def test_a_mask_goes_on_above_its_last_bin_as_its_upper_edge_does():
    mask = torch.zeros(1, 2, 3, BINS)
    mask[..., -32:] = torch.linspace(0, 1, 32)
    whole = extended(mask, 2049)
    assert whole.shape == (1, 2, 3, 2049)
    torch.testing.assert_close(whole[..., BINS:], torch.full((1, 2, 3, 2049 - BINS), 0.5))


def test_usdr_by_hand():
    reference = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    estimate = np.array([[3.0, 4.0], [0.5, 0.0]], np.float32)
    assert usdr_db(reference, estimate) == pytest.approx(20.0, abs=1e-5)
    assert usdr_db(reference, 0 * reference) == pytest.approx(0.0, abs=1e-6)
