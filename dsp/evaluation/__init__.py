"""Measures of separation quality; nothing that serves imports this.

``find_songs`` and ``load_song`` read songs with known stems, ``evaluate`` scores any function that
separates them beside outputs that take no skill, ``render`` prints the scores as a table.
"""

from dsp.evaluation.dataset import DatasetError, Song, SongFolder, find_songs, load_song
from dsp.evaluation.report import render
from dsp.evaluation.runner import Separate, evaluate

__all__ = [
    "DatasetError",
    "Separate",
    "Song",
    "SongFolder",
    "evaluate",
    "find_songs",
    "load_song",
    "render",
]
