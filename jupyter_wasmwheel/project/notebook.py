"""The notebook of a project's own that a site shows it with: `[tool.wasmwheel]` names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..api.errors import SourceError
from .manifest import Project, load_toml


def read(project: Project) -> dict[str, Any] | None:
    """The notebook that a project's pyproject.toml names, or None; a SourceError where it is none.

    `notebook` under `[tool.wasmwheel]` is its path in the project, with `/` between folders.
    """
    manifest = project.folder / "pyproject.toml"
    named = _named(manifest) if manifest.is_file() else None
    if named is None:
        return None
    path = (project.folder / str(named)).resolve()
    if not path.is_relative_to(project.folder.resolve()):
        raise _wrong(manifest, named, "It is outside of the project.")
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise _wrong(manifest, named, f"{error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(manifest, named, f"It is not valid JSON: {error}.") from error
    if not _is_notebook(document):
        raise _wrong(manifest, named, "It is no notebook of the format 4.")
    return dict(document)


def _named(manifest: Path) -> object:
    table = load_toml(manifest).get("tool", {}).get("wasmwheel", {})
    return table.get("notebook") if isinstance(table, dict) else None


def _is_notebook(document: object) -> bool:
    return (
        isinstance(document, dict)
        and document.get("nbformat") == 4
        and isinstance(document.get("metadata"), dict)
        and isinstance(document.get("cells"), list)
        and all(isinstance(cell, dict) and "cell_type" in cell for cell in document["cells"])
    )


def _wrong(manifest: Path, named: object, why: str) -> SourceError:
    return SourceError(
        f"Invalid demo notebook {named}.",
        f"{manifest} names it under `[tool.wasmwheel]`. {why}",
        "Correct `notebook`, or take it out: the site then shows the package with a plain one.",
        code="project.invalid-notebook",
    )
