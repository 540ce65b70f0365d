"""Cassiopeia's profiles; its weights are tested in `test_bundled_weights`."""

import pytest

from dsp.errors import UnknownProfileError
from dsp.networks.cassiopeia_model import Cassiopeia
from dsp.networks.registry import load_model


def test_live_is_all_it_has_and_has_the_latency_of_phoenix():
    model = load_model("cassiopeia")
    assert dict(model.profiles) == {"live": load_model("phoenix").profiles["live"]}
    with pytest.raises(UnknownProfileError, match="no profile 'studio'; there are: live"):
        Cassiopeia().separator("studio")
