"""The store: entries are staged, verified and renamed, under a lock.

A store is the user's folder (`WASMWHEEL_HOME`), and read-only ones that are searched first
(`WASMWHEEL_PATH`, an administrator's). An entry is a folder, named by its inputs. It is complete or
absent, because it is renamed after it has been filled. An entry that a disk error or a build's code
has changed is not used (integrity.py).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
from msgspec import Struct

from ..api.events import Emitter, Progress, note
from ..safe_paths import remove_tree
from . import integrity

#: The lock for clearing a store, and the prefix of the locks of the processes that use it.
CLEARING, USER = "clearing", "user-"

#: The key of an entry: names that are neither hidden nor lead elsewhere.
_KEY = re.compile(r"[^/\\\0.][^/\\\0]*(?:/[^/\\\0.][^/\\\0]*)*")


class Store(Struct, frozen=True, kw_only=True):
    """The folders of installed entries; only `home` is written to.

    `limit` is the maximum size of the cached wheels (build/cache.py), in bytes.
    """

    home: Path
    read_only: tuple[Path, ...] = ()
    limit: int = 2_000_000_000

    def find(self, key: str) -> Path | None:
        """Return the folder of an installed, unchanged entry, or None; read-only stores first."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"invalid key of the store: {key!r:.200}")
        for root in (*self.read_only, self.home):
            if (root / key).is_dir() and integrity.verify(root, key):
                return root / key
        return None

    def install(self, key: str, fill: Callable[[Path], None], emit: Emitter) -> Path:
        """Return the folder of an entry, installed on the first call.

        `fill` gets an empty folder, fills it, and raises if what it wrote is not valid. A process
        waits for an entry that another one is filling. Leftovers of a killed run are removed, and
        so is an entry that was changed.
        """
        found = self.find(key)
        if found:
            return found
        with self.lock(key, emit):
            found = self.find(key)
            if found:
                return found
            place = self.home / key
            if place.is_dir():
                note(emit, f"{key} is damaged; installing it again.")
                self._remove(key)
            stages = self.home / "staging" / key.replace("/", "+")
            remove_tree(stages)
            stages.mkdir(parents=True, exist_ok=True)
            try:
                # A folder for each run: a program that outlived a killed run writes to its own.
                stage = Path(tempfile.mkdtemp(dir=stages)) / place.name
                stage.mkdir()
                fill(stage)
                place.parent.mkdir(parents=True, exist_ok=True)
                integrity.record(self.home, key, stage)
                stage.rename(place)
            finally:
                remove_tree(stages)
            return place

    def remove(self, key: str, emit: Emitter) -> None:
        """Remove an entry of the home, if any, atomically."""
        with self.lock(key, emit):
            self._remove(key)

    def _remove(self, key: str) -> None:
        if not _KEY.fullmatch(key):
            raise ValueError(f"invalid key of the store: {key!r:.200}")
        gone = self.home / "staging" / (key.replace("/", "+") + ".gone")
        remove_tree(gone)
        gone.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (self.home / key).rename(gone)
        integrity.forget(self.home, key)
        remove_tree(gone)

    @contextmanager
    def lock(self, key: str, emit: Emitter) -> Iterator[None]:
        """Hold a key's lock among all processes; report progress while another one holds it."""
        lock = self._lock(key)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            emit(Progress(done=0, total=None, unit="", label=f"waiting for a lock ({key})"))
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def lock_if_free(self, key: str) -> Iterator[bool]:
        """Hold a key's lock unless another process does; give whether it is held."""
        lock = self._lock(key)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def in_use(self, emit: Emitter) -> Iterator[None]:
        """Protect installed entries from being cleared; several processes can at the same time."""
        with self.lock(CLEARING, emit):
            # Not created first: where locks are not supported, an existing file counts as one.
            path = self.home / "locks" / f"{USER}{uuid.uuid4().hex}"
            lock = filelock.FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
            path.unlink(missing_ok=True)

    @contextmanager
    def clearing(self, emit: Emitter) -> Iterator[None]:
        """Wait until no process uses installed entries, and keep others waiting."""
        with self.lock(CLEARING, emit):
            for path in (self.home / "locks").glob(f"{USER}*"):
                with self.lock(path.name, emit):
                    path.unlink(missing_ok=True)
            yield

    def remove_leftovers(self) -> None:
        """Remove what killed runs left behind, except entries that are being filled."""
        for stages in (self.home / "staging").glob("*"):
            with contextlib.suppress(filelock.Timeout), self._lock(stages.name).acquire(timeout=0):
                remove_tree(stages)
        with contextlib.suppress(filelock.Timeout), self._lock(CLEARING).acquire(timeout=0):
            for path in (self.home / "locks").glob(f"{USER}*"):
                with (
                    contextlib.suppress(filelock.Timeout),
                    self._lock(path.name).acquire(timeout=0),
                ):
                    path.unlink(missing_ok=True)

    def _lock(self, key: str) -> filelock.BaseFileLock:
        name = key.replace("/", "+")
        path = self.home / "locks" / (name if name.startswith(USER) else f"{name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(path)
