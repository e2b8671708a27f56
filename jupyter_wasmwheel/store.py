"""Where state lives, and how it is installed: staged, verified, renamed, under a lock.

A store is a folder of the user's (`WASMWHEEL_HOME`) with any number of read-only ones looked into
first (`WASMWHEEL_PATH`, an administrator's). An entry is a folder, named by what went into it; it
is either whole or not there, because it is renamed into its place after it has been filled.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from .events import Emitter, Progress


@dataclass(frozen=True, kw_only=True)
class Store:
    """The folders that hold what is installed; `home` is the one that is written to.

    `limit` is how many bytes the finished wheels that are kept (build/cache.py) may take.
    """

    home: Path
    read_only: tuple[Path, ...] = ()
    limit: int = 2_000_000_000

    def find(self, key: str) -> Path | None:
        """The folder of an entry that is installed, or None; read-only stores come first."""
        for root in (*self.read_only, self.home):
            if (root / key).is_dir():
                return root / key
        return None

    def install(self, key: str, fill: Callable[[Path], None], emit: Emitter) -> Path:
        """The folder of an entry, made once: `fill` gets an empty folder and fills it.

        `fill` verifies what it writes and raises if it is not right. Whoever comes while another
        process fills the same entry waits for it. What a killed run left behind is removed.
        """
        found = self.find(key)
        if found:
            return found
        with self.lock(key, emit):
            found = self.find(key)
            if found:
                return found
            place = self.home / key
            stages = self.home / "staging" / key.replace("/", "+")
            shutil.rmtree(stages, ignore_errors=True)
            stages.mkdir(parents=True, exist_ok=True)
            try:
                # A folder of its own for each run: a program that outlived a killed one goes on
                # writing where it began.
                stage = Path(tempfile.mkdtemp(dir=stages)) / place.name
                stage.mkdir()
                fill(stage)
                place.parent.mkdir(parents=True, exist_ok=True)
                stage.rename(place)
            finally:
                shutil.rmtree(stages, ignore_errors=True)
            return place

    def remove(self, key: str, emit: Emitter) -> None:
        """Remove an entry of the home, if it is there: at once, so that nobody finds half of it."""
        with self.lock(key, emit):
            gone = self.home / "staging" / (key.replace("/", "+") + ".gone")
            shutil.rmtree(gone, ignore_errors=True)
            gone.parent.mkdir(parents=True, exist_ok=True)
            try:
                (self.home / key).rename(gone)
            except FileNotFoundError:
                return
            shutil.rmtree(gone, ignore_errors=True)

    @contextmanager
    def lock(self, key: str, emit: Emitter) -> Iterator[None]:
        """Hold the lock of a key among all processes; says so where another one holds it."""
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

    def sweep(self) -> None:
        """Remove what killed runs left behind; what is being filled now is left alone."""
        for stages in (self.home / "staging").glob("*"):
            with contextlib.suppress(filelock.Timeout), self._lock(stages.name).acquire(timeout=0):
                shutil.rmtree(stages, ignore_errors=True)

    def _lock(self, key: str) -> filelock.BaseFileLock:
        path = self.home / "locks" / (key.replace("/", "+") + ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(path)


def replace_file(path: Path, data: bytes) -> None:
    """Put a whole new file in the place of an old one; a reader sees the one or the other."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        temporary.chmod(mode)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
