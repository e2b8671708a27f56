"""The files of cargo's configuration, and their order: the Cargo book's "Configuration"."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from .. import text_files
from ..api.errors import SourceError

#: The deepest tables of cargo's configuration that are read; cargo has none below five levels.
MAX_DEPTH = 20

#: The most files that a file includes, with those that they include.
MAX_INCLUDED = 100


class ConfigFile(Struct, frozen=True, kw_only=True):
    """A file of cargo's configuration; `root` is the file that includes it, or itself."""

    origin: Path | str
    table: Mapping[str, Any]
    root: Path | None = None
    problem: str = ""

    def is_in(self, copy: Path) -> bool:
        """Return whether it belongs to the project in a private copy."""
        return bool(self.root and self.root.is_relative_to(copy))


def find(folder: Path, environ: Mapping[str, str]) -> list[ConfigFile]:
    """Return the files that cargo reads in a folder, those that it prefers last."""
    places = [*(above / ".cargo" for above in (folder, *folder.parents)), home(environ)]
    found: list[ConfigFile] = []
    for place in dict.fromkeys(places):
        path = next((place / n for n in ("config", "config.toml") if (place / n).is_file()), None)
        if path:
            found[:0] = with_included(path, path, set())
    return found


def home(environ: Mapping[str, str]) -> Path:
    """Return cargo's home, which has the user's own configuration and logins."""
    return Path(environ.get("CARGO_HOME") or Path.home() / ".cargo")


def with_included(root: Path, path: Path, seen: set[Path]) -> Iterator[ConfigFile]:
    """Yield the files that a file includes, then the file, which cargo prefers to them."""
    seen.add(path)
    table, problem = load(path)
    named = table.get("include", [])
    for each in named if isinstance(named, list) else [named]:
        other = path.parent / str(each.get("path", "") if isinstance(each, dict) else each)
        if len(seen) > MAX_INCLUDED:
            problem = f"more than {MAX_INCLUDED} included files"
        elif os.path.isfile(other) and other not in seen:
            yield from with_included(root, other, seen)
    yield ConfigFile(origin=path, table=table, root=root, problem=problem)


def load(path: Path) -> tuple[Mapping[str, Any], str]:
    """Return the table in a file, and what is wrong with one that cannot be read."""
    try:
        table = text_files.read_toml(path)
        return ({}, "nested too deeply") if _is_deep(table) else (table, "")
    except OSError as error:
        return {}, str(error)
    except SourceError as error:
        return {}, error.why


def _is_deep(table: Mapping[str, Any]) -> bool:
    """Return whether a table has more than MAX_DEPTH levels of tables and lists."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for each in inner for value in each if isinstance(value, dict | list)]
    return bool(level)


def table_of(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the table with a name in another one, empty if there is no such table."""
    found = table.get(name)
    return found if isinstance(found, dict) else {}
