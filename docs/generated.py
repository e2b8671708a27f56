"""Generate the parts of the reference from the code, as Markdown.

A page has a comment where each belongs, `<!-- generated: NAME -->`, which is replaced when the
pages are built.
"""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import msgspec
from jupyter_server.auth.utils import HTTP_METHOD_TO_AUTH_ACTION
from sphinx.application import Sphinx
from tornado.web import RequestHandler
from traitlets import HasTraits, TraitType

from jupyter_wasmwheel import build_variables, cli
from jupyter_wasmwheel.api import errors, events, requests
from jupyter_wasmwheel.api.report import BuildReport
from jupyter_wasmwheel.config import Wasmwheel
from jupyter_wasmwheel.errors import known_errors
from jupyter_wasmwheel.server import app
from jupyter_wasmwheel.site import proxy

MARK = re.compile(r"<!-- generated: (.+?) -->")


def commands() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield every command in order: its words, its help, and its parser."""
    yield from _below(cli.create_parser())


def _below(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help or "" for each in action._choices_actions}
            for name, below in action.choices.items():
                if any(isinstance(each, argparse._SubParsersAction) for each in below._actions):
                    yield from _below(below)
                else:
                    yield below.prog, helps[name], below


#: The options that all commands have.
SHARED = ("--help", "--json", "--events", "--verbose")


def command_line() -> str:
    """Return every command with its usage and its options."""
    parts = []
    for words, purpose, parser in commands():
        own = [each for each in parser._actions if not set(each.option_strings) & set(SHARED)]
        formatter = argparse.HelpFormatter(words, width=88)
        formatter.add_usage(None, own, [], prefix="")
        parts.append(f"## `{words.removeprefix('jupyter wasmwheel ')}`\n\n{_sentence(purpose)}\n")
        parts.append(f"```text\n{formatter.format_help().strip()}\n```\n")
        helped = [each for each in own if each.help]
        parts += [_definition(_spelled(each), _sentence(str(each.help))) for each in helped]
    return "\n".join(parts)


def _spelled(action: argparse.Action) -> str:
    """Return an option or an argument as users write it."""
    value = action.metavar or (action.choices and "|".join(map(str, action.choices)))
    if not action.option_strings:
        return f"`{value or action.dest}`"
    takes = "" if action.nargs == 0 else f" {value or action.dest.upper()}"
    return ", ".join(f"`{option}{takes}`" for option in action.option_strings)


def exit_statuses() -> str:
    """Return the table of exit statuses."""
    kinds = errors.WasmwheelError.__subclasses__()
    rows = [
        (f"`{kind.status}`", inspect.getdoc(kind) or "")
        for kind in sorted(kinds, key=lambda kind: kind.status)
        if kind.__module__ == errors.__name__
    ]
    return _table("Status", "Meaning", rows=[("`0`", "The command succeeded."), *rows])


#: The placeholders in the addresses of routes, as docs/rest.md has them.
WRITTEN = (
    (app.JOB, "ID"),
    (f"packages/{app.NAME}", "packages/PACKAGE"),
    (app.NAME, "NAME"),
    (app.PREFIX, "PREFIX"),
    (f"({proxy.HOSTS}|{proxy.FETCH})", "proxy/…"),
    ("(.*)", "…"),
    (f"/{app.API}/", ""),
    ("?", ""),
)


def routes() -> Iterator[tuple[str, str, str]]:
    """Yield every verb and address as in docs/rest.md, the right that it needs, and its purpose."""
    for pattern, handler in app.ROUTES:
        for written, shown in WRITTEN:
            pattern = pattern.replace(written, shown)
        for verb in RequestHandler.SUPPORTED_METHODS:
            method = getattr(handler, verb.lower())
            if method.__module__.startswith("jupyter_wasmwheel."):
                right = HTTP_METHOD_TO_AUTH_ACTION[verb]
                yield f"{verb} {pattern}".strip(), right, inspect.getdoc(method) or ""


def route_table() -> str:
    """Return the table of routes with their rights."""
    rows = [(f"`{route}`", right, purpose) for route, right, purpose in routes()]
    return _table("Route", "Right", "", rows=rows)


def settings() -> Iterator[tuple[str, TraitType[Any, Any]]]:
    """Yield every setting by its name in a configuration file."""
    kinds: tuple[type[HasTraits], ...] = (Wasmwheel, app.WasmwheelApp)
    for kind in kinds:
        own = kind.class_own_traits(config=True)
        yield from ((f"c.{kind.__name__}.{name}", trait) for name, trait in sorted(own.items()))


def configuration() -> str:
    """Return every setting with its help and default."""
    parts = []
    for name, trait in settings():
        has_default = "by default" in trait.help.lower() or trait.default_value == ""
        suffix = "" if has_default else f" Default: `{trait.default_value_repr()}`."
        parts.append(_definition(f"`{name}`", f"{_sentence(trait.help)}{suffix}"))
    return "\n".join(parts)


def event_kinds() -> str:
    """Return the table of the kinds of events with their fields."""
    kinds = typing.get_args(events.Event)
    rows = [(f"`{_tag(kind)}`", inspect.getdoc(kind) or "", _fields(kind)) for kind in kinds]
    return _table("Kind", "Meaning", "Fields", rows=rows)


def request_kinds() -> str:
    """Return the table of the kinds of requests that `POST jobs` takes."""
    kinds = typing.get_args(requests.PostedRequest)
    rows = [(f"`{_tag(kind)}`", inspect.getdoc(kind) or "") for kind in kinds]
    return _table("Kind", "Meaning", rows=rows)


def request_fields() -> str:
    """Return the table of the fields of posted requests, each with the kinds that have it."""
    found: dict[tuple[str, ...], list[str]] = {}
    for kind in typing.get_args(requests.PostedRequest):
        hints = typing.get_type_hints(kind)
        options = requests.options(kind)
        for field in msgspec.structs.fields(kind):
            name = f"`{field.encode_name}`"
            default = "required" if field.required else f"`{json.dumps(field.default)}`"
            meaning = _sentence(options[field.name].help)
            row = (name, _json_type(hints[field.name]), default, meaning)
            found.setdefault(row, []).append(f"`{_tag(kind)}`")
    rows = [(row[0], ", ".join(kinds), *row[1:]) for row, kinds in found.items()]
    return _table("Field", "Kinds", "Value", "Default", "Meaning", rows=rows)


def report_parts() -> str:
    """Return the table of the parts of a report that are objects, or lists of them."""
    rows = []
    for name, hint in typing.get_type_hints(BuildReport).items():
        rows += [
            (f"`{name}`", inspect.getdoc(kind) or "", _fields(kind))
            for kind in _structs(hint)
            if kind is not BuildReport
        ]
    return _table("Key", "Meaning", "Fields", rows=rows)


def _structs(hint: Any) -> list[type[msgspec.Struct]]:
    """Return the structs in a type."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [found for inner in typing.get_args(hint) for found in _structs(inner)]


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _fields(kind: type[msgspec.Struct]) -> str:
    """Return the fields of a struct, each with the JSON that it is."""
    hints = typing.get_type_hints(kind)
    return ", ".join(
        f"`{field.encode_name}` {_json_type(hints[field.name])}"
        for field in msgspec.structs.fields(kind)
    )


def _json_type(hint: Any) -> str:
    """Return what a type is in JSON, in a word or two."""
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
    if hint in plain:
        return plain[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return f"({', '.join(f'`{value}`' for value in inner)})"
    if origin in (typing.Union, UnionType):
        return " or ".join(dict.fromkeys(map(_json_type, inner)))
    if origin is tuple:
        return f"list of {_json_type(inner[0])}"
    return "object"


def _definition(term: str, text: str) -> str:
    return f"{term}\n: {text}\n"


def _sentence(text: str) -> str:
    """Return a help text of argparse or traitlets as a sentence of Markdown."""
    text = " ".join(text.split()).replace("%%", "%")
    return f"{text[0].upper()}{text[1:]}".removesuffix(".") + "."


def _table(*heads: str, rows: list[tuple[str, ...]]) -> str:
    lines = []
    for row in (heads, ("---",) * len(heads), *rows):
        cells = (" ".join(cell.replace("|", "\\|").split()) for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def variables() -> str:
    """Return the variables that a build sees, by group."""
    rows = [
        (group, ", ".join(f"`{name}`" for name in names))
        for group, names in build_variables.groups().items()
        if group not in build_variables.HIDDEN_GROUPS
    ]
    return _table("For", "Variables", rows=rows)


#: Where the errors are constructed.
PACKAGE = Path(cli.__file__).parents[1]


class ErrorRow(typing.NamedTuple):
    """A kind of error; what varies in its sentences is in capitals."""

    code: str
    kind: str
    what: str
    why: str
    fix: str
    status: int


@functools.cache
def error_rows() -> list[ErrorRow]:
    """Return every error that the package constructs, and the known ones, by code."""
    trees = [_parse(path) for path in PACKAGE.rglob("*.py")]
    statuses = _statuses(trees)
    rows = {
        ErrorRow(code, kind, *map(_shown, call.args[:3]), statuses[kind])
        for tree in trees
        for kind, call in error_calls(tree)
        if isinstance(code := ast.literal_eval(_code(call) or ast.Constant(None)), str)
    }
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = {each.arg: each.value for each in call.keywords}
        if ast.unparse(call.func) == "ErrorInfo" and isinstance(given.get("code"), ast.Constant):
            code, *texts = (_shown(given[name]) for name in ("code", "what", "why", "fix"))
            status = statuses.get(ast.unparse(given["status"]).removesuffix(".status"), 1)
            rows.add(ErrorRow(code, "ErrorInfo", *texts, status))
    kinds = {kind.status: kind.__name__ for kind in errors.WasmwheelError.__subclasses__()}
    for known in known_errors.load():
        texts = (_filled(text) for text in (known.what, known.why, known.fix))
        rows.add(ErrorRow(known.code, kinds[known.status], *texts, known.status))
    return sorted(rows)


def _parse(path: Path) -> ast.Module:
    """Parse a module, with variables that are set once to a text replaced by this text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        values: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values.setdefault(node.targets[0].id, []).append(node.value)
        for _, call in error_calls(function):
            for argument in call.args[:3]:
                for part in [call, *ast.walk(argument)]:
                    _replace_names(part, values)
    return tree


def _replace_names(node: ast.AST, values: dict[str, list[ast.expr]]) -> None:
    """Replace variables directly below a node by their only value, if it is a text."""

    def replaced(child: Any) -> Any:
        found = values.get(child.id, []) if isinstance(child, ast.Name) else []
        return found[0] if len(found) == 1 and _is_text(found[0]) else child

    if isinstance(node, ast.Call):
        node.args = [replaced(each) for each in node.args]
    elif isinstance(node, ast.FormattedValue):
        node.value = replaced(node.value)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_optional(node)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_optional(node: ast.expr) -> bool:
    """Return whether a part of a sentence can be empty."""
    return isinstance(node, ast.IfExp) and ast.unparse(node.orelse) == "''"


def _filled(template: str) -> str:
    """Return a template of a known error as the page shows it.

    Of adjacent values, which are alternatives, it shows the first; one after a full stop can be
    empty.
    """
    template = re.sub(r"(?<=\.)\$\w+", "", template)
    return re.sub(r"\$(\w+)(?:\$\w+)*", _capitals, template)


def error_calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield each construction of an error with its three sentences, and the error's class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            inits = (each for each in calls if ast.unparse(each.func).startswith("super("))
            yield from ((node.name, call) for call in inits if len(call.args) == 3)
        if isinstance(node, ast.Call) and len(node.args) == 3:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name.endswith("Error") and name != "OSError":
                yield name, node


def _code(call: ast.Call) -> ast.Constant | None:
    """Return the code that an error is given, where it is written there."""
    codes = (each.value for each in call.keywords if each.arg == "code")
    return next((each for each in codes if isinstance(each, ast.Constant)), None)


def _statuses(trees: list[ast.Module]) -> dict[str, int]:
    """Return the exit status of each class of errors, those included that other modules derive."""
    kinds = (errors.WasmwheelError, *errors.WasmwheelError.__subclasses__())
    found = {kind.__name__: kind.status for kind in kinds}
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in range(3):  # a class of a class
        for node in classes:
            bases = (found.get(ast.unparse(base)) for base in node.bases)
            status = next((each for each in bases if each is not None), None)
            if status is not None:
                found.setdefault(node.name, status)
    return found


def _shown(node: ast.expr) -> str:
    """Return a sentence as the page shows it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_shown, node.values))
    if isinstance(node, ast.FormattedValue):
        if _is_optional(node.value):
            return ""
        return _shown(node.value) if _is_text(node.value) else _placeholder(node.value)
    if isinstance(node, ast.IfExp):
        return f"{_shown(node.body)} · {_shown(node.orelse)}"
    if isinstance(node, ast.BinOp):
        return re.sub("…+", "…", _shown(node.left) + _shown(node.right))
    return "…"


@functools.cache
def _constants() -> dict[str, str]:
    """Return the texts and numbers of the package's constants, by name."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    return {
        target.id: f"{value:g}" if isinstance(value := node.value.value, float) else f"{value}"
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def _placeholder(node: ast.expr) -> str:
    """Return the value of a constant in a sentence, or a word in capitals for another value."""
    constant = _constants().get(ast.unparse(node).rpartition(".")[2])
    if constant is not None and _is_plain(node):
        return constant
    names = re.findall(r"[a-z]\w*", ast.unparse(node)) if _is_plain(node) else []
    named = [name for name in names if name not in ("self", "name", "label", "origin", "shown")]
    return (named or names or ["…"])[-1].upper()


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_plain(node.value))


def _capitals(found: re.Match[str]) -> str:
    return found[1].upper()


def error_codes() -> str:
    """Return the table of all codes."""
    rows = []
    for code, group in groupby(error_rows(), key=lambda row: row.code):
        same = list(group)
        texts = dict.fromkeys(_escaped(each.what) for each in same)
        rows.append((f"`{code}`", " · ".join(texts), f"{same[0].status}"))
    return _table("Code", "Error", "Exit status", rows=rows)


#: The sections of docs/troubleshooting.md, each with the areas of its errors.
SECTIONS = {
    "The toolchain": "toolchain rust rustup sysroot linker emscripten headers seeds",
    "Pyodide and Node.js": "pyodide node npm target",
    "The source": "source project git index archive edits recipe starter",
    "Crates and build requirements": "crates lock backend config",
    "Programs that build scripts run": "tool",
    "Compiling": "compile build build-script",
    "Checks and the import": "audit import requirement wheel",
    "Tests": "tests",
    "Limits and the disk": "limit disk",
    "Sites": "site publish proxy snippet",
    "Publishing a package": "export report",
    "Commands, stores and notebooks": "usage store run builder widget",
    "The server and clusters": "request http job server cluster",
}


def troubleshooting() -> str:
    """Return all errors with their causes and remedies, by what failed."""
    parts = []
    for title, areas in SECTIONS.items():
        rows = [each for each in error_rows() if each.code.partition(".")[0] in areas.split()]
        parts.append(f"## {title}\n")
        parts += map(_entry, sorted(rows, key=lambda row: row.what))
    return "\n".join(parts)


def _entry(row: ErrorRow) -> str:
    """Return the definition of an error, without the sentences known only when it occurs."""
    what = "" if row.what == "…" else _escaped(row.what)
    why, fix = (_escaped(_without_unknown(text)) for text in (row.why, row.fix))
    term = f"{what} (`{row.code}`)" if what else f"`{row.code}`"
    cause = " ".join([why, f"*Fix:* {fix}"] if fix else [why]).strip()
    return f"{term}\n: {cause or 'The message names the cause and the remedy.'}\n"


def _without_unknown(text: str) -> str:
    """Return a text without the sentences that are known only when the error occurs."""
    first = r"^(…: )?(…+|CAUSE|ERROR|FINDINGS|MESSAGE|REASON|WHY)\.?( (?=[A-Z])|$)"
    return re.sub(r"(?<=\.) …$", "", re.sub(first, "", text))


def _escaped(text: str) -> str:
    """Return a sentence without what Markdown would read as something else outside of code."""
    pieces = text.split("`")
    pieces[::2] = [re.sub(r"([\\*_\[\]<>{}~#$])", r"\\\1", each) for each in pieces[::2]]
    return "`".join(pieces)


#: The parts that a page can have, by name.
GENERATED: dict[str, Callable[[], str]] = {
    "command line": command_line,
    "exit statuses": exit_statuses,
    "routes": route_table,
    "configuration": configuration,
    "events": event_kinds,
    "phases": lambda: ", ".join(f"`{name}`" for name in events.PHASES),
    "request kinds": request_kinds,
    "request fields": request_fields,
    "report": report_parts,
    "build variables": variables,
    "error codes": error_codes,
    "troubleshooting": troubleshooting,
}


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Fill the pages with what is generated."""

    def fill(sphinx: Sphinx, page: str, source: list[str]) -> None:
        source[0] = MARK.sub(lambda mark: GENERATED[mark[1]](), source[0])

    sphinx.connect("source-read", fill)
    return {"parallel_read_safe": True}
