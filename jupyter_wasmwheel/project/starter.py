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

from msgspec import Struct
from packaging.utils import canonicalize_name

from ..api.errors import SourceError, UsageError
from .manifest import load_toml

#: The default template.
DEFAULT = "function"


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


def has_same_dependencies(folder: Path) -> bool:
    """Return whether a crate depends on what the default template does, and has no build script."""
    original = tomllib.loads((_root() / DEFAULT / "Cargo.toml").read_text(encoding="utf-8"))
    found = load_toml(folder / "Cargo.toml")
    known = {"name", "version", "edition", "description", "readme", "license", "authors"}
    if (folder / "build.rs").exists() or not known.issuperset(found.get("package", {})):
        return False
    own = ("package", "lib")
    return all(found.get(name) == original.get(name) for name in {*found, *original} - {*own})


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
