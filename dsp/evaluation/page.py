"""The report: one HTML page that needs no other file, with figures, tables and sounds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from dsp.evaluation.comparison import label_of
from dsp.evaluation.excerpts import Clip
from dsp.evaluation.intervals import ALL_SONGS
from dsp.evaluation.summary import FURTHER_MEASURES

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 78em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 2em }
th, td { padding: .2em .7em; text-align: right }
th { border-bottom: 2px solid #999 } td:first-child, th:first-child { text-align: left }
tr.baseline { color: #777 } img.wide { width: 100% }
audio { width: 16em; height: 2em; display: block }
figure { display: inline-block; margin: .4em } figcaption { font-size: 85% }
figure img { width: 16em; height: 6em; image-rendering: auto; display: block }
"""
_MEANING = """uSDR: mean over songs of the whole song's signal-to-distortion ratio, dB, with its
bootstrap interval. SDR: median of BSSEval version 4. bleedless, fullness, l1 freq: 0 to 100, more
is better. mrstft and musical noise: 0 is best. seam: SNR beside block edges less that elsewhere.
Time: of separation alone. Grey rows need no skill, or know the answer."""


def html_page(
    comparison: Mapping[str, Any], picture: bytes, clips: Mapping[str, Sequence[Clip]]
) -> str:
    """Lay out a comparison with its picture (PNG) and the clips of each song."""
    models = comparison["models"]
    title = escape(" / ".join(label_of(one) for one in models))
    body = [
        f"<h1>{title}</h1>",
        f"<p>{len(models[0]['songs']) if models else 0} songs. {_MEANING}</p>",
        f'<img class="wide" alt="comparison" src="{_data("image/png", picture)}">',
        *(_time(one) for one in models),
        *_summaries(models),
        *_differences(comparison),
        "<h2>Songs</h2>",
        *(_song(name, models, of) for name, of in clips.items()),
    ]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return (
        f"<!doctype html>\n<html><head>{head}</head><body>\n" + "\n".join(body) + "</body></html>\n"
    )


def _time(result: Mapping[str, Any]) -> str:
    factor = result["realtime_factor"]
    text = "nothing separated" if factor is None else f"{factor:.3f} s per second of audio"
    return f"<p>{escape(label_of(result))}: {text}</p>"


def _summaries(models: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if not models:
        return
    for part in (ALL_SONGS, *models[0].get("groups", {})):
        for stem in ("vocals", "instrumental"):
            yield f"<h2>{escape(part)}: {stem}</h2>"
            yield _summary_table(models, part, stem)


def _summary_table(models: Sequence[Mapping[str, Any]], part: str, stem: str) -> str:
    parts = [one if part == ALL_SONGS else one["groups"][part] for one in models]
    rows: list[tuple[str, str, Mapping[str, Any], list[float] | None]] = [
        ("", label_of(one), of["summary"].get(stem, {}), one["intervals"][part].get(stem))
        for one, of in zip(models, parts, strict=True)
    ]
    baselines = parts[0]["baselines"].items()
    rows += [("baseline", name, stems.get(stem, {}), None) for name, stems in baselines]
    measured = {name for *_, of, _ in rows for name in of.get("means", {})}
    further = [name for name in FURTHER_MEASURES if name in measured]
    names = ("", "songs", "uSDR", "95 %", "median", "SDR", "SI-SDR", "leakage, dBFS", *further)
    cells = [
        (kind, _summary_cells(name, of, interval, further)) for kind, name, of, interval in rows
    ]
    return _table(names, cells)


def _summary_cells(
    name: str, of: Mapping[str, Any], interval: list[float] | None, further: Sequence[str]
) -> list[str]:
    between = f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else ""
    figures = ("usdr_median", "sdr_median", "si_sdr_mean", "leakage_dbfs_max")
    return [
        name.replace("_", " "),
        str(of.get("songs", 0)),
        _number(of.get("usdr_mean")),
        between,
        *(_number(of.get(figure)) for figure in figures),
        *(_number(of.get("means", {}).get(measure)) for measure in further),
    ]


def _differences(comparison: Mapping[str, Any]) -> Iterable[str]:
    if not comparison["differences"]:
        return
    bootstrap = comparison["bootstrap"]
    yield "<h2>Differences, song by song</h2>"
    yield (
        f"<p>uSDR in dB; {bootstrap['confidence']:.0%} bootstrap intervals of the paired mean, "
        f"{bootstrap['resamples']} resamples, seed {bootstrap['seed']}.</p>"
    )
    rows = [
        ("", [f"{pair['model']} over {pair['over']}", part, stem, *_difference_cells(of)])
        for pair in comparison["differences"]
        for part, stems in pair["parts"].items()
        for stem, of in stems.items()
    ]
    yield _table(("", "part", "stem", "mean", "interval", "median", "songs better"), rows)


def _difference_cells(of: Mapping[str, Any]) -> list[str]:
    interval = of["interval"]
    return [
        f"{of['mean']:+.2f}",
        f"{interval[0]:+.2f} to {interval[1]:+.2f}" if interval else "",
        f"{of['median']:+.2f}",
        f"{of['better']} of {of['songs']}",
    ]


def _song(name: str, models: Sequence[Mapping[str, Any]], clips: Sequence[Clip]) -> str:
    scores = {label_of(one): _scores_of_song(one, name) for one in models}
    figures = "".join(_figure(clip, scores.get(clip.title, {}).get(clip.stem)) for clip in clips)
    return f"<h3>{escape(name)}</h3>\n<div>{figures}</div>"


def _scores_of_song(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    stems: Mapping[str, Any] = next(row for row in result["songs"] if row["name"] == name)["stems"]
    return stems


def _figure(clip: Clip, scores: Mapping[str, Any] | None) -> str:
    caption = clip.title if clip.title == clip.stem else f"{clip.title}: {clip.stem}"
    if scores and scores["usdr"] is not None:
        caption += f", {scores['usdr']:.2f} dB"
    elif scores:
        caption += f", leakage {scores['leakage_dbfs']:.0f} dBFS"
    return (
        f'<figure><img alt="spectrogram" src="{_data("image/png", clip.png)}">'
        f'<audio controls preload="none" src="{_data("audio/mpeg", clip.mp3)}"></audio>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _table(names: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "\n".join(
        f'<tr class="{kind}">' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for kind, cells in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
