"""Live streams compute with arrays; torch, which takes seconds to import, is for the others."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
import server.commands.serve, server.server
from dsp.networks.registry import available_models, load_model

assert available_models()
stream = load_model("phoenix").separator("{profile}")
stream.push(np.ones((2, 10 * stream.profile.hop_samples), np.float32))
stream.rebuild(np.ones((2, 40 * stream.profile.hop_samples), np.float32), 0)
print("torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("profile", "needs_torch"), [("live", False), ("live-light", False), ("studio", True)]
)
def test_a_live_stream_needs_no_torch(profile, needs_torch):
    command = [sys.executable, "-c", PROGRAM.format(profile=profile)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.stdout.strip() == str(needs_torch), run.stderr
