"""Make what a fuzzing run found the kept corpus: ``python tests/fuzz/keep_corpus.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from hostile_corpus import keep_inputs

if __name__ == "__main__":
    keep_inputs(path.read_bytes() for path in (Path(sys.argv[1]) / "corpus").iterdir())
