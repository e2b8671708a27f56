"""The shape of the code: few parameters, no unpacked literals, and few places that run Node.js."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_wasmwheel

PACKAGE = Path(jupyter_wasmwheel.__file__).parent

#: The maximum number of parameters, without `self` or `cls`.
MAX_PARAMETERS = 6

#: The modules that use the program of Node.js, with variables of ours and confined.
RUN_NODE = {"runtime/node_sandbox.py", "toolchain/wasm_opt.py"}

#: The modules that read our own files, and recipes, by tomllib: it needs hours for some of others.
OWN_TOML = {
    *("build_variables.py", "checks/test_session.py", "errors/known_errors.py"),
    *("export/workflow.py", "project/recipes.py", "project/starter.py", "project/suite.py"),
    *("runtime/targets.py", "site/snippets.py", "site/template.py"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def test_functions_have_at_most_six_parameters() -> None:
    assert list(find_violations(long_signatures)) == []


def test_calls_unpack_no_literals() -> None:
    assert list(find_violations(unpacked_literals)) == []


def test_node_is_run_only_in_sandbox() -> None:
    found = {line.rpartition(":")[0] for line in find_violations(programs_of_node)}
    assert found == RUN_NODE


def test_files_of_packages_are_not_read_by_tomllib() -> None:
    found = {line.rpartition(":")[0] for line in find_violations(imports_of_tomllib)}
    assert found == OWN_TOML


@pytest.mark.parametrize(
    "code",
    [
        "run([node.program])",
        "run([self.node.program])",
        "a = engine.node.program.parent",
        "class Node:\n    def run(self):\n        run([self.program])",
    ],
)
def test_program_of_node_is_detected(code: str) -> None:
    assert list(programs_of_node(ast.parse(code)))


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


def imports_of_tomllib(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(each.name == "tomllib" for each in node.names):
            yield node.lineno


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


def programs_of_node(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that use the program of a Node.js: a name with `node`, or its own class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "program":
            if "node" in ast.unparse(node.value).rpartition(".")[2]:
                yield node.lineno
        elif isinstance(node, ast.ClassDef) and node.name == "Node":
            for each in ast.walk(node):
                if isinstance(each, ast.Attribute) and ast.unparse(each) == "self.program":
                    yield each.lineno
