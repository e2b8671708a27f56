"""The first step: a source that is at hand, and the project in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..api.events import note
from ..build.request import BuildRequest
from ..project import edits, manifest, notebook, source
from ..project.edits import Change, Edits, Patch
from ..project.manifest import Project
from ..project.source import Fetched
from ..runtime.targets import Target
from .means import Means


@dataclass(frozen=True, kw_only=True)
class Given:
    """A source that is at hand, the project in it, and how that is edited before it is built.

    `notebook` is the project's own that a site shows it with, if it has one.
    """

    fetched: Fetched
    project: Project
    edits: Edits
    changes: tuple[Change, ...]
    patches: tuple[Patch, ...]
    notebook: dict[str, Any] | None


def take(request: BuildRequest, target: Target, means: Means) -> Given:
    """Bring the source to hand and read what project it is; nothing of it is run."""
    means.phases.enter("source")
    fetched = source.fetch(
        source.parse(request.source), target, means.store, means.emit, offline=means.offline
    )
    if not fetched.is_own:
        note(means.emit, "Building runs this package's code on this machine, with your rights.")
    means.phases.enter("project")
    project = manifest.read(fetched.folder)
    note(means.emit, f"{project.label}, built by {project.backend}")
    its_notebook = notebook.read(project)
    its_edits = edits.choose(request.recipe, request.make_optional, project, means.emit)
    changes = edits.changes(its_edits, project)
    patches = edits.show(changes, means.emit)
    return Given(
        fetched=fetched,
        project=project,
        edits=its_edits,
        changes=changes,
        patches=patches,
        notebook=its_notebook,
    )
