"""The report of a build: what was made, with what, how long it took, and what the checks found.

As JSON it is a contract (`"schema": 1`): times are seconds, sizes bytes, hashes hexadecimal.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .requests import Profile

#: The version of the report's format.
SCHEMA = 1


class TargetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The runtime that a wheel is for; `pyodide` and `python` are versions."""

    abi: str
    pyodide: str
    python: str
    platform_tag: str


class CCompiler(msgspec.Struct, frozen=True, kw_only=True):
    """The Emscripten that compiled C: its version, the target's, and the crates that needed it."""

    version: str
    wanted: str
    crates: tuple[str, ...]


class ToolchainInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a wheel was built with; `std` is where the standard library comes from."""

    rustc: str | None
    std: str | None
    linker: str
    emscripten: CCompiler | None
    wasm_opt: str | None
    maturin: str | None


class PhaseTime(msgspec.Struct, frozen=True, kw_only=True):
    """A phase, and how many seconds it took."""

    name: str
    seconds: float


class Crate(msgspec.Struct, frozen=True, kw_only=True):
    """A crate that was compiled; `seconds` from its first unit's start to its last one's end."""

    name: str
    version: str
    seconds: float


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a file as a unified diff, and the reason; `file` is its path for a person."""

    file: str
    diff: str
    why: str

    @property
    def summary(self) -> str:
        """The file, with the numbers of lines added and removed."""
        lines = self.diff.splitlines()[2:]
        added = sum(line.startswith("+") for line in lines)
        removed = sum(line.startswith("-") for line in lines)
        return f"{self.file} (+{added} -{removed})"


class CargoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipe passes to cargo: features of the project's crate, and cfgs for all crates."""

    features: tuple[str, ...] = ()
    default_features: bool = True
    cfg: tuple[str, ...] = ()


class ShippedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a recipe ships with a site: its address, and the reason."""

    url: str
    why: str


class RecipeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe that a build used, less what its patches show."""

    name: str
    versions: str
    origin: str
    cargo: CargoSettings
    data: tuple[ShippedFile, ...]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """`missing` are names that the runtime lacks; `unexpected` are sentences, one a finding."""

    ok: bool
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


class Smoke(msgspec.Struct, frozen=True, kw_only=True):
    """The import of a wheel: the module's name, what was printed, and how many seconds it took."""

    ok: bool
    module: str
    seconds: float
    output: str


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement, of the package itself or, with `needed_by`, of another one that it needs.

    `version` is the one found; where `source` (`from` in JSON) is `missing`, the one that does not
    satisfy the requirement, if any.
    """

    name: str
    requirement: str
    source: Literal["pyodide", "pypi", "pypi-wasm", "site", "built", "missing"] = msgspec.field(
        name="from"
    )
    version: str | None
    needed_by: str | None = None


class TestFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A test that did not pass.

    `reason` is what an unsupported one needs. `file` is the user's own, or a path in a fetched
    source, and null where the failure has no place in it.
    """

    id: str
    outcome: Literal["failed", "unsupported", "timed_out", "crashed"]
    reason: str | None
    message: str
    file: str | None
    line: int | None


class Tests(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a project's own tests.

    `collected` is how many there are; a file that cannot be collected counts as one. Each has one
    outcome: those that follow, and `not_run` where a limit was met before.
    """

    collected: int
    passed: int
    failed: int
    skipped: int
    unsupported: int
    timed_out: int
    crashed: int
    not_run: int
    seconds: float
    failures: tuple[TestFailure, ...]


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """Where a wheel was published: the site's folder, and the address of the package's notebook."""

    site: str
    url: str


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a build, or of a run of tests."""

    schema: int = SCHEMA
    name: str
    version: str
    wheel: str
    sha256: str
    size: int
    target: TargetInfo
    toolchain: ToolchainInfo | None
    profile: Profile
    phases: tuple[PhaseTime, ...]
    crates: tuple[Crate, ...]
    cached: bool
    seeded: bool
    recipe: RecipeInfo | None
    patches: tuple[Patch, ...]
    audit: Audit
    smoke: Smoke | None
    dependencies: tuple[Dependency, ...]
    built_along: tuple[BuildReport, ...] = ()
    tests: Tests | None = None
    published: Publication | None = None
