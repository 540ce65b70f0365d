"""Nothing in the tree unpickles, evaluates, or loads a checkpoint that could run code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ["protocol", "dsp", "server", "plugin_bridge", "benchmarks"]
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def dotted(node):
    """Return a.b.c of an expression, or nothing."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def keyword(call, name):
    return next((item.value for item in call.keywords if item.arg == name), None)


def is_true(node):
    return isinstance(node, ast.Constant) and node.value is True


def dangers(source):
    """Return what is dangerous in a module's source, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [(node.lineno, name) for name in names if name.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.Call):
            found += [(node.lineno, what) for what in [danger_of(node)] if what]
    return found


def danger_of(call):
    name = dotted(call.func)
    if name in FORBIDDEN_CALLS:
        return name
    if name.endswith("torch.load") and not is_true(keyword(call, "weights_only")):
        return "torch.load without weights_only=True"
    if name in {"np.load", "numpy.load"} and is_true(keyword(call, "allow_pickle")):
        return "numpy.load with allow_pickle=True"
    if name.endswith("yaml.load"):
        return "yaml.load"
    return is_true(keyword(call, "shell")) and f"{name} with shell=True"


FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_the_scan_sees_the_tree():
    assert len(FILES) > 100
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(PACKAGES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles_or_evaluates(path):
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.numpy_pickle",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "eval(text)",
        "exec(text)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_scan_finds_what_it_looks_for(source):
    assert len(dangers(source)) == 1


@pytest.mark.parametrize("source", ["torch.load(path, weights_only=True)", "np.load(path)"])
def test_the_scan_leaves_the_harmless_alone(source):
    assert dangers(source) == []
