"""Files that packages fetch while they run, shipped with a site: its kernels take them from there.

They are beside the lock, each in a folder that is named by its sha256, and the lock is the record
of them: `tool.wasmwheel.data` of a package's entry has the place of each address.
"""

from __future__ import annotations

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

#: The folder beside the lock, and what every file in it is called.
FOLDER, NAME = "data", "content.bin"

#: Seconds to wait for a host.
TIMEOUT = 20


def gather(recipe: Recipe, version: str, context: RunContext) -> dict[str, Path]:
    """The files that a version fetches, brought into the store, by their addresses.

    One that cannot be fetched is left out, with a note: the notebook fetches it then. A
    SourceError where one is not what the recipe says.
    """
    store, emit = context.store, context.emit
    found: dict[str, Path] = {}
    silent: set[str] = set()
    for data in recipe.shipped(version):
        key = f"data/{data.sha256}"
        known = store.find(key)
        host = urlsplit(data.url).netloc
        if not known and not data.file and (context.offline or host in silent):
            reason = (
                "nothing is fetched offline" if context.offline else f"{host} cannot be reached"
            )
            note(emit, f"{data.url} is not shipped with the site: {reason}.")
            continue

        def fill(folder: Path, data: Data = data) -> None:
            _bring(data, recipe, folder / NAME, emit)

        try:
            found[data.url] = (known or store.install(key, fill, emit)) / NAME
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            silent.add(host)
            note(emit, f"{data.url} is not shipped with the site; it cannot be fetched: {error}.")
    return found


def put(files: Mapping[str, Path], beside: Root) -> dict[str, str]:
    """Copy files to their places beside a lock; each place, by address."""
    return {
        url: wheels.put(path, wheels.hash_of(path), beside, FOLDER) for url, path in files.items()
    }


def places(entry: Entry) -> dict[str, str]:
    """The places of what is shipped for a package, by address."""
    found: dict[str, str] = entry.extra.get("tool", {}).get("wasmwheel", {}).get("data", {})
    return found


def tidy(lock: Lock, beside: Root) -> None:
    """Remove what no package of a lock needs any more."""
    kept = beside.children(FOLDER)
    if not kept:
        return
    used = {
        place.split("/")[1] for each in lock.packages.values() for place in places(each).values()
    }
    for name, _ in kept:
        if name not in used:
            beside.remove(f"{FOLDER}/{name}")


def _bring(data: Data, recipe: Recipe, place: Path, emit: Emitter) -> None:
    if data.file and recipe.folder:
        source = recipe.folder / data.file
        if not source.is_file():
            raise SourceError(
                f"{data.file} not found next to {recipe.origin}.",
                f"The recipe ships it for {data.url}.",
                "Put it there, or leave its `file` away, and it is fetched.",
                code="recipe.data-not-found",
            )
        shutil.copyfile(source, place)
    else:
        note(emit, f"Fetching {data.url} for the site.")
        with urllib.request.urlopen(data.url, timeout=TIMEOUT) as answer, place.open("wb") as file:
            shutil.copyfileobj(answer, file)
    found = wheels.hash_of(place)
    if found != data.sha256:
        raise SourceError(
            f"{data.file or data.url} does not match the hash in {recipe.origin}.",
            f"Its SHA-256 is {found}, and {data.sha256} is expected.",
            "Correct the recipe, if that is the right one.",
            code="recipe.data-mismatch",
        )
