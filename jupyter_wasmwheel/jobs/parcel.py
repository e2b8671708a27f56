"""A job packed for another machine: the words of its command line, and its source as an archive."""

from __future__ import annotations

import hashlib
import io
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import archive
from ..api.errors import LimitError
from ..api.events import Emitter, note
from ..project import copy, git, manifest, recipes, source
from ..runtime import targets
from ..site import lite
from ..site.lite import Site
from ..store import Store

#: How large an archive may be, in bytes: the cluster's scheduler holds it while the job runs.
LARGEST = 200_000_000

#: The name of a recipe's file beside an unpacked source, and of the folder that the source is in.
RECIPE, INSIDE = "recipe.toml", "source"


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A job as it is sent: `words` are its command and options, without places of this machine.

    `archive` holds what `source` is a path in; it is None for a source that is fetched. `key` is
    the same for the same source of the same machine, so that its builds go on from one another.
    """

    job: str
    words: tuple[str, ...]
    source: str
    archive: bytes | None
    recipe: bytes | None
    key: str


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A parcel, and what stays here: the target's ABI, the site, and where the source is."""

    parcel: Parcel
    abi: str
    site: Site | None
    original: Path | None


def pack(job: str, arguments: Sequence[str], store: Store, emit: Emitter) -> Packed:
    """Pack a job by the words of its command line, as request.py has made them.

    A folder is packed as a build's private copy would take it.
    """
    command, *options, _, text = arguments
    site: Site | None = None
    recipe: bytes | None = None
    abi, words = targets.default_abi(), [command]
    for option in options:
        name, _, value = option.partition("=")
        if name == "--site":
            site = lite.read_site(Path(value))
        elif name == "--recipe" and value not in (recipes.AUTO, recipes.NONE):
            recipe = Path(value).read_bytes()
        elif name == "--target":
            abi = value
        elif name != "--out":
            words.append(option)
    abi = site.abi if site else abi
    words.append(f"--target={abi}")
    named, packed, original = _source(text, store, emit)
    if packed and len(packed) > LARGEST:
        raise LimitError(
            f"{text} is too large to be sent to a worker.",
            f"It has {len(packed) // 1_000_000} MB, packed; {LARGEST // 1_000_000} may be sent.",
            "Move what the build does not need out of its folder, or publish it as an sdist.",
        )
    origin = f"{socket.gethostname()} {store.home} {original or named}"
    parcel = Parcel(
        job=job,
        words=tuple(words),
        source=named,
        archive=packed,
        recipe=recipe,
        key=hashlib.sha256(origin.encode()).hexdigest()[:16],
    )
    return Packed(parcel=parcel, abi=abi, site=site, original=original)


def _source(text: str, store: Store, emit: Emitter) -> tuple[str, bytes | None, Path | None]:
    """What a source is called in its archive, the archive, and what that was made from."""
    parsed = source.parse(text)
    if parsed.kind == "sdist":
        path = Path(text).resolve()
        return path.name, _packed(path, path.name), path.parent
    if parsed.kind == "pypi":
        return text, None, None
    if parsed.kind == "git":
        address = git.parse(text)
        if not address.local and not address.login:
            return text, None, None
        if address.login:
            note(emit, "The repository is fetched here: its login does not leave this machine.")
    target = targets.find(targets.default_abi())
    folder = source.fetch(parsed, target, store, emit).folder
    with tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch:
        project = manifest.read(folder)
        for name in copy.files_outside(project):
            note(emit, f"{name} is outside of the project, and is not sent.")

        def leaving(path: Path) -> None:
            note(emit, f"{path} holds a login, or leads out of the project, and is not sent.")

        private = copy.refresh(project, Path(scratch), leaving=leaving)
        inside = private.folder.relative_to(private.top)
        return inside.as_posix(), _packed(private.top, "."), private.original


def _packed(path: Path, name: str) -> bytes:
    """A file or folder as a compressed archive, with its times."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as packing:
        packing.add(path, name)
    return stream.getvalue()


def unpack(parcel: Parcel, folder: Path) -> tuple[str, ...]:
    """Unpack a parcel into a folder, in the place of what is there; its whole command line."""
    shutil.rmtree(folder, ignore_errors=True)
    inside = folder / INSIDE
    inside.mkdir(parents=True)
    words = list(parcel.words)
    if parcel.recipe is not None:
        (folder / RECIPE).write_bytes(parcel.recipe)
        words.append(f"--recipe={folder / RECIPE}")
    if parcel.archive is None:
        return (*words, "--", parcel.source)
    packed = folder / "source.tar.gz"
    packed.write_bytes(parcel.archive)
    archive.unpack(packed, inside)
    packed.unlink()
    return (*words, "--", str(inside / parcel.source))
