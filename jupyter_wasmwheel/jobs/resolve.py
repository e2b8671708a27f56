"""Resolve a posted request on this machine: its source, recipe and site become full paths.

api/requests.py validates the fields; this module checks them against the file system.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct
from packaging.requirements import Requirement

from .. import archive
from ..api import requests
from ..api.errors import SourceError, UsageError
from ..api.requests import (
    BuildRequest,
    BundleRequest,
    EditsRequest,
    InstallRequest,
    JobRequest,
    PostedRequest,
    SiteRequest,
    SourceRequest,
)
from ..api.sanitize import redact
from ..project import git, manifest, recipes
from ..project import source as sources
from ..runtime import targets
from ..safe_paths import real_path
from ..site import lite
from ..site.lite import Site
from ..store import Store


class OutsideError(SourceError):
    """A path is outside the folders that the server allows."""


class ResolvedRequest(Struct, frozen=True, kw_only=True):
    """A request that can be executed, and what can be posted again, without logins.

    `name` and `version` describe the job to people.
    """

    posted: dict[str, Any]
    request: JobRequest
    name: str
    version: str | None = None


class AllowedPaths(Struct, frozen=True, kw_only=True):
    """The paths that a server can use: its root, other folders for sources, its sites."""

    root: Path
    allowed: tuple[Path, ...]
    store: Store
    find_site: Callable[[str], Site]

    def resolve(self, path: str) -> Path:
        """Return the file or folder of a path of the contents API.

        An OutsideError if it, or the target of a link, is not allowed.
        """
        if any(mark in path for mark in ("\0", "\\", "://")):
            raise UsageError(
                f"Invalid path {path!r}.",
                "It has a backslash, a null character or `://`.",
                "Write it as Jupyter's file browser shows it; write a repository as `git+URL`.",
                code="request.invalid-path",
            )
        # Jupyter's frontends write paths with and without a leading slash.
        named = Path(path)
        inside = self.root / str(PurePosixPath(path)).lstrip("/")
        place = named if named.is_absolute() and self._allows(named) else inside
        return self.inside(place)

    def inside(self, place: Path) -> Path:
        """Return the real path; an OutsideError if it is not allowed."""
        try:
            real = real_path(place)
        except ValueError as error:
            raise UsageError(
                f"Invalid path {str(place)!r:.200}.",
                f"{error}.",
                "Write it as Jupyter's file browser shows it.",
                code="request.invalid-path",
            ) from error
        if not self._allows(real):
            raise OutsideError(
                f"{place} is outside the folders that this server can build from.",
                "These are its root folder and those in `WasmwheelApp.allowed_folders`.",
                "Copy it into the root folder, or add its folder to that setting.",
                code="source.outside",
            )
        return real

    def _allows(self, path: Path) -> bool:
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(os.path.realpath(top)) for top in (self.root, *self.allowed))

    def name(self, path: Path) -> str | None:
        """Return the contents API's name of a path, or None if it is not under the root."""
        real, root = Path(os.path.realpath(path)), Path(os.path.realpath(self.root))
        return real.relative_to(root).as_posix() if real.is_relative_to(root) else None


def resolve(body: object, paths: AllowedPaths) -> ResolvedRequest:
    """Resolve a posted request, which can block; a WasmwheelError if it is invalid."""
    request: PostedRequest = requests.parse(body, PostedRequest)
    if isinstance(request, BuildRequest):
        targets.find_all(request.target)
    elif not isinstance(request, BundleRequest) and request.target:
        targets.find(request.target)
    request, name, version = _resolved(request, paths)
    given = {key: value for key, value in dict(body).items() if value is not None}  # type: ignore[call-overload]
    posted = json.loads(redact(json.dumps(given)))
    return ResolvedRequest(posted=posted, request=request, name=name, version=version)


def _resolved(request: PostedRequest, paths: AllowedPaths) -> tuple[PostedRequest, str, str | None]:
    """Return a request with full paths, and its name and version for people."""
    replace = msgspec.structs.replace
    match request:
        case InstallRequest():
            return request, "toolchain", None
        case SiteRequest():
            folder = lite.folder_of(request.site, paths.store)
            lite.require_empty(folder)
            return replace(request, site=str(folder)), folder.name, None
        case BundleRequest():
            if request.out is not None:
                raise UsageError(
                    "Invalid request: `out` cannot be set.",
                    "The server writes bundles into its root folder.",
                    "Omit the field.",
                    code="request.invalid",
                )
            site = paths.find_site(request.site)
            # Among the user's files, where the file browser can download it.
            out = paths.root / f"{site.name}-site.zip"
            return replace(request, site=str(site.folder), out=str(out)), site.name, None
        case SourceRequest():
            if isinstance(request, BuildRequest) and request.site is not None:
                request = replace(request, site=str(paths.find_site(request.site).folder))
            name, version, source = _source(request.source, paths)
            recipe = _recipe(request.recipe, paths)
            return replace(request, source=source, recipe=recipe), name, version


def resolve_edits(body: object, paths: AllowedPaths) -> EditsRequest:
    """Return a posted preview of edits with full paths."""
    request: EditsRequest = requests.parse(body, EditsRequest)
    _, _, source = _source(request.source, paths)
    recipe = _recipe(request.recipe, paths)
    return msgspec.structs.replace(request, source=source, recipe=recipe)


def _recipe(text: str, paths: AllowedPaths) -> str:
    """Return a recipe's full path, or the keyword `auto` or `none`."""
    return text if text in (recipes.AUTO, recipes.NONE) else str(paths.resolve(text))


def _source(text: str, paths: AllowedPaths) -> tuple[str, str | None, str]:
    """Return the name, the version and the full address of a source; read none of its files.

    Only the job's process, which can be stopped, reads a project.
    """
    if text.startswith("pypi:"):
        sources.parse(text)
        wanted = Requirement(text.removeprefix("pypi:"))
        exact = [each.version for each in wanted.specifier if each.operator == "=="]
        return wanted.name, exact[0] if exact else None, text
    if text.startswith("git+"):
        address = git.parse(text, paths.root)
        place = address.local and paths.inside(address.local)
        return address.name, None, address.at(place) if place else text
    path = paths.resolve(text)
    sources.parse(str(path))
    if path.is_dir():
        manifest.require_manifest(path)
        return path.name or "project", None, str(path)
    stem = path.name.removesuffix(next(e for e in archive.SUFFIXES if path.name.endswith(e)))
    name, _, version = stem.rpartition("-")
    return (name, version, str(path)) if name else (stem, None, str(path))
