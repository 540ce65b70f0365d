"""Small wrong versions of a module: each differs from it in one place of its syntax tree.

A test suite that cannot tell a mutant from the original does not hold what was changed (DeMillo,
Lipton and Sayward, "Hints on test data selection", 1978).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_WORDING = {"__all__", "_ADVICE"}  # names, and what errors advise people to do
_LOGGERS = {"debug", "info", "warning", "error", "exception"}

Edit = Callable[[], None]


class Mutant(NamedTuple):
    """One mutant of a module: where, and what became of it."""

    number: int
    line: int
    what: str


def mutants_of(source: str) -> list[Mutant]:
    """Return every mutant of a module, in order."""
    changes = _changes(ast.parse(source))
    return [Mutant(number, line, what) for number, (line, what, _) in enumerate(changes)]


def mutated(source: str, number: int) -> ast.Module:
    """Return the module's tree with that one change."""
    tree = ast.parse(source)
    for at, (_, _, edit) in enumerate(_changes(tree)):
        if at == number:
            edit()
            return ast.fix_missing_locations(tree)
    raise IndexError(f"no mutant {number}")


def _changes(tree: ast.Module) -> list[tuple[int, str, Edit]]:
    """Return line, wording and edit of every change to ``tree``; the edits change it in place."""
    return [
        (_line_of(node), what, edit)
        for node, parent, field in _places(tree)
        for what, edit in _edits(node, parent, field)
    ]


def _line_of(node: Any) -> int:
    """Return where a node stands; a comprehension's clause stands where its target does."""
    line: int = node.target.lineno if isinstance(node, ast.comprehension) else node.lineno
    return line


def _places(tree: ast.AST) -> Iterator[tuple[Any, Any, str]]:
    """Yield the nodes that count when the program runs, with the parent and field they are in."""
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns", "type_comment", "decorator_list"}:
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not _is_silent(node):
                yield node, tree, field
                yield from _places(node)


def _is_silent(node: ast.AST) -> bool:
    """Whether a node has no effect that a test should look for.

    Imports for the type checker, documentation, declarations of exports, log lines, what a module
    does as a program of its own (a mutant is imported), and the wording of an error: its type and
    code are held, and its text where it names a limit, by its tests.
    """
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in {"TYPE_CHECKING", "__name__ == '__main__'"}
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or _is_log_line(node.value)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return isinstance(target, ast.Name) and target.id in _WORDING
    return isinstance(node, ast.JoinedStr)


def _is_log_line(node: ast.AST) -> bool:
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return call and node.func.attr in _LOGGERS and "log" in ast.unparse(node.func.value)


def _edits(node: Any, parent: Any, field: str) -> Iterator[tuple[str, Edit]]:
    before = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
    for after in _replacements(node, parent):
        text = ast.unparse(after) if isinstance(after, ast.expr | ast.stmt) else "nothing"
        what = f"{_first_line(before)} -> {_first_line(text)}"
        yield what, lambda after=after: _replace(parent, field, node, after)


def _first_line(text: str) -> str:
    line, _, rest = text.partition("\n")
    return f"{line} ..." if rest else line


def _replace(parent: Any, field: str, node: ast.AST, after: ast.AST) -> None:
    ast.copy_location(after, node)
    value = getattr(parent, field)
    if isinstance(value, list):
        value[next(i for i, item in enumerate(value) if item is node)] = after
    else:
        setattr(parent, field, after)


def _replacements(node: Any, parent: Any) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    if isinstance(node, ast.expr):
        return _expressions(node, parent)
    return _statements(node)


def _expressions(node: Any, parent: Any) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BinOp() if type(node.op) in OPERATORS:
            yield _with(node, op=OPERATORS[type(node.op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant():
            yield from _constants(node, parent)
        case ast.IfExp():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield _with(node, func=ast.Name(CALLS[name], ast.Load()))


def _statements(node: Any) -> Iterator[ast.AST]:
    """Yield for statements and for the clauses of comprehensions."""
    match node:
        case ast.AugAssign():
            yield _with(node, op=OPERATORS[type(node.op)]())
            yield ast.Pass()
        case ast.If() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.Return(value=ast.expr()) if not _is_none(node.value):
            yield _with(node, value=ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Raise() | ast.Expr():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for at, op in enumerate(node.ops):
        ops = [*node.ops]
        ops[at] = COMPARISONS[type(op)]()
        yield _with(node, ops=ops)


def _constants(node: ast.Constant, parent: Any) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str | bytes) and not _is_wording(parent):
        yield ast.Constant(_other(value))


def _other(value: str | bytes) -> str | bytes:
    return f"{value}~" if isinstance(value, str) else value + b"~"


def _is_wording(parent: Any) -> bool:
    """Whether a text is what an error says to a person."""
    return isinstance(parent, ast.Call) and ast.unparse(parent.func).endswith(
        ("Error", "Exceeded", "Refused", "refuse", "InvalidField", "MalformedFrame", "Message")
    )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _with(node: Any, **changes: Any) -> Any:
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed
