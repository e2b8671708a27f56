"""The answers of the REST API other than jobs: toolchain, targets, projects, starters, sites."""

from __future__ import annotations

from typing import Literal

import msgspec

from .errors import ErrorInfo, Extra, Install
from .report import SCHEMA, Patch, RecipeInfo
from .requests import FrontEnd


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the toolchain; `state` is `optional` if it is missing but not required.

    `id` is for programs, `part` for people. `version` is null if it is unknown. `fix` describes how
    to install the part, `remedies` do it; `mend` are the extras of the first remedy, or null.
    """

    id: Literal["rust", "node", "pyodide", "wasm-opt", "c-compiler", "seeds", "confinement"]
    part: str
    state: Literal["ok", "optional", "missing"]
    text: str
    version: str | None = None
    fix: str = ""
    mend: tuple[Extra, ...] | None = None
    remedies: tuple[Install, ...] = ()

    def __post_init__(self) -> None:
        """Derive `mend` from the remedies."""
        extras = self.remedies[0].extras if self.remedies else None
        msgspec.structs.force_setattr(self, "mend", extras)


class Toolchain(msgspec.Struct, frozen=True, kw_only=True):
    """The parts installed to build for a target; `ok` if no required part is missing."""

    schema: int = SCHEMA
    ok: bool
    target: str
    findings: tuple[Finding, ...]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An ABI that wheels can be built for, with the versions that go with it."""

    abi: str
    pyodide: str
    python: str
    emscripten: str
    platform_tag: str


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The targets, oldest first, and the ABI of the default one."""

    schema: int = SCHEMA
    default: str
    targets: tuple[Target, ...]


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project that can be built, with the features of its crate."""

    name: str
    version: str | None
    backend: Literal["maturin", "setuptools-rust", "setuptools", "pure"]
    features: tuple[str, ...]
    requirements: tuple[str, ...]


class Edits(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that a build makes to a source."""

    name: str
    version: str | None
    recipe: RecipeInfo | None
    patches: tuple[Patch, ...]
    notes: tuple[str, ...]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template for starter crates."""

    name: str
    about: str


class Templates(msgspec.Struct, frozen=True, kw_only=True):
    """The templates for starter crates, and the name of the default one."""

    default: str
    templates: tuple[Template, ...]


class Starter(msgspec.Struct, frozen=True, kw_only=True):
    """A new starter crate; `path` is its path in the contents API."""

    path: str
    name: str
    module: str


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A JupyterLite site; one that cannot be read has an error, and null in most fields.

    `url` is on the site's own origin, `through` on Jupyter's.
    """

    name: str
    folder: str
    target: str | None = None
    pyodide: str | None = None
    mode: Literal["offline", "cdn"] | None = None
    url: str | None = None
    up: bool | None = None
    probe: str | None = None
    through: str | None = None
    error: ErrorInfo | None = None


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package in a site; `url` and `through` are addresses of its notebook."""

    name: str
    version: str
    size: int
    sha256: str
    file_name: str
    published: str
    notebook: str
    url: str
    through: str | None


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """What to paste into a front end to use a package, and the place to paste it into."""

    front_end: FrontEnd
    label: str
    where: str
    text: str
