"""A kernel made of others is compiled anew when one of those has changed, and only then."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import dsp
from dsp.networks import kept, kernel_cache
from dsp.networks.kernel_cache import digest, hop_kernel

INNERMOST = """
from dsp.networks.kernel_cache import kernel

@kernel
def innermost(x):
    return x + {added}
"""
INNER = """
from innermost_kernels import innermost
from dsp.networks.kernel_cache import kernel

@kernel
def inner(x):
    return innermost(x)
"""
OUTER = """
from pathlib import Path
from dsp.networks import kept, kernel_cache
kernel_cache._MADE_OF = kernel_cache.digest([Path("innermost_kernels.py")])
from inner_kernels import inner

@kernel_cache.hop_kernel
def outer(x):
    return inner(x)

print(outer(1), sum(outer.stats.cache_hits.values()))
"""
GIVEN = """
from typing import NamedTuple

class {name}(NamedTuple):
    number: int

given = {name}(7)
"""
OF_NAMED_TUPLES = """
from dsp.networks import kept, kernel_cache
from given import given

@kernel_cache.kernel
def number_of(x):
    return x.number

print(number_of(given), sum(number_of.stats.cache_hits.values()))
"""


def run(folder: Path, script: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    (folder / "run.py").write_text(script)
    command = [sys.executable, "run.py"]
    done = subprocess.run(
        command, check=True, cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_what_kernels_call_is_compiled_into_them_anew_when_it_has_changed(tmp_path):
    (tmp_path / "inner_kernels.py").write_text(INNER)
    innermost = tmp_path / "innermost_kernels.py"
    innermost.write_text(INNERMOST.format(added=1))
    assert run(tmp_path, OUTER) == "2 0"
    assert run(tmp_path, OUTER) == "2 1"
    innermost.write_text(INNERMOST.format(added=40))
    assert run(tmp_path, OUTER) == "41 0"
    assert run(tmp_path, OUTER) == "41 1"


def test_a_kernel_kept_for_a_type_that_is_no_longer_there_is_compiled_anew(tmp_path):
    given = tmp_path / "given.py"
    given.write_text(GIVEN.format(name="Before"))
    assert run(tmp_path, OF_NAMED_TUPLES) == "7 0"
    assert run(tmp_path, OF_NAMED_TUPLES) == "7 1"
    given.write_text(GIVEN.format(name="Afterwards"))
    assert run(tmp_path, OF_NAMED_TUPLES) == "7 0"
    assert run(tmp_path, OF_NAMED_TUPLES) == "7 1"


def test_every_kernel_is_in_a_file_whose_name_counts():
    files = {*Path(kernel_cache.__file__).parent.glob("*.py")} - {Path(kept.__file__)}
    marks = ("@njit", "@kernel", "@hop_kernel", "@intrinsic", "builder.")
    with_kernels = {file for file in files if any(mark in file.read_text() for mark in marks)}
    assert len(with_kernels) > 5
    assert with_kernels <= set(kernel_cache.kernel_files())


@given(contents=st.lists(st.binary(max_size=8), min_size=1, max_size=4), index=st.integers(0, 3))
def test_a_digest_tells_contents_apart_whatever_their_order(tmp_path_factory, contents, index):
    folder = tmp_path_factory.mktemp("files")
    files = [folder / str(k) for k in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    before = digest(files)
    assert digest(reversed(files)) == before
    files[index % len(files)].write_bytes(contents[index % len(files)] + b"!")
    assert digest(files) != before


def test_a_kernel_runs_in_python_too():
    @hop_kernel
    def twice(x):
        return 2 * x

    assert twice.py_func(3) == twice(3) == 6
    assert twice.targetoptions["nogil"]  # other threads run meanwhile


def imported(file: Path) -> set[Path]:
    """Files of ours that a file imports when it runs, not for its types."""
    found: set[Path] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dsp"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            files = {Path(dsp.__file__).parent.parent / f"{n.replace('.', '/')}.py" for n in names}
            found |= {file for file in files if file.is_file()}
    return found


def test_what_kernels_are_made_of_counts_wherever_it_lies():
    files = {file.resolve() for file in kernel_cache.kernel_files()}
    not_compiled = {Path(module.__file__) for module in (kept, kernel_cache)}
    for file in files:
        assert imported(file) - not_compiled <= files, file.name
