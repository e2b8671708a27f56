"""The last step, the only one that writes to a site: publish all wheels, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..api.events import note
from ..api.report import Dependency
from ..project.edits import Edits
from ..runtime.packages import Candidate
from ..site import data, publish
from ..site.lite import Site
from ..site.publish import NewPackage, PublishResult
from ..wheel import Wheel, read
from .build import BuildResult
from .check import CheckResult
from .context import BuildContext


class CheckedWheel(Struct, frozen=True, kw_only=True):
    """A wheel that passed its checks, and what a site stores with it."""

    wheel: Wheel
    build: BuildResult
    checks: CheckResult
    edits: Edits
    notebook: dict[str, Any] | None = None


def copy_to_output(wheel: Wheel, folder: Path) -> Wheel:
    """Copy a finished wheel to the output folder, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve() / wheel.path.name
    with tempfile.TemporaryDirectory(dir=folder, prefix=".wheel-") as own:
        part = shutil.copyfile(wheel.path, Path(own) / place.name)
        os.replace(part, place)
    return read(place)


def publish_all(
    wheels: Sequence[CheckedWheel], site: Site, context: BuildContext
) -> tuple[PublishResult, ...]:
    """Publish wheels, dependencies first, together with the other packages that they require."""
    context.phases.enter("publish")
    needed: dict[str, Candidate] = {}
    for each in wheels:
        for name, candidate in each.checks.resolution.candidates.items():
            if candidate.source != "built":
                needed.setdefault(name, candidate)
        for dependency in each.checks.resolution.dependencies:
            if dependency.source == "missing":
                by = f" (required by {dependency.needed_by})" if dependency.needed_by else ""
                note(context.emit, f"{dependency.requirement}{by} {_consequence(dependency, each)}")
    new = [_new_package(each, context) for each in wheels]
    return publish.publish(site, new, context.emit, needed)


def _consequence(missing: Dependency, checked: CheckedWheel) -> str:
    """Say what a missing requirement means in a site."""
    smoke, name = checked.checks.smoke, checked.wheel.name
    if smoke and missing.name in smoke.not_downloaded:
        return (
            f"could not be downloaded, so the site cannot import {name}. Publish it again where "
            "Pyodide's CDN can be reached, or to a site created with `--cdn`."
        )
    return "is not available for Pyodide. The package imports without it."


def _new_package(checked: CheckedWheel, context: BuildContext) -> NewPackage:
    """Return the package to publish for a wheel.

    Requirements that were made optional are loaded with it if the site has them.
    """
    depends = [
        each.name
        for each in checked.checks.resolution.dependencies
        if each.source != "missing" and not each.needed_by
    ]
    toolchain, recipe, wheel = checked.build.toolchain, checked.edits.recipe, checked.wheel
    return NewPackage(
        wheel=wheel,
        depends=(*depends, *checked.edits.make_optional),
        built_with=toolchain.summary if toolchain else None,
        shipped=data.fetch_files(recipe, wheel.version, context) if recipe else {},
        notebook=checked.notebook,
    )
