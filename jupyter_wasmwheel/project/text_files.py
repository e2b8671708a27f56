"""The text files of a project, read whole within a limit: anyone can have made the project."""

from __future__ import annotations

from pathlib import Path

from ..api.errors import SourceError
from ..safe_paths import MAX_DOCUMENT_BYTES


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file; raise a SourceError if it is too large."""
    with path.open("rb") as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise SourceError(
            f"{path} is too large.",
            f"It has more than {MAX_DOCUMENT_BYTES:,} bytes, which are read into memory.",
            "Remove what does not belong in it.",
            code="project.file-too-large",
        )
    return data


def read_text(path: Path) -> str:
    """Return the text of a file; raise a SourceError if it is too large."""
    return read_bytes(path).decode("utf-8", errors="replace").replace("\r\n", "\n")


def read_start(path: Path) -> str:
    """Return the text of a file that is only searched, without what exceeds the limit."""
    with path.open("rb") as stream:
        return stream.read(MAX_DOCUMENT_BYTES).decode("utf-8", errors="replace")
