"""Measures of separation quality; nothing that serves imports this.

``find_songs`` and ``load_song`` read songs with known stems, ``evaluate_all`` scores what separates
them beside outputs that take no skill and oracles, ``compare`` pairs the scores, ``render`` and
``render_comparison`` print them; ``dsp.evaluation.page`` makes a report with pictures.
"""

from dsp.evaluation.comparison import compare, render_comparison
from dsp.evaluation.dataset import DatasetError, Song, SongFolder, find_songs, load_song
from dsp.evaluation.report import render
from dsp.evaluation.runner import Contender, Separate, evaluate, evaluate_all
from dsp.evaluation.seams import SeamGrid

__all__ = [
    "Contender",
    "DatasetError",
    "SeamGrid",
    "Separate",
    "Song",
    "SongFolder",
    "compare",
    "evaluate",
    "evaluate_all",
    "find_songs",
    "load_song",
    "render",
    "render_comparison",
]
