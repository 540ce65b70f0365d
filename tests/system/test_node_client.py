"""The protocol is usable without our code: a Node.js client gives the expected stems."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge import EmbeddedServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "node"
GAINS = {"vocals": 0.5, "drums": 0.25, "other": 0.25}

if shutil.which("node") is None or shutil.which("npm") is None:
    pytest.skip("needs node and npm (Debian packages nodejs, npm)", allow_module_level=True)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Install the example with its locked packages, away from the source tree."""
    directory = tmp_path_factory.mktemp("node")
    for path in EXAMPLE.iterdir():
        if path.is_file():
            shutil.copy(path, directory)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the npm packages, which cannot be installed: {done.stderr[-300:]}")
    return directory / "separate.mjs"


@pytest.fixture(scope="module")
def server():
    with EmbeddedServer(model="fixed-gains", profile="offline") as embedded:
        yield embedded


def separate(client, *arguments):
    command = ["node", str(client), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_stems_have_the_expected_gains_and_length(client, server, tmp_path):
    dry = np.random.default_rng(1).uniform(-0.5, 0.5, (100001, 2)).astype("<f4")
    dry.tofile(tmp_path / "dry.f32")
    out = tmp_path / "out"
    done = separate(client, server.endpoint, tmp_path / "dry.f32", out, 44100, "fixed-gains")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["profile"]) == ("fixed-gains", "offline")
    stems = {stem: np.fromfile(out / f"{stem}.f32", "<f4").reshape(-1, 2) for stem in told["stems"]}
    assert set(stems) == set(GAINS)
    for stem, samples in stems.items():
        assert np.allclose(samples, GAINS[stem] * dry, atol=1e-4), stem
    assert np.abs(sum(stems.values()) - dry).max() <= 2.0**-23


def test_a_refusal_reaches_the_user(client, server, tmp_path):
    np.zeros((100, 2), "<f4").tofile(tmp_path / "dry.f32")
    done = separate(client, server.endpoint, tmp_path / "dry.f32", tmp_path, 44100, "nothing")
    assert done.returncode == 1
    assert "E201" in done.stderr
