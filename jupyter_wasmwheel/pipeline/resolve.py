"""The first step: fetch a source, and read the project in it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..api.events import Emitter, note
from ..api.report import Patch
from ..api.requests import BuildRequest, EditsRequest, SourceRequest
from ..process import confine
from ..project import edits, manifest, notebook, requires_python, source, sources
from ..project.edits import Change, EditPreview, Edits
from ..project.manifest import Project
from ..project.source import FetchedSource
from ..runtime import targets
from ..runtime.targets import Target
from ..store import Store
from .context import BuildContext


class ResolvedSource(Struct, frozen=True, kw_only=True):
    """A source on disk, the project in it, and its edits.

    `notebook` is the project's own demo notebook, if it has one.
    """

    request: SourceRequest
    fetched: FetchedSource
    project: Project
    edits: Edits
    changes: tuple[Change, ...]
    patches: tuple[Patch, ...]
    notebook: dict[str, Any] | None


def resolve_source(request: SourceRequest, target: Target, context: BuildContext) -> ResolvedSource:
    """Fetch a source and read its project without running its code."""
    emit = context.emit
    context.phases.enter("source")
    fetched = source.fetch(
        source.parse(request.source), target, context.store, emit, offline=context.offline
    )
    if not fetched.is_own:
        how = ", confined to its own files" if confine.method() else " with your permissions"
        note(emit, f"Building runs this package's code on this machine{how}.")
    context.phases.enter("project")
    project = replace(manifest.read(fetched.folder, fetched.tree), is_own=fetched.is_own)
    if not fetched.is_own and sources.needs_history(project):
        history = source.fetch_history(fetched, context.store, emit, offline=context.offline)
        project = replace(project, history=history)
    backend = "its build backend" if project.backend == "pure" else project.backend
    note(emit, f"{project.label}, built with {backend}")
    for_site = isinstance(request, BuildRequest) and request.site is not None
    requires_python.require(project, target, for_site=for_site)
    chosen = edits.choose(request.recipe, request.make_optional, project, emit)
    changes = edits.changes(chosen, project)
    return ResolvedSource(
        request=request,
        fetched=fetched,
        project=project,
        edits=chosen,
        changes=changes,
        patches=edits.show(changes, emit),
        notebook=notebook.read(project),
    )


def preview_edits(request: EditsRequest, store: Store, emit: Emitter) -> EditPreview:
    """Fetch a source, and return the edits that a build makes, without running its code."""
    target = targets.find(request.target or targets.default_abi())
    fetched = source.fetch(source.parse(request.source), target, store, emit)
    project = manifest.read(fetched.folder, fetched.tree)
    chosen = edits.choose(request.recipe, request.make_optional, project, emit)
    patches = edits.preview_patches(chosen, project)
    return EditPreview(fetched=fetched, project=project, edits=chosen, patches=patches)
