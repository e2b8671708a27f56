"""Starter crates: small Rust-based packages, created from templates."""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from msgspec import Struct
from packaging.requirements import InvalidRequirement
from packaging.utils import canonicalize_name

from ..api.errors import SourceError, UsageError
from ..package_metadata import parse_requirement
from .manifest import load_pyproject, load_toml

#: The default template.
DEFAULT = "function"

#: The fields of cargo's `package` that name no program and no file that is compiled.
PACKAGE_FIELDS = frozenset(
    ("name", "version", "edition", "description", "readme", "license", "authors")
)


class Template(Struct, frozen=True, kw_only=True):
    """A template of starter crates; `about` says in a sentence what it demonstrates."""

    name: str
    about: str


def templates() -> tuple[Template, ...]:
    """Return all templates, the default first."""
    folders = [entry for entry in _root().iterdir() if entry.is_dir()]
    found = [Template(name=folder.name, about=_about(folder)) for folder in folders]
    return tuple(sorted(found, key=lambda each: (each.name != DEFAULT, each.name)))


def _about(folder: Traversable) -> str:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["description"])


def _root() -> Traversable:
    return resources.files("jupyter_wasmwheel") / "templates"


def module_name(name: str) -> str:
    """Return the module of a package; a UsageError if its name is invalid."""
    # Names of PEP 508 without dots, which Rust and imports do not support.
    module = canonicalize_name(name).replace("-", "_")
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?", name) or keyword.iskeyword(module):
        raise UsageError(
            f"Invalid package name {name!r}.",
            "A name begins with a letter, consists of letters, digits, `-` and `_`, and is not a "
            "Python keyword.",
            "Choose another name, for example `my-package`.",
            code="starter.invalid-name",
        )
    return module


def create(name: str, folder: Path, template: str = DEFAULT) -> Path:
    """Create a starter crate in a new folder, and return that folder."""
    module = module_name(name)
    names = [each.name for each in templates()]
    if template not in names:
        raise UsageError(
            f"Template {template!r} not found.",
            f"The templates are: {', '.join(names)}.",
            "Use one of them.",
            code="starter.unknown-template",
        )
    place = folder / name
    if place.exists():
        raise SourceError(
            f"{place} already exists.",
            "A starter crate is created in a new folder, so that nothing is overwritten.",
            "Choose another name, or remove that folder.",
            code="starter.exists",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as scratch:
        stage = Path(scratch) / name
        _copy(_root() / template, stage, {"__NAME__": name, "__MODULE__": module})
        shutil.move(stage, place)
    return place


def is_plain(folder: Path) -> bool:
    """Return whether a crate requires what the default template does, and its build runs no code.

    Its manifests have nothing but what is known to start no program and to set no option.
    """
    original = tomllib.loads((_root() / DEFAULT / "Cargo.toml").read_text(encoding="utf-8"))
    cargo, pyproject = load_toml(folder / "Cargo.toml"), load_pyproject(folder)
    library, tools = cargo.get("lib", {}), pyproject.get("tool", {})
    return (
        not (folder / "build.rs").exists()
        and PACKAGE_FIELDS.issuperset(cargo.get("package", {}))
        and library.keys() <= {"name", "crate-type"}
        and library.get("crate-type") in (["cdylib"], ["cdylib", "rlib"])
        and all(
            cargo.get(name) == original.get(name)
            for name in {*cargo, *original} - {"package", "lib"}
        )
        and _is_plain_maturin(pyproject.get("build-system", {}))
        and tools.keys() <= {"maturin", "wasmwheel"}
        and tools.get("maturin", {}).keys() <= {"module-name", "python-source"}
    )


def _is_plain_maturin(system: dict[str, Any]) -> bool:
    """Return whether a build system is maturin without anything else."""
    try:
        names = {parse_requirement(each).name for each in system.get("requires", ())}
    except InvalidRequirement:
        return False
    known = system.keys() <= {"requires", "build-backend"}
    return known and names == {"maturin"} and system.get("build-backend") == "maturin"


def _copy(source: Traversable, target: Path, values: dict[str, str]) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.name == "__pycache__":  # pip also compiles the tests of templates
            continue
        if entry.is_dir():
            _copy(entry, target / entry.name, values)
        else:
            text = entry.read_text(encoding="utf-8")
            for key, value in values.items():
                text = text.replace(key, value)
            (target / entry.name).write_text(text, encoding="utf-8")
