"""Mutants differ from their module in one place, and all are programs."""

import ast

import pytest
from mutants import mutants_of, mutated
from mutation_plan import PLANS


def variants(source):
    """Return every mutant of a piece of code, written out."""
    return [ast.unparse(mutated(source, mutant.number)) for mutant in mutants_of(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a <= b"}),
        ("a <= b < c", {"a < b < c", "a <= b <= c"}),
        ("a is None", {"a is not None"}),
        ("x = a + b", {"x = a - b"}),
        ("x = a // b % c", {"x = a // b // c", "x = a * b % c"}),
        ("a and b", {"a or b"}),
        ("x = not a", {"x = a"}),
        ("x = 5", {"x = 6"}),
        ("x = True", {"x = False"}),
        ("x = 'mix'", {"x = 'mix~'"}),
        ("x = b'ab'", {"x = b'ab~'"}),
        ("x = max(a, b)", {"x = min(a, b)"}),
        ("x = all(a)", {"x = any(a)"}),
        ("x = a if b else c", {"x = a if not b else c"}),
        ("x = [a for a in b if c]", {"x = [a for a in b]"}),
        ("x.y = a", {"pass"}),
        ("x += a", {"x -= a", "pass"}),
        ("f(a)", {"pass"}),
        ("raise Error", {"pass"}),
        ("if a:\n    pass", {"if not a:\n    pass"}),
    ],
)
def test_what_is_changed(source, expected):
    found = set(variants(source))
    assert expected <= found
    assert found <= expected | {"pass"}, "an expression for its own sake may also be left out"


def test_statements_within_loops_and_functions():
    loop = "for a in b:\n    if c:\n        break\n    continue"
    assert {text.count("break") for text in variants(loop)} == {0, 1, 2}
    function = "def f():\n    return a"
    assert variants(function) == ["def f():\n    return None"]


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "x: int",
        "def f(a: 'text') -> 'text':\n    pass",
        "if TYPE_CHECKING:\n    import a\n    b = 5",
        "__all__ = ['a', 'b']",
        "if __name__ == '__main__':\n    main(5)",
        "self._log.info('opened', count=5)",
        "x = f'{a} of {b}'",
        "x = None",
        "return_ = a",
        "@cache(5)\ndef f():\n    pass",
    ],
)
def test_what_has_no_effect_is_left_alone(source):
    assert variants(source) == []


def test_the_wording_of_an_error_is_left_alone_and_the_error_is_not():
    assert variants("raise InvalidField('a', 5)") == ["pass", "raise InvalidField('a', 6)"]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.module)
def test_every_mutant_of_the_plan_is_another_program_and_compiles(plan, pytestconfig):
    source = (pytestconfig.rootpath / plan.path).read_text()
    mutants = mutants_of(source)
    assert [mutant.number for mutant in mutants] == list(range(len(mutants)))
    texts = {compiled(source, mutant, plan) for mutant in mutants}
    assert len(texts) > 0.9 * len(mutants), "now and then two places change to the same"
    assert ast.unparse(ast.parse(source)) not in texts
    assert all((pytestconfig.rootpath / test).exists() for test in plan.tests)


def compiled(source, mutant, plan):
    tree = mutated(source, mutant.number)
    compile(tree, plan.path, "exec")
    return ast.unparse(tree)


def test_there_are_no_more_than_there_are():
    with pytest.raises(IndexError, match="no mutant 7"):
        mutated("x = 5", 7)
