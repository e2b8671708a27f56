"""The text files of a package, and the paths in them: anyone can have made the package.

Files are read whole within a limit, and paths that no file can have are refused.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any

import tomli

from .api.errors import SourceError
from .safe_paths import MAX_DOCUMENT_BYTES, MAX_PATH_CHARS, real_path

#: The most paths that the patterns of a file are compared with.
MAX_ENTRIES = 100_000

#: The wildcards of a pattern, as in `crates/*`.
_WILDCARD = re.compile(r"[*?[]")


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


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file; raise a SourceError if it is too large or invalid."""
    return parse_toml(read_bytes(path), path)


def parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    """Return the table in the bytes of a TOML file; raise a SourceError if it is invalid."""
    try:
        # cargo reads TOML 1.1, as tomli does and tomllib does not; tomllib needs hours for a long
        # key. Editors on Windows begin files with a byte order mark, which cargo skips too.
        return tomli.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"Could not read {path}.",
            f"It is not valid TOML: {error}.",
            "Correct that line.",
            code="project.invalid-toml",
        ) from error


def named(folder: Path, name: object, origin: Path, tree: Path | None = None) -> Path:
    """Return the real path that a file `origin` names in a folder, which need not exist.

    A SourceError says that no file can have that path, or that it leaves the tree of its source.
    """
    if not isinstance(name, str) or len(name) > MAX_PATH_CHARS:
        expected = f"Expected a string of at most {MAX_PATH_CHARS:,} characters as a path."
        raise _invalid_path(expected, origin)
    try:
        path = real_path(folder / name)
    except ValueError as error:
        raise _invalid_path(f"{name!r:.200}: {error}.", origin) from error
    return require_within(tree, path, origin)


def match(
    folder: Path, patterns: Iterable[str], origin: Path, tree: Path | None = None
) -> list[Path]:
    """Return the real paths that patterns of a file `origin`, such as `crates/*`, match.

    Steps upwards can only be before the first wildcard. The number of paths that the patterns are
    compared with is limited. Errors are those of `named`.
    """
    found: set[Path] = set()
    left = MAX_ENTRIES
    for pattern in patterns:
        parts = PurePath(pattern).parts
        plain = len([*takewhile(lambda part: not _WILDCARD.search(part), parts)])
        places = [named(folder, os.path.join("", *parts[:plain]), origin, tree)]
        if ".." in parts[plain:] or len(pattern) > MAX_PATH_CHARS:
            raise _invalid_path(f"Invalid pattern {pattern!r:.200}.", origin)
        for part in parts[plain:]:
            inside = [path for place in places for path in _children(place)]
            left -= len(inside)
            if left < 0:
                raise _invalid_path(f"Its patterns match too much: {pattern!r:.200}.", origin)
            places = [path for path in inside if _is_match(path.name, part)]
        found.update(named(path, "", origin, tree) for path in places)
    return sorted(filter(os.path.exists, found))


def _children(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, nothing for anything else."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield folder / entry.name


def _is_match(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern; hidden ones only match those with a dot."""
    return fnmatch(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def require_within(tree: Path | None, path: Path, origin: Path) -> Path:
    """Return a path that `origin` names; a SourceError if it leaves the tree of its source.

    Otherwise a fetched package could copy the user's other projects, and send them to a worker.
    """
    if tree is None or path.is_relative_to(tree):
        return path
    raise SourceError(
        f"{origin.name} of the fetched source names {path}, which is outside the source.",
        "A fetched source can use only its own files, not those of this machine.",
        "If you trust it, clone or unpack it yourself and pass that folder.",
        code="source.outside-tree",
    )


def _invalid_path(why: str, origin: Path) -> SourceError:
    return SourceError(
        f"{origin} contains an invalid path.", why, "Correct it.", code="project.invalid-path"
    )
