"""Edited copies of the registry's crates, which cargo uses through `[patch.crates-io]`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import build_variables
from ..api.errors import SourceError
from ..project import copy, edits
from ..project.copy import Copy
from ..project.edits import Change
from ..project.manifest import Project
from ..project.recipes import Recipe
from ..runtime.targets import TRIPLE
from ..toolchain import cargo
from ..toolchain.rust import Rust


@dataclass(frozen=True, kw_only=True)
class PatchedCrate:
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
            target = work / "crates" / f"{name}-{package['version']}"
            copy.copy_folder(folder, target, changes)
            crates.append(
                PatchedCrate(name=name, version=package["version"], folder=target, changes=changes)
            )
    return tuple(crates)


def _is_from_registry(package: dict[str, Any], name: str) -> bool:
    return package["name"] == name and str(package["source"]).startswith("registry+")


def _packages(project: Project, private: Copy, rust: Rust, offline: bool) -> list[dict[str, Any]]:
    """Return the packages of a build as cargo resolves them, after fetching their sources."""
    crate = project.crate or project.folder / "Cargo.toml"
    manifest = private.top / crate.relative_to(private.original)
    command = [str(rust.cargo), "metadata", "--format-version=1", "--all-features"]
    command += [f"--filter-platform={TRIPLE}", f"--manifest-path={manifest}"]
    if offline:
        command.append("--offline")
    env = cargo.for_resolution(build_variables.for_build(os.environ), rust.rustc)
    done = subprocess.run(command, cwd=private.folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SourceError(
            f"Could not resolve the crates that {project.label} requires.",
            " ".join(line.strip() for line in done.stderr.splitlines()[-4:]),
            "Correct Cargo.toml, and build again.",
            code="crates.lookup-failed",
        )
    packages: list[dict[str, Any]] = json.loads(done.stdout)["packages"]
    return packages
