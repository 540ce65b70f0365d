"""For every test: Hypothesis sets no deadlines (unit tests assert no speed); figures are shown."""

import os

# Before torch is there. Small products on threads that wait for each other take a hundred times as
# long where other programs have the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

settings.register_profile("phoenix-stems", deadline=None, print_blob=True)
settings.load_profile("phoenix-stems")


@pytest.fixture
def figure(capsys):
    """Return a function that prints a figure of docs/reliability.md, captured output or not."""

    def show(name, **figures):
        told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in figures.items())
        with capsys.disabled():
            print(f"\n  {name}: {told}")

    return show
