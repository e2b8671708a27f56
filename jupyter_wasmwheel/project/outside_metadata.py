"""Read-me and license files outside a project's Cargo workspace, which maturin 1.16 rejects.

Earlier versions read them. A copy of the project has them in the project's folder.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ..text_files import named
from .manifest import Project, load_pyproject, workspace_root


class MovedFile(Struct, frozen=True, kw_only=True):
    """A file that pyproject.toml names as `named`, and its name in the copy's project folder."""

    named: str
    path: Path
    name: str


def find(project: Project) -> tuple[MovedFile, ...]:
    """Return the files that a build with maturin reads outside its workspace."""
    if not project.is_maturin or project.crate is None:
        return ()
    top = workspace_root(project.crate, project.tree) or project.folder
    pyproject = project.folder / "pyproject.toml"
    table = load_pyproject(project.folder).get("project", {})
    moved = []
    for key in ("readme", "license"):
        value = table.get(key)
        text = value.get("file") if isinstance(value, dict) else value
        if not isinstance(text, str) or ".." not in Path(text).parts:
            continue
        path = named(project.folder, text, pyproject)
        if path.is_file() and not path.is_relative_to(top):
            is_free = not (project.folder / path.name).exists()
            name = path.name if is_free else f"outside-{path.name}"
            moved.append(MovedFile(named=text, path=path, name=name))
    return tuple(moved)
