"""The Python versions that a project supports, compared with that of a target before a build."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator
from pathlib import Path

from .. import text_files
from ..api.errors import Retry, SourceError
from ..package_metadata import PARSE_ERRORS, has_long_number
from ..runtime import targets
from ..runtime.targets import Target
from . import manifest
from .manifest import Project


def require(project: Project, target: Target, *, for_site: bool) -> None:
    """Raise a SourceError, with the targets that fit, if a project excludes a target's Python."""
    for file, wanted in _declared(project.folder):
        if not target.is_python_in(wanted):
            raise _excluded(project, file, wanted, target, for_site=for_site)


def _excluded(
    project: Project, file: str, wanted: str, target: Target, *, for_site: bool
) -> SourceError:
    fitting = [each for each in targets.all_targets() if each.is_python_in(wanted)]
    if fitting:
        best = fitting[-1]
        where = "create a site with" if for_site else "build with"
        fix = f"To use Python {best.python}, {where} `--target {best.abi}`."
    else:
        known = ", ".join(each.python for each in targets.all_targets())
        fix = f"Change it in {file}. Pyodide has no such Python; the targets have {known}."
    return SourceError(
        f"{project.label} does not support Python {target.python}.",
        f"{file} sets requires-python to `{wanted}`, and target {target.abi} has Python "
        f"{target.python}.",
        fix,
        code="project.python-not-supported",
        remedies=[Retry(changes={"target": fitting[-1].abi})] if fitting and not for_site else [],
    )


def _declared(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the static values with the names of their files."""
    pyproject = manifest.load_pyproject(folder)
    static = pyproject.get("project", {}).get("requires-python")
    poetry = pyproject.get("tool", {}).get("poetry", {})
    found = {
        "pyproject.toml": static or poetry.get("dependencies", {}).get("python"),
        "setup.cfg": _in_setup_cfg(folder / "setup.cfg"),
        "setup.py": _in_setup_py(folder / "setup.py"),
        "PKG-INFO": manifest.pkg_info(folder).get("requires_python"),
    }
    if static:
        found = {"pyproject.toml": static}  # the others do not count
    for file, value in found.items():
        if isinstance(value, str) and not has_long_number(value):
            yield file, value


def _in_setup_cfg(path: Path) -> str | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text_files.read_text(path) if path.is_file() else "")
    except configparser.Error:
        return None  # the build backend reports it
    return parser.get("options", "python_requires", fallback=None)


def _in_setup_py(path: Path) -> str | None:
    """Return the argument if it is a literal; setup.py is not run."""
    try:
        tree = ast.parse(text_files.read_bytes(path) if path.is_file() else b"")
    except (SyntaxError, *PARSE_ERRORS):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "python_requires":
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            return value if isinstance(value, str) else None
    return None
