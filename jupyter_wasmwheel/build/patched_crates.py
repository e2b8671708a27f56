"""Edited copies of the registry's crates, which cargo uses through `[patch.crates-io]`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from .. import build_variables
from ..api.errors import SourceError
from ..project import copy, edits, recipes
from ..project.copy import Copy
from ..project.edits import Change
from ..project.manifest import Project
from ..project.recipes import Recipe
from ..runtime.targets import TRIPLE
from ..toolchain import cargo_resolver
from ..toolchain.lock_file import locked_packages
from ..toolchain.rust import Rust


class PatchedCrate(Struct, frozen=True, kw_only=True):
    """A crate's edited copy, and its changes."""

    name: str
    version: str
    folder: Path
    changes: tuple[Change, ...]

    @property
    def configuration(self) -> list[str]:
        """Return cargo's options that replace the crate by its copy."""
        # The key must differ for each version of a crate.
        key = "patch.crates-io." + re.sub(r"[^A-Za-z0-9_-]", "-", self.folder.name)
        return [
            f"--config={key}.package={json.dumps(self.name)}",
            f"--config={key}.path={json.dumps(str(self.folder))}",
        ]


def prepare(
    recipe: Recipe | None,
    project: Project,
    private: Copy,
    rust: Rust,
    work: Path,
    *,
    offline: bool = False,
) -> tuple[PatchedCrate, ...]:
    """Update the copies of the crates that a recipe edits, in all required versions."""
    replacements = recipe.replacements(project.version) if recipe else ()
    names = dict.fromkeys(each.dependency for each in replacements if each.dependency)
    if not recipe or not names:
        return ()
    packages = _packages(project, private, rust, offline)
    crates = []
    for name in names:
        found = [package for package in packages if _is_from_registry(package, name)]
        if not found:
            raise SourceError(
                f"{recipe.origin} does not fit {project.label}.",
                f"It edits the crate {name}, which the project does not require from the registry.",
                "Build with `--recipe none`, or with your own recipe: `--recipe FILE`.",
                code="recipe.crate-not-required",
            )
        for package in found:
            folder = Path(package["manifest_path"]).parent
            changes = edits.changes_of_dependency(recipe, project.version, name, folder)
            crates.append(_patched(package, folder, work, changes))
    return tuple(crates)


def prepare_bundled(
    project: Project,
    private: Copy,
    rust: Rust,
    work: Path,
    *,
    edited: Container[str],
    offline: bool = False,
) -> tuple[PatchedCrate, ...]:
    """Update the copies of the locked crates that bundled recipes are for, those `edited` aside."""
    locked = {each["name"] for each in locked_packages(copy.lock_file(private, project))}
    known = recipes.bundled_for_crates()
    wanted = {name: known[name] for name in known if name in locked and name not in edited}
    try:
        packages = _packages(project, private, rust, offline) if wanted else []
    except SourceError:
        return ()  # the build says why
    crates = []
    for name, recipe in wanted.items():
        for package in packages:
            version = package["version"]
            if _is_from_registry(package, name) and recipe.fits(version):
                folder = Path(package["manifest_path"]).parent
                changes = edits.changes_of_dependency(recipe, version, name, folder)
                crates.append(_patched(package, folder, work, changes))
    return tuple(crates)


def _patched(
    package: Mapping[str, Any], folder: Path, work: Path, changes: tuple[Change, ...]
) -> PatchedCrate:
    """Update the copy of a crate, and return it."""
    name, version = package["name"], package["version"]
    target = work / "crates" / f"{name}-{version}"
    copy.copy_folder(folder, target, changes)
    return PatchedCrate(name=name, version=version, folder=target, changes=changes)


def _is_from_registry(package: dict[str, Any], name: str) -> bool:
    return package["name"] == name and str(package["source"]).startswith("registry+")


def _packages(project: Project, private: Copy, rust: Rust, offline: bool) -> list[dict[str, Any]]:
    """Return the packages of a build as cargo resolves them, after fetching their sources."""
    crate = project.crate or project.folder / "Cargo.toml"
    manifest = private.top / crate.relative_to(private.original)
    command = ["metadata", "--format-version=1", "--all-features"]
    command += [f"--filter-platform={TRIPLE}", f"--manifest-path={manifest}"]
    if offline:
        command.append("--offline")
    env = build_variables.for_build(os.environ)
    resolver = cargo_resolver.for_project(
        rust, private.top, private.folder, env, is_own=project.is_own
    )
    done = resolver.run(*command)
    if done.returncode:
        raise SourceError(
            f"Could not resolve the crates that {project.label} requires.",
            " ".join(line.strip() for line in done.stderr.splitlines()[-4:]),
            "Correct Cargo.toml, and build again.",
            code="crates.lookup-failed",
        )
    packages: list[dict[str, Any]] = json.loads(done.stdout)["packages"]
    return packages
