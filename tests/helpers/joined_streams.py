"""A small joined network, for tests of what streams do with any."""

import torch

from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_shape import HOPS_PER_STEP, PhoenixConfig, TrunkConfig
from dsp.networks.unet_weights import untrained_weights

WIDTHS = (2, 3, 4, 4, 5, 6)
SMALL = PhoenixConfig(TrunkConfig(widths=WIDTHS, answer_width=3), head_width=5)


def small_network(hops_per_step=HOPS_PER_STEP):
    """Make it with random weights, the heads' last layer too."""
    torch.manual_seed(3)
    network = JoinedNetwork(untrained_weights(WIDTHS, seed=1), SMALL, hops_per_step)
    for head in (network.head, network.light_head):
        torch.nn.init.normal_(head.matrix.weight, std=0.3)
    return network.eval().requires_grad_(requires_grad=False)
