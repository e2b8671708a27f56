"""Pyodide's lock, read and edited: which packages a runtime knows and where their files are.

Written by hand because `pyodide-lock` (0.1.2) needs Python 3.12 to read the locks of Pyodide 314,
and refuses fields that it does not know. The format is `pyodide-lock.json` as Pyodide's
`packages` documentation describes it; what is not understood is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from ..api.errors import SiteError
from ..store import replace_file
from ..wheel import Wheel

#: What stands around the packages in a lock's file that we write.
HEAD_END = ',"packages":{'
TAIL = "}}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A package of a lock. `file_name` is a URL, or a path relative to the lock's own place."""

    name: str
    version: str
    file_name: str
    sha256: str
    imports: tuple[str, ...]
    depends: tuple[str, ...]
    install_dir: str = "site"
    package_type: str = "package"
    unvendored_tests: bool = False
    extra: Mapping[str, Any]

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Entry:
        """The entry of one row of a lock's `packages`."""
        known = set(cls.__dataclass_fields__) - {"extra"}
        return cls(
            **{key: value for key, value in row.items() if key in known}
            | {"imports": tuple(row["imports"]), "depends": tuple(row["depends"])},
            extra={key: value for key, value in row.items() if key not in known},
        )

    def row(self) -> dict[str, Any]:
        """The entry as a row of a lock's `packages`."""
        fields = {key: getattr(self, key) for key in self.__dataclass_fields__ if key != "extra"}
        return (
            fields
            | {"imports": list(self.imports), "depends": list(self.depends)}
            | dict(self.extra)
        )


class Rows(Mapping[str, Entry]):
    """The packages of a lock by canonical name, each kept as its text until it is asked for.

    A lock has hundreds of packages, and whoever publishes one looks at a few of them.
    """

    def __init__(self, rows: Mapping[str, str | Entry]) -> None:
        self._rows = rows

    def __getitem__(self, name: str) -> Entry:
        row = self._rows[name]
        if not isinstance(row, str):
            return row
        try:
            return Entry.parse(json.loads(row))
        except UNREADABLE as error:
            raise SiteError(
                f"The entry of {name} in a Pyodide lock is none.",
                f"{type(error).__name__}: {error}",
                "Make the site anew with `jupyter wasmwheel site create`.",
            ) from error

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, name: str, entry: Entry) -> Rows:
        """The rows with one more, or another one of the same name."""
        return Rows({**self._rows, name: entry})

    def drop(self, name: str) -> Rows:
        """The rows without one."""
        return Rows({key: row for key, row in self._rows.items() if key != name})

    def lines(self) -> Iterator[str]:
        """Each row as a member of a JSON object, which has no line break in it."""
        for name, row in self._rows.items():
            text = row if isinstance(row, str) else json.dumps(row.row(), separators=(",", ":"))
            yield f'"{name}":{text}'


#: What is raised where a text is no lock.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A lock: `head` is all of the file but its packages, which are keyed by canonical name."""

    head: Mapping[str, Any]
    packages: Mapping[str, Entry]

    @property
    def abi(self) -> str:
        """The ABI of the runtime that the lock belongs to, as `2026_0`."""
        return str(self.head["info"]["abi_version"])

    @property
    def python(self) -> str:
        """The full version of the runtime's Python."""
        return str(self.head["info"]["python"])

    def get(self, name: str) -> Entry | None:
        """The entry of a package, whichever way its name is spelled (PEP 503)."""
        return self.packages.get(canonicalize_name(name))

    def closure(self, names: Iterable[str]) -> tuple[list[Entry], list[str]]:
        """The entries of packages and all that they depend on, and the names that are not there."""
        entries: dict[str, Entry] = {}
        missing: list[str] = []
        waiting = list(names)
        while waiting:
            name = canonicalize_name(waiting.pop())
            entry = self.packages.get(name)
            if entry is None:
                missing.append(name)
            elif name not in entries:
                entries[name] = entry
                waiting.extend(entry.depends)
        return list(entries.values()), sorted(set(missing))

    def with_entry(self, entry: Entry) -> Lock:
        """The lock with an entry added, or put in the place of one of the same name."""
        rows = self.packages if isinstance(self.packages, Rows) else Rows(self.packages)
        return replace(self, packages=rows.put(canonicalize_name(entry.name), entry))

    def without(self, name: str) -> Lock:
        """The lock without a package."""
        rows = self.packages if isinstance(self.packages, Rows) else Rows(self.packages)
        return replace(self, packages=rows.drop(canonicalize_name(name)))

    def dump(self) -> bytes:
        """The lock as the file's bytes: a line for what is not a package, then a line for each."""
        rows = self.packages if isinstance(self.packages, Rows) else Rows(self.packages)
        head = json.dumps(self.head, separators=(",", ":"))[:-1]
        return "\n".join((head + HEAD_END, ",\n".join(rows.lines()), TAIL)).encode()

    def write(self, path: Path) -> None:
        """Replace a lock's file by this one, whole."""
        replace_file(path, self.dump())


def entry_for(wheel: Wheel, file_name: str, depends: Iterable[str]) -> Entry:
    """The entry under which a wheel of ours is published."""
    return Entry(
        name=wheel.canonical_name,
        version=wheel.version,
        file_name=file_name,
        sha256=wheel.sha256,
        imports=wheel.imports,
        depends=tuple(sorted(canonicalize_name(name) for name in depends)),
        extra={},
    )


def read(path: Path) -> Lock:
    """The lock in a file; a SiteError where it is none."""
    try:
        text = path.read_text(encoding="utf-8")
        lock = _read_lines(text) or _read_any(text)
        lock.abi, lock.python  # noqa: B018 - both must be there
    except (*UNREADABLE, OSError) as error:
        raise SiteError(
            f"{path} is not a Pyodide lock.",
            f"{type(error).__name__}: {error}",
            "Make the site anew with `jupyter wasmwheel site create`.",
        ) from error
    return lock


def _read_lines(text: str) -> Lock | None:
    """The lock in a text that `Lock.dump` wrote, or None where it is not of that form."""
    head, _, body = text.partition("\n")
    if not (head.endswith(HEAD_END) and body.endswith("\n" + TAIL)):
        return None
    lines = body.removesuffix("\n" + TAIL).split(",\n")
    cut = ((line.split('"', 2)[1], line) for line in lines if line)
    rows = {name: line[len(name) + 3 :] for name, line in cut}
    return Lock(head=json.loads(head.removesuffix(HEAD_END) + "}"), packages=Rows(rows))


def _read_any(text: str) -> Lock:
    """The lock in a text that anybody wrote."""
    data = json.loads(text)
    packages = {
        str(canonicalize_name(name)): Entry.parse(row) for name, row in data.pop("packages").items()
    }
    return Lock(head=data, packages=packages)
