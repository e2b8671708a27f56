"""Pyodide's lock: the packages of a runtime or a site, and the places of their files.

A site's lock can be untrusted, so each value that is used is validated when it is read: a name is
not a path, and a path is beneath the lock's own folder (safe_paths.py).

Written by hand because `pyodide-lock` (0.1.2) requires Python 3.12 to read the locks of Pyodide
314, and rejects unknown fields. The format is `pyodide-lock.json` of Pyodide's documentation of
packages; unknown fields are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from .. import safe_paths
from ..api.errors import SiteError
from ..safe_paths import Root
from ..store import replace_file
from ..wheel import Wheel

#: The name of the file, in a runtime's folder and beside a site's wheels.
FILE = "pyodide-lock.json"

#: Names of packages and versions, and the other texts of a lock.
Word = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_][A-Za-z0-9_.+!-]{0,254}\Z")]
Module = Annotated[str, Meta(pattern=r"\A[^\x00-\x20/\\\x7f]{1,255}\Z")]
Hash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Place = Annotated[
    str,
    Meta(
        pattern=rf"\A(?:https?://[!#-;=?-\[\]_a-z~%]+|{safe_paths.PATH_PATTERN})\Z",
        max_length=safe_paths.MAX_PATH_CHARS,
    ),
]
ShippedPlace = Annotated[str, Meta(pattern=r"\Adata/[0-9a-f]{64}/[A-Za-z0-9_.-]{1,128}\Z")]
ShortText = Annotated[str, Meta(pattern=r"\A[ -~]{0,128}\Z")]


class _Info(Struct):
    """The fields of a lock's `info` that are used; the ABI is part of a path in the store."""

    abi_version: Annotated[str, Meta(pattern=r"\A[0-9]{4}_[0-9]{1,4}\Z")]
    python: Annotated[str, Meta(pattern=r"\A[0-9]{1,3}\.[0-9]{1,3}[0-9A-Za-z.+]{0,32}\Z")]
    platform: ShortText = ""


class _Row(Struct):
    """The fields of a row of `packages` that are used."""

    name: Word
    version: Word
    file_name: Place
    sha256: Hash
    imports: Annotated[tuple[Module, ...], Meta(max_length=10_000)]
    depends: Annotated[tuple[Word, ...], Meta(max_length=10_000)]
    install_dir: ShortText = "site"
    package_type: ShortText = "package"
    unvendored_tests: bool = False
    tool: _Tool | UnsetType = UNSET


class _Lock(Struct):
    """The fields of a lock that are used."""

    info: _Info
    packages: dict[str, _Row]


class _Tool(Struct):
    """Our part of a row's `tool`."""

    wasmwheel: _Published | UnsetType = UNSET


class _Published(Struct):
    """What publishing records of a package (site/publish.py)."""

    published: ShortText
    size: Annotated[int, Meta(ge=0, le=2**53)]
    displaced: _Row | None = None
    data: dict[Annotated[str, Meta(max_length=4096)], ShippedPlace] = {}


class Entry(Struct, frozen=True, kw_only=True):
    """A package of a lock; `file_name` is a URL, or a path beneath the lock's own folder."""

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
        """Validate a row of `packages`, and return its entry."""
        msgspec.convert(row, _Row)
        return cls.from_row(row)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Entry:
        """Return the entry of a validated row."""
        known = set(cls.__struct_fields__) - {"extra"}
        return cls(
            **{key: value for key, value in row.items() if key in known}
            | {"imports": tuple(row["imports"]), "depends": tuple(row["depends"])},
            extra={key: value for key, value in row.items() if key not in known},
        )

    @property
    def published(self) -> Mapping[str, Any] | None:
        """Return what publishing recorded of it (`tool.wasmwheel`); None if it is Pyodide's own."""
        found: Mapping[str, Any] | None = self.extra.get("tool", {}).get("wasmwheel")
        return found

    @property
    def namespaces(self) -> set[str]:
        """Return the imports that lead to others of it (`acme` for `acme.text`)."""
        return _parents(self.imports) & set(self.imports)

    def row(self) -> dict[str, Any]:
        """Return the entry as a row of a lock's `packages`."""
        fields = {key: getattr(self, key) for key in self.__struct_fields__ if key != "extra"}
        lists = {"imports": list(self.imports), "depends": list(self.depends)}
        return {**fields, **lists, **self.extra}


class Rows(Mapping[str, Entry]):
    """The packages of a lock by canonical name; each row becomes an entry when it is accessed.

    A lock has hundreds of packages, and publishing one accesses a few of them.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, Any] | Entry]) -> None:
        self.rows = rows

    def __getitem__(self, name: str) -> Entry:
        row = self.rows[name]
        return row if isinstance(row, Entry) else Entry.from_row(row)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


#: The maximum size of a lock, many times that of Pyodide's own.
MAX_LOCK_BYTES = 4 * 1024**2

#: The errors of reading an invalid lock.
READ_ERRORS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class Lock(Struct, frozen=True, kw_only=True):
    """A lock; `head` is the file without its packages, which are keyed by canonical name.

    `files_url` is where a Pyodide's own lock was released with the files of its packages.
    """

    head: Mapping[str, Any]
    packages: Mapping[str, Entry]
    files_url: str | None = None

    @property
    def abi(self) -> str:
        """Return the ABI of the lock's runtime, such as `2026_0`."""
        return str(self.head["info"]["abi_version"])

    @property
    def python(self) -> str:
        """Return the full version of the runtime's Python."""
        return str(self.head["info"]["python"])

    def get(self, name: str) -> Entry | None:
        """Return the entry of a package, in any spelling of its name (PEP 503)."""
        return self.packages.get(canonicalize_name(name))

    def closure(self, names: Iterable[str]) -> tuple[list[Entry], list[str]]:
        """Return the entries of packages and of their dependencies, and the missing names."""
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
        """Return the lock with an entry, in place of one with the same name.

        The name of a namespace leads to the first of its packages, because it can lead to only one.
        """
        key = canonicalize_name(entry.name)
        shared = entry.namespaces and entry.namespaces & self._imports_of_others(key)
        if shared:
            entry = replace(entry, imports=tuple(n for n in entry.imports if n not in shared))
        return replace(self, packages=Rows({**self._rows, key: entry}))

    def _imports_of_others(self, key: str) -> set[str]:
        others = (self.packages[name] for name in self.packages if name != key)
        return {name for entry in others for name in entry.imports}

    def without(self, name: str) -> Lock:
        """Return the lock without a package."""
        rows = dict(self._rows)
        rows.pop(canonicalize_name(name), None)
        return replace(self, packages=Rows(rows))

    def dump(self) -> bytes:
        """Return the lock as the file's bytes."""
        rows = {
            name: row.row() if isinstance(row, Entry) else row for name, row in self._rows.items()
        }
        return msgspec.json.encode({**self.head, "packages": rows})

    @property
    def _rows(self) -> Mapping[str, Mapping[str, Any] | Entry]:
        return self.packages.rows if isinstance(self.packages, Rows) else self.packages

    def write(self, path: Path) -> None:
        """Replace a lock's file atomically."""
        replace_file(path, self.dump())


def _parents(names: Iterable[str]) -> set[str]:
    """Return the dotted names that contain others."""
    parts = [name.split(".") for name in names]
    return {".".join(each[:length]) for each in parts for length in range(1, len(each))}


def entry_for(wheel: Wheel, file_name: str, depends: Iterable[str]) -> Entry:
    """Return the entry to publish a wheel with.

    Its imports include the namespaces (PEP 420) of its packages, for `from acme import text`.
    """
    imports = {*wheel.own_imports, *_parents(wheel.own_imports)}
    return Entry(
        name=wheel.canonical_name,
        version=wheel.version,
        file_name=file_name,
        sha256=wheel.sha256,
        imports=tuple(sorted(imports)),
        depends=tuple(sorted(canonicalize_name(name) for name in depends)),
        extra={},
    )


def read(path: Path) -> Lock:
    """Read the lock in a file of our own."""
    try:
        return _parse(path.read_bytes())
    except (*READ_ERRORS, OSError) as error:
        raise _invalid(path, error) from error


def read_beneath(root: Root) -> Lock:
    """Read the lock in a folder whose links are not followed, such as a site's."""
    try:
        return _parse(root.read(FILE, MAX_LOCK_BYTES))
    except (*READ_ERRORS, OSError) as error:
        raise _invalid(root.path(FILE), error) from error


def _invalid(path: Path, error: Exception) -> SiteError:
    return SiteError(
        f"Invalid Pyodide lock {path}.",
        f"{type(error).__name__}: {error}",
        "Remove the site and create it again with `jupyter wasmwheel site create`.",
        code="site.invalid-lock",
    )


def _parse(data: bytes) -> Lock:
    head = msgspec.json.decode(data)
    msgspec.convert(head, _Lock)
    rows = {str(canonicalize_name(name)): row for name, row in head.pop("packages").items()}
    for name, row in rows.items():
        if row["name"] != name and canonicalize_name(row["name"]) != name:
            raise ValueError(f"the entry of {name!r:.80} is of {row['name']!r:.80}")
    return Lock(head=head, packages=Rows(rows))
