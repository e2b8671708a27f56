"""The messages between a server and the workers of a cluster: jobs, events and results.

All are MessagePack of the structs here, decoded strictly: nothing that a worker sends becomes an
object of another class. Every client of a cluster can send events, so a job's worker signs its own.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import secrets
import socket
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .. import archive
from ..api.errors import Count, LimitError, Status
from ..api.events import Emitter, Label, Text, note
from ..api.requests import BuildRequest, TestRequest
from ..project import copy, git, manifest, parcel, recipes, source
from ..runtime import targets
from ..safe_paths import remove_tree
from ..site import lite
from ..site.lite import Site
from ..store import Store

#: The resource that each worker has once and each build requires, and the topic of the cluster's
#: events that workers send.
BUILD, TOPIC = "wasmwheel", "jupyter-wasmwheel"

#: The largest archive, in bytes: the scheduler holds it in memory while the job runs.
MAX_ARCHIVE_BYTES = 200_000_000

#: The names of the recipe's file and of the source's folder in an unpacked payload.
RECIPE_FILE, SOURCE_FOLDER = "recipe.toml", "source"


def resource(abi: str) -> str:
    """Return the resource of workers that have the toolchain for a target."""
    return f"{BUILD}-{abi}"


class JobPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A job for a worker: its request, without paths of this machine.

    `archive` contains the request's source; it is None for a source that the worker fetches. `key`
    is the same for the same source of the same machine, so that its builds are incremental.
    `secret` signs the events of the job.
    """

    job: str
    request: BuildRequest | TestRequest
    archive: bytes | None
    recipe: bytes | None
    key: str
    secret: bytes


class JobMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of output of a job on a worker.

    Each run of a job has its own `attempt`, and numbers its messages. `folder` is where the payload
    is unpacked, `worker` the worker's name.
    """

    job: str
    attempt: Label
    worker: Label
    folder: Label
    number: Count
    lines: list[bytes]


def to_event(message: JobMessage, secret: bytes) -> dict[str, bytes]:
    """Return a message as an event of the cluster, signed with HMAC-SHA256."""
    encoded = msgspec.msgpack.encode(message)
    return {"message": encoded, "signature": hmac.digest(secret, encoded, "sha256")}


def from_event(event: Any, keys: Mapping[str, bytes]) -> JobMessage | None:
    """Return the message of an event that the worker of a job signed, or None.

    `keys` are the secrets of the running jobs.
    """
    try:
        encoded, signature = event["message"], event["signature"]
        message = msgspec.msgpack.decode(encoded, type=JobMessage)
        expected = hmac.digest(keys[message.job], encoded, "sha256")
        return message if hmac.compare_digest(signature, expected) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        return None  # from another program


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job: the exit status, the last lines of stderr, and the wheels by name.

    `sent` is the number of messages that the worker sent.
    """

    status: Status
    last_words: Text
    wheels: dict[Label, bytes]
    sent: Count


class RemoteJob(Struct, frozen=True, kw_only=True):
    """A payload, and what is not sent: the targets' ABIs, the site, and the source's path."""

    payload: JobPayload
    abis: tuple[str, ...]
    site: Site | None
    original: Path | None


def pack(job: str, request: BuildRequest | TestRequest, store: Store, emit: Emitter) -> RemoteJob:
    """Pack a job; a folder is packed like the private copy of a build."""
    site, recipe = None, None
    if isinstance(request, BuildRequest) and request.site is not None:
        site = lite.read_site(Path(request.site))
        request = msgspec.structs.replace(request, site=None)
    abis = (site.abi,) if site else tuple(each.abi for each in targets.find_all(request.target))
    if request.recipe not in (recipes.AUTO, recipes.NONE):
        recipe = Path(request.recipe).read_bytes()
    named, packed, original = _source(request.source, store, emit)
    if packed and len(packed) > MAX_ARCHIVE_BYTES:
        raise LimitError(
            f"{named} is too large to send to a worker.",
            f"Its archive has {len(packed) // 1_000_000} MB; at most "
            f"{MAX_ARCHIVE_BYTES // 1_000_000} MB can be sent.",
            "Move files that the build does not need out of its folder, or publish it as an sdist.",
            code="cluster.source-too-large",
        )
    origin = f"{socket.gethostname()} {store.home} {original or named}"
    payload = JobPayload(
        job=job,
        request=msgspec.structs.replace(
            request,
            source=named,
            target=",".join(abis),
            recipe=RECIPE_FILE if recipe else request.recipe,
        ),
        archive=packed,
        recipe=recipe,
        key=hashlib.sha256(origin.encode()).hexdigest()[:16],
        secret=secrets.token_bytes(32),
    )
    return RemoteJob(payload=payload, abis=abis, site=site, original=original)


def _source(text: str, store: Store, emit: Emitter) -> tuple[str, bytes | None, Path | None]:
    """Return the source's name in its archive, the archive, and the path that was packed."""
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
            note(emit, "Fetching the repository here, because its login is not sent to workers.")
    target = targets.find(targets.default_abi())
    fetched = source.fetch(parsed, target, store, emit)
    with tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch:
        project = manifest.read(fetched.folder, fetched.tree)
        for name in parcel.files_outside(project):
            note(emit, f"{name} is outside the project and is not sent.")

        def on_skip(path: Path) -> None:
            note(emit, f"{path} contains a login or leads out of the project, and is not sent.")

        private = copy.refresh(project, Path(scratch), leaving=on_skip)
        inside = private.folder.relative_to(private.top)
        return inside.as_posix(), _packed(private.top, "."), private.original


def _packed(path: Path, name: str) -> bytes:
    """Return a file or folder as a compressed archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as packing:
        packing.add(path, name)
    return stream.getvalue()


def unpack(payload: JobPayload, folder: Path) -> BuildRequest | TestRequest:
    """Unpack a payload into a folder, which is emptied first; return its request there."""
    remove_tree(folder)
    inside = folder / SOURCE_FOLDER
    inside.mkdir(parents=True)
    request = payload.request
    if payload.recipe is not None:
        (folder / RECIPE_FILE).write_bytes(payload.recipe)
        request = msgspec.structs.replace(request, recipe=str(folder / RECIPE_FILE))
    if payload.archive is None:
        return request
    packed = folder / "source.tar.gz"
    packed.write_bytes(payload.archive)
    archive.unpack(packed, inside)
    packed.unlink()
    return msgspec.structs.replace(request, source=str(inside / request.source))
