"""The package has no import cycle, including imports for typing and in functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import jupyter_wasmwheel

ROOT = Path(jupyter_wasmwheel.__file__).parent

#: Templates are separate projects.
NOT_OURS = ROOT / "templates"

#: A Jupyter server asks the package itself for its extension, and a notebook for the widget; only
#: then are they imported.
ENTRY_POINTS = {
    ("jupyter_wasmwheel", "jupyter_wasmwheel.server.app"),
    ("jupyter_wasmwheel", "jupyter_wasmwheel.widget.wheel_builder"),
}


def modules(root: Path) -> dict[str, Path]:
    """Return the modules below a package's folder, by their full names."""
    found = {}
    for path in root.rglob("*.py"):
        if NOT_OURS not in path.parents:
            parts = path.relative_to(root.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_modules(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the known modules that a module imports, anywhere in its text."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                if whole in known or source in known:
                    yield whole if whole in known else source


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return the modules that each module imports."""
    known = modules(root)
    return {name: {*imported_modules(name, path, known)} - {name} for name, path in known.items()}


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return one cycle, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_package_has_no_import_cycles() -> None:
    graph = import_graph(ROOT)
    assert len(graph) > 100
    for importer, target in ENTRY_POINTS:
        assert target in graph[importer], f"{importer} no longer imports {target}: remove the entry"
        graph[importer].discard(target)
    assert not find_cycle(graph)


def test_import_cycles_are_detected_in_every_form(tmp_path: Path) -> None:
    package = tmp_path / "jupyter_wasmwheel"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "room/__init__.py").touch()
    (package / "room/one.py").write_text("from .. import two\n")
    for text in (
        "from .room.one import name\n",
        "def late():\n    from .room import one\n",
        "if TYPE_CHECKING:\n    import jupyter_wasmwheel.room.one\n",
    ):
        (package / "two.py").write_text(text)
        found = find_cycle(import_graph(package))
        assert {*found} == {"jupyter_wasmwheel.room.one", "jupyter_wasmwheel.two"}
    (package / "two.py").write_text("import typing\n")
    assert not find_cycle(import_graph(package))
