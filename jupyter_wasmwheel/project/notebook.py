"""A project's demo notebook, which a site shows: `notebook` in `[tool.wasmwheel]`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import text_files
from ..api.errors import SourceError
from ..safe_paths import MAX_DOCUMENT_BYTES
from .manifest import Project, load_toml

#: The largest notebook that is published, with its indentation: a site's journal contains it.
MAX_BYTES = 2 * MAX_DOCUMENT_BYTES


def read(project: Project) -> dict[str, Any] | None:
    """Read the notebook that a project's pyproject.toml names; a SourceError if it is invalid."""
    manifest = project.folder / "pyproject.toml"
    table = load_toml(manifest).get("tool", {}).get("wasmwheel") if manifest.is_file() else None
    named = table.get("notebook") if isinstance(table, dict) else None
    if named is None:
        return None
    path = text_files.named(project.folder, named, manifest)
    if not path.is_relative_to(project.folder.resolve()):
        raise _wrong(manifest, named, "It is outside the project.")
    try:
        document = json.loads(text_files.read_bytes(path))
    except OSError as error:
        raise _wrong(manifest, named, f"{error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(manifest, named, f"It is not valid JSON: {error}.") from error
    if not _is_notebook(document):
        raise _wrong(manifest, named, "It is not a notebook in format 4.")
    try:
        _require_writable(document)
    except (ValueError, RecursionError) as error:
        raise _wrong(manifest, named, f"It cannot be written as JSON: {error}.") from error
    return dict(document)


def _require_writable(document: object) -> None:
    """Raise a ValueError for a notebook that cannot be written, or is large when it is indented."""
    size = 0
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=1)
    for part in encoder.iterencode(document):
        size += len(part.encode())
        if size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")


def _is_notebook(document: object) -> bool:
    return (
        isinstance(document, dict)
        and document.get("nbformat") == 4
        and isinstance(document.get("metadata"), dict)
        and isinstance(document.get("cells"), list)
        and all(
            isinstance(cell, dict) and isinstance(cell.get("cell_type"), str)
            for cell in document["cells"]
        )
    )


def _wrong(manifest: Path, named: object, why: str) -> SourceError:
    return SourceError(
        f"Invalid demo notebook {named}.",
        f"{why} {manifest} names it in `[tool.wasmwheel]`.",
        "Correct `notebook`, or remove it to use a generated notebook.",
        code="project.invalid-notebook",
    )
