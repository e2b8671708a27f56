"""Transactions: each changes a site completely or not at all, even if its process is killed.

A journal in the site's private folder lists the files that a transaction adds, before they are
written. When all are there, the journal gets the new lock, listing and notebooks, and the
transaction is decided. The next command that opens the site completes a decided transaction, and
reverts any other.

A journal can come with a cloned site, so it can name only what publishing itself changes: the lock,
the listing, the simple index, notebooks of packages, and files in folders that are named by their
hash.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ..api.errors import SiteError
from ..safe_paths import MAX_FILE_BYTES, MAX_PATH_CHARS, Root, is_temporary
from ..store import Store
from . import contents, data, simple_index, wheels

#: The journal, and the folder and the file of the lock that a transaction holds.
JOURNAL, LOCKS, LOCK_KEY = "transaction.json", "locks", "lock"

#: Limits of a journal: its size, the texts that it replaces (all are open at once), other paths.
MAX_JOURNAL_BYTES, MAX_TEXTS, MAX_PATHS = 16 * 1024**2, 800, 10_000

#: The paths of a folder that is named by the hash of its only file, and of a package's notebook.
_FOLDER = (
    rf"static/pyodide/(?:{wheels.PUBLISHED}|{wheels.DEPENDENCIES}|{data.FOLDER})/[0-9a-f]{{64}}"
)
_PROJECT = rf"{simple_index.FOLDER}/[a-z0-9-][a-z0-9+!-]{{0,254}}"
_PAGE = rf"(?:{simple_index.FOLDER}|{_PROJECT})/index\.(?:html|json)"
_NOTEBOOK = rf"{contents.FILES}/try-[A-Za-z0-9_.+!-]{{1,512}}\.ipynb"

#: The paths that publishing adds to a site, replaces, marks as outdated, and removes.
AddedPath = Annotated[
    str, Meta(pattern=rf"\A{_FOLDER}/{wheels.SAFE_NAME.pattern}\Z", max_length=MAX_PATH_CHARS)
]
TextPath = Annotated[
    str,
    Meta(
        pattern=rf"\A(?:static/pyodide/pyodide-lock\.json|{contents.LISTING}|{_PAGE}|{_NOTEBOOK})\Z"
    ),
]
FolderPath = Annotated[str, Meta(pattern=rf"\A{_FOLDER}\Z")]
RemovedPath = Annotated[str, Meta(pattern=rf"\A(?:{_FOLDER}|{_PROJECT}|{_NOTEBOOK})\Z")]


class Journal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transaction: the files that it adds and, once it is decided, its other changes.

    `files` are replaced with new texts, in this order; `outdated` paths get the current time, and
    `removed` ones are removed.
    """

    added: Annotated[tuple[AddedPath, ...], Meta(max_length=MAX_PATHS)] = ()
    files: Annotated[dict[TextPath, str], Meta(max_length=MAX_TEXTS)] = {}
    outdated: Annotated[tuple[FolderPath, ...], Meta(max_length=MAX_PATHS)] = ()
    removed: Annotated[tuple[RemovedPath, ...], Meta(max_length=MAX_PATHS)] = ()


def lock_store(private: Root) -> Store:
    """Return the store whose lock a transaction holds, in the private folder of a site."""
    private.make_folder(LOCKS)
    # Locking a file empties it, even through a link.
    private.require_own_file(f"{LOCKS}/{LOCK_KEY}.lock")
    return Store(home=private.path())


class Transaction:
    """A transaction in a site, whose lock this process holds."""

    def __init__(self, site: Root, private: Root) -> None:
        self._site = site
        self._private = private
        self._journal = Journal()
        self._write()

    def root(self, prefix: str) -> JournaledRoot:
        """Return a folder of the site to add files to."""
        return JournaledRoot(self._site.folder, prefix, self)

    def adds(self, name: str) -> None:
        """Record a file before it is added."""
        self._journal = msgspec.structs.replace(self._journal, added=(*self._journal.added, name))
        self._write()

    def decide(
        self,
        files: Mapping[str, bytes],
        *,
        outdated: Sequence[str] = (),
        removed: Sequence[str] = (),
    ) -> None:
        """Replace files, all or none; `finish` makes the other changes."""
        texts = {name: data.decode() for name, data in files.items()}
        self._journal = msgspec.structs.replace(
            self._journal, files=texts, outdated=tuple(outdated), removed=tuple(removed)
        )
        self._write()
        _replace(self._site, files)

    def finish(self) -> None:
        """Make the other changes of a decided transaction, and end it."""
        try:
            _clean_up(self._journal, self._site)
        finally:
            self._private.remove(JOURNAL)

    def revert(self) -> None:
        """Remove the added files, and end the transaction."""
        _revert(self._journal, self._site)
        self._private.remove(JOURNAL)

    def _write(self) -> None:
        """Write the journal, unless `recover` would not read it."""
        text = msgspec.json.encode(self._journal)
        try:
            _decode(text)
        except ValueError as error:
            raise SiteError(
                f"Too many or too large changes of {self._site.folder} at once.",
                f"They cannot be completed if they are interrupted: {error}",
                "Publish fewer packages at once, or use smaller notebooks.",
                code="site.change-too-large",
            ) from error
        self._private.replace({JOURNAL: text})


class JournaledRoot(Root, frozen=True):
    """A folder of a site in which a transaction adds files."""

    transaction: Transaction | None = None

    def copy(self, source: Path, name: str) -> None:
        """Copy a file, and record it before if it is new."""
        if self.transaction and not self.is_file(name):
            self.transaction.adds("/".join((self.prefix, name)))
        super().copy(source, name)


@contextmanager
def transaction(site: Root, private: Root) -> Iterator[Transaction]:
    """Begin a transaction, and revert it if the body fails."""
    begun = Transaction(site, private)
    try:
        yield begun
    except BaseException:
        with contextlib.suppress(SiteError, OSError):
            begun.revert()
        raise


def is_interrupted(private: Root) -> bool:
    """Return whether a transaction has begun and not ended; it may still be running."""
    return any(name == JOURNAL or is_temporary(name) for name, _ in private.children())


def recover(site: Root, private: Root) -> bool:
    """Complete or revert the transaction of a killed process; return whether it had begun.

    The caller holds the site's lock.
    """
    private.remove_temporary()
    try:
        with private.open(JOURNAL) as stream:
            journal = _decode(stream.read(MAX_JOURNAL_BYTES + 1))
    except FileNotFoundError:
        return False
    except (ValueError, RecursionError) as error:
        raise SiteError(
            f"Invalid journal {private.path(JOURNAL)}.",
            "It belongs to a change of the site that was interrupted, or someone else has made "
            f"it: {error}",
            "Remove the file, and publish or remove the package again.",
            code="site.invalid-journal",
        ) from error
    site.remove_temporary()
    if journal.files and all(site.is_file(name) for name in journal.added):
        site.replace({name: text.encode() for name, text in journal.files.items()})
        _clean_up(journal, site)
    else:
        _revert(journal, site)
    private.remove(JOURNAL)
    return True


def _decode(text: bytes) -> Journal:
    """Return a valid journal; raise a ValueError if it is not."""
    if len(text) > MAX_JOURNAL_BYTES:
        raise ValueError(f"It has more than {MAX_JOURNAL_BYTES:,} bytes.")
    return msgspec.json.decode(text, type=Journal)


def _clean_up(journal: Journal, site: Root) -> None:
    for name in journal.outdated:
        site.touch(name)
    for name in journal.removed:
        site.remove(name)


def _revert(journal: Journal, site: Root) -> None:
    for name in journal.added:
        with contextlib.suppress(SiteError, OSError):
            folder = name.rpartition("/")[0]
            site.remove(name)
            site.remove(f"{name}{wheels.METADATA}")
            if folder and not site.children(folder):
                site.remove(folder)
    simple_index.remove_empty(site)


def _replace(site: Root, files: Mapping[str, bytes]) -> None:
    """Replace files of a site in their order; restore them if that fails."""
    before = {name: site.read(name, MAX_FILE_BYTES) for name in files if site.is_file(name)}
    try:
        site.replace(files)
    except BaseException:
        for name, data in files.items():
            with contextlib.suppress(SiteError, OSError):
                if site.read(name, MAX_FILE_BYTES) != data:
                    continue
                elif name in before:
                    site.replace({name: before[name]})
                else:
                    site.remove(name)
        raise
