"""The report: what is shown is what was scored, and it needs nothing beside it."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from dsp.evaluation.comparison import compare
from dsp.evaluation.dataset import RATE_HZ, Song
from dsp.evaluation.excerpts import SECONDS, Excerpts, loudest_part
from dsp.evaluation.figures import comparison_png, spectrogram_png
from dsp.evaluation.page import html_page
from dsp.evaluation.runner import Contender, evaluate_all

PNG = b"\x89PNG\r\n"


def noise(seed, level=0.1, seconds=2.0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((2, int(seconds * RATE_HZ)))).astype(np.float32)


def songs():
    for name, band_only in (("k_<b>one</b>", False), ("two", True), ("three", False)):
        parts = {"vocals": noise(1), "instrumental": noise(2)}
        if band_only:
            del parts["vocals"]
        yield Song(name, sum(parts.values()), parts)


@pytest.fixture(scope="module")
def report():
    """A comparison, what was heard, and the page."""
    contenders = [
        Contender(
            name, "live", streamed=False, separate=lambda m, g=g: {"vocals": g * m, "o": m - g * m}
        )
        for name, g in (("half", np.float32(0.5)), ("third", np.float32(0.3)))
    ]
    excerpts = Excerpts()
    results = evaluate_all(songs(), contenders, groups=["k_"], listen=excerpts)
    comparison = compare(results, ["k_"])
    picture = comparison_png(comparison)
    return comparison, excerpts, html_page(comparison, picture, excerpts.of_song)


def test_the_page_is_well_formed_and_names_are_escaped(report):
    opened, void = [], {"meta", "img"}

    class Checker(HTMLParser):
        def handle_starttag(self, tag, _attributes):
            if tag not in void:
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Checker().feed(report[2])
    assert not opened
    assert "<b>" not in report[2]
    assert "k_&lt;b&gt;one" in report[2]


def test_the_page_needs_no_other_file(report):
    sources = re.findall(r'src="(.{11})', report[2])
    assert len(sources) == 1 + 2 * len([c for clips in report[1].of_song.values() for c in clips])
    assert all(source.startswith(("data:image/", "data:audio/")) for source in sources)


def test_figures_on_the_page_are_those_of_the_result(report):
    comparison, _, page = report
    for result in comparison["models"]:
        assert f"<td>{result['summary']['vocals']['usdr_mean']:.2f}</td>" in page
        for row in result["songs"]:
            scores = row["stems"]["vocals"]
            shown = (
                f"leakage {scores['leakage_dbfs']:.0f} dBFS"
                if scores["usdr"] is None
                else f"{scores['usdr']:.2f} dB"
            )
            assert f"{result['model']}:live: vocals, {shown}" in page
    mean = comparison["differences"][0]["parts"]["all songs"]["vocals"]["mean"]
    assert f"<td>{mean:+.2f}</td>" in page
    for baseline in ("constant gain", "ideal complex mask"):
        assert f'<tr class="baseline"><td>{baseline}</td>' in page


def test_sounds_can_be_played_and_pictures_are_there(report):
    clips = report[1].of_song["two"]
    assert [(clip.title, clip.stem) for clip in clips] == [
        ("mixture", "mixture"),
        ("true stems", "instrumental"),
        ("half:live", "vocals"),
        ("half:live", "instrumental"),
        ("third:live", "vocals"),
        ("third:live", "instrumental"),
    ]
    for clip in clips:
        samples, rate_hz = soundfile.read(io.BytesIO(clip.mp3))
        assert (rate_hz, samples.shape[1]) == (RATE_HZ, 2)
        assert samples.shape[0] == pytest.approx(2 * RATE_HZ, abs=3000)
        assert clip.png.startswith(PNG)


@pytest.mark.parametrize("loud_at", [0, 7, 20])
def test_the_loudest_part_is_kept(loud_at):
    signal = noise(1, 0.001, 30)
    signal[:, loud_at * RATE_HZ : (loud_at + SECONDS) * RATE_HZ] *= 100
    part = loudest_part(signal)
    assert (part.start, part.stop) == (loud_at * RATE_HZ, (loud_at + SECONDS) * RATE_HZ)


def test_a_short_song_is_kept_whole():
    assert noise(1)[:, loudest_part(noise(1))].shape == noise(1).shape


def test_nothing_compared_can_still_be_drawn():
    nothing = compare([])
    assert comparison_png(nothing).startswith(PNG)
    assert "0 songs" in html_page(nothing, b"", {})
    assert spectrogram_png(np.zeros((2, 5000), np.float32)).startswith(PNG)
