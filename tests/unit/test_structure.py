"""The shape of the code: few parameters, and calls that do not unpack literals."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_wasmwheel

PACKAGE = Path(jupyter_wasmwheel.__file__).parent

#: The maximum number of parameters, without `self` or `cls`.
MAX_PARAMETERS = 6

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def test_functions_have_at_most_six_parameters() -> None:
    assert list(find_violations(long_signatures)) == []


def test_calls_unpack_no_literals() -> None:
    assert list(find_violations(unpacked_literals)) == []


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, b, c, d, e, f, g): ...",
        "async def f(a, *, b, c, d, e, f, g): ...",
        "def f(a, b, /, c, d, e, *f, **g): ...",
        "class A:\n    def f(self, a, b, c, d, e, f, g): ...",
        "lambda a, b, c, d, e, f, g: 0",
    ],
)
def test_seven_parameters_are_detected(code: str) -> None:
    assert list(long_signatures(ast.parse(code)))


@pytest.mark.parametrize("code", ["f(*(a, b), c)", "f(*[a])", "f(c, *(a,))"])
def test_unpacked_literal_is_detected(code: str) -> None:
    assert list(unpacked_literals(ast.parse(code)))


def find_violations(rule: object) -> Iterator[str]:
    assert callable(rule)
    for path in sorted(PACKAGE.rglob("*.py")):
        for line in rule(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(PACKAGE)}:{line}"


def long_signatures(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of functions with too many parameters."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            given = node.args
            all_of_them = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            all_of_them += [each for each in (given.vararg, given.kwarg) if each]
            named = [each for each in all_of_them if each.arg not in ("self", "cls")]
            if len(named) > MAX_PARAMETERS:
                yield node.lineno


def unpacked_literals(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of calls such as `f(*(a, b))`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            unpacked = [each.value for each in node.args if isinstance(each, ast.Starred)]
            if any(isinstance(each, ast.Tuple | ast.List) for each in unpacked):
                yield node.lineno
