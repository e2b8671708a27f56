"""Files that packages fetch while they run, shipped with a site so that its kernels have them.

Each is in a folder named by its sha256. The lock is the record of them: `tool.wasmwheel.data` of a
package's entry maps each URL to a file in the folder of the lock.
"""

from __future__ import annotations

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from ..api.errors import SourceError
from ..api.events import Emitter, note
from ..project.recipes import Data, Recipe
from ..runtime.context import RunContext
from ..runtime.lock import Entry, Lock
from ..safe_paths import Root
from . import wheels

#: The folder, in that of the lock, and the name of every file in it.
FOLDER, NAME = "data", "content.bin"

#: The name of a file's own folder.
HASH = re.compile("[0-9a-f]{64}")

#: How long to wait for a host, the size of the pieces that are read, and of the largest file.
TIMEOUT_S, CHUNK_BYTES, MAX_DOWNLOAD_BYTES = 20, 1024**2, 512 * 1024**2


def fetch_files(recipe: Recipe, version: str, context: RunContext) -> dict[str, Path]:
    """Fetch the files that a recipe ships with a version into the store; return them by URL.

    Skip files that cannot be fetched, with a note. Raise a SourceError if a hash is wrong.
    """
    store, emit = context.store, context.emit
    found: dict[str, Path] = {}
    silent: set[str] = set()
    for data in recipe.shipped(version):
        key = f"data/{data.sha256}"
        known = store.find(key)
        host = urlsplit(data.url).netloc
        if not known and not data.file and (context.offline or host in silent):
            reason = "the build is offline" if context.offline else f"{host} cannot be reached"
            note(emit, f"{data.url} is not shipped with the site: {reason}.")
            continue

        def fill(folder: Path, data: Data = data) -> None:
            _fetch(data, recipe, folder / NAME, emit)

        try:
            found[data.url] = (known or store.install(key, fill, emit)) / NAME
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            silent.add(host)
            note(emit, f"{data.url} is not shipped with the site: {error}.")
    return found


def add(files: Mapping[str, Path], root: Root) -> dict[str, str]:
    """Copy files to the folder of a lock; return their names in it by URL."""
    return {
        url: wheels.add(path, wheels.hash_of(path), root, FOLDER) for url, path in files.items()
    }


def places(entry: Entry) -> dict[str, str]:
    """Return the names of the files that are shipped for a package, by URL."""
    found: dict[str, str] = (entry.published or {}).get("data", {})
    return found


def unused(lock: Lock, package_root: Root) -> list[str]:
    """Return the folders of the files that no package of a lock needs."""
    found = package_root.children(FOLDER)
    entries = lock.packages.values() if found else ()
    used = {place.split("/")[1] for each in entries for place in places(each).values()}
    stored = [name for name, _ in found if HASH.fullmatch(name)]
    return [f"{FOLDER}/{name}" for name in stored if name not in used]


def _fetch(data: Data, recipe: Recipe, place: Path, emit: Emitter) -> None:
    if data.file and recipe.folder:
        source = recipe.folder / data.file
        if not source.is_file():
            raise SourceError(
                f"{data.file} not found next to {recipe.origin}.",
                f"The recipe ships it for {data.url}.",
                "Put it there, or omit `file` in the recipe to fetch it from its URL.",
                code="recipe.data-not-found",
            )
        shutil.copyfile(source, place)
    else:
        note(emit, f"Fetching {data.url} for the site.")
        with (
            urllib.request.urlopen(data.url, timeout=TIMEOUT_S) as answer,  # noqa: S310  HTTP only
            place.open("wb") as file,
        ):
            while chunk := answer.read(CHUNK_BYTES):
                file.write(chunk)
                if file.tell() > MAX_DOWNLOAD_BYTES:
                    raise TimeoutError(f"it has more than {MAX_DOWNLOAD_BYTES // 10**6} MB")
    found = wheels.hash_of(place)
    if found != data.sha256:
        raise SourceError(
            f"{data.file or data.url} does not match the hash in {recipe.origin}.",
            f"Expected SHA-256 {data.sha256}, got {found}.",
            "Correct the hash in the recipe if you trust the file.",
            code="recipe.data-mismatch",
        )
