import pytest
import torch

from dsp.networks.phoenix_from_unet import fold_unet_into_trunk
from dsp.networks.phoenix_shape import BINS, PhoenixConfig, TrunkConfig
from dsp.networks.unet_weights import untrained_weights
from dsp.training.features import final_columns, grid_shift, mismatch_db, pairs
from dsp.training.task import Hints, PhoenixTask

WIDTHS = (3, 4, 4, 5, 5, 6)
CONFIG = TrunkConfig(widths=WIDTHS)
FRAMES = 330


@pytest.fixture(scope="module")
def weights():
    return untrained_weights(WIDTHS, seed=5)


def numbered_skips(config=CONFIG):
    """Skips whose value is the frame they belong to."""
    return [
        torch.arange(0, FRAMES, tick, dtype=torch.float32)[None, None, :, None]
        for tick in config.ticks
    ]


def numbered_columns(shift):
    """Columns whose value is the newest frame of their present, one step later than the trunk's."""
    counts = [-(-(FRAMES + shift) // 64) * 64 // 2 ** (depth + 1) for depth in range(6)]
    return [
        (2.0 ** (depth + 1) * (torch.arange(count) + 1) - 1 - shift - 1)[None, None, :, None]
        for depth, count in enumerate(counts)
    ]


@pytest.mark.parametrize("ticks", [(1,) * 6, (1, 1, 4, 4, 8, 8), (1, 2, 2, 4, 8, 16)])
def test_every_level_is_compared_at_the_same_moment(ticks):
    config = TrunkConfig(widths=WIDTHS, ticks=ticks)
    shift = grid_shift(config)
    matched = pairs(numbered_skips(config), numbered_columns(shift), config, FRAMES)
    assert len(matched) == 6
    for skip, column in matched:
        assert torch.equal(skip, column)
        assert skip.shape[2] > 0


def test_columns_without_their_future_are_left_out(weights):
    shift = grid_shift(CONFIG)
    magnitudes = torch.rand(1, 2, FRAMES, BINS, generator=torch.Generator().manual_seed(1))
    longer = torch.cat([magnitudes, torch.rand(1, 2, 200, BINS)], dim=2)
    skips = numbered_skips()
    short = pairs(skips, final_columns(weights, magnitudes, shift), CONFIG, FRAMES)
    # A frame more would do for the newest of them, so nothing that is final is thrown away lightly.
    for (_, column), (_, same) in zip(
        short, pairs(skips, final_columns(weights, longer, shift), CONFIG, FRAMES), strict=True
    ):
        torch.testing.assert_close(column, same, rtol=1e-4, atol=1e-4)


def test_a_perfect_match_reaches_the_floor():
    column = torch.randn(2, 3, 4, 5)
    assert mismatch_db([(column, column)]).item() == pytest.approx(-20.0, abs=1e-4)


def test_a_constant_guess_is_worth_nothing():
    column = torch.randn(2, 3, 40, 50, generator=torch.Generator().manual_seed(1))
    guess = column.mean(dim=(0, 2, 3), keepdim=True).expand_as(column)
    assert mismatch_db([(guess, column)]).item() == pytest.approx(0.0, abs=0.1)


def test_hints_teach_the_levels_to_foresee(weights):
    seconds = torch.arange(1024 * 90) / 44100
    swelling = torch.sin(2 * torch.pi * 300 * seconds) * torch.sin(3 * seconds) ** 2
    mixtures = (0.2 * swelling).expand(1, 2, -1)
    task = PhoenixTask(PhoenixConfig(CONFIG), Hints(weights, share=1.0))
    fold_unet_into_trunk(weights, task.network.trunk)
    optimiser = torch.optim.Adam(task.network.parameters(), lr=3e-3)
    history = []
    for _ in range(25):
        losses = task.losses(0.0 * mixtures, mixtures)
        optimiser.zero_grad()
        losses.beside_db.backward()
        optimiser.step()
        history.append(losses.beside_db.item())
    assert history[-1] < history[0] - 2.0


def test_without_hints_the_samples_are_all_that_counts(weights):
    mixtures = 0.1 * torch.randn(2, 2, 1024 * 8, generator=torch.Generator().manual_seed(3))
    losses = PhoenixTask(PhoenixConfig(CONFIG)).losses(mixtures, mixtures)
    assert losses.beside_db.item() == 0.0
    torch.testing.assert_close(losses.total, losses.samples_db.mean())
