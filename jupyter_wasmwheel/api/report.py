"""The report of a build: the wheel, the toolchain, the times, and the results of the checks.

Its JSON is a contract (`"schema": 1`): times are seconds, sizes bytes, hashes hexadecimal.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .errors import ErrorInfo
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
    """The Emscripten that compiled C: its version, the target's, and the crates that use it."""

    version: str
    wanted: str
    crates: tuple[str, ...]


class ToolchainInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The tools that built a wheel; `std` is the origin of the standard library."""

    rustc: str | None
    std: str | None
    linker: str
    emscripten: CCompiler | None
    wasm_opt: str | None
    maturin: str | None


class PhaseTime(msgspec.Struct, frozen=True, kw_only=True):
    """A phase and its duration."""

    name: str
    seconds: float


class Crate(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled crate; `seconds` from the start of its first unit to the end of its last."""

    name: str
    version: str
    seconds: float


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A change to a file as a unified diff, and the reason for it."""

    file: str
    diff: str
    why: str

    @property
    def summary(self) -> str:
        """Return the file, with the numbers of added and removed lines."""
        lines = self.diff.splitlines()[2:]
        added = sum(line.startswith("+") for line in lines)
        removed = sum(line.startswith("-") for line in lines)
        return f"{self.file} (+{added} -{removed})"


class CargoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a recipe for cargo: features of the crate, and cfgs for all crates."""

    features: tuple[str, ...] = ()
    default_features: bool = True
    cfg: tuple[str, ...] = ()


class ShippedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a recipe adds to a site, and the reason for it."""

    url: str
    why: str


class RecipeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of a build, without its patches."""

    name: str
    versions: str
    origin: str
    cargo: CargoSettings
    data: tuple[ShippedFile, ...]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The audit: names that the runtime lacks, and a sentence for each unexpected finding.

    `remarks` are findings that do not prevent the import.
    """

    ok: bool
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    remarks: tuple[str, ...] = ()


class Smoke(msgspec.Struct, frozen=True, kw_only=True):
    """The import of a wheel: the imported top-level modules, their output, and the duration.

    `extensions` are the extension modules that were imported and the libraries that were loaded,
    `remarks` what is not imported or fails, and need not work. `not_downloaded` are packages of
    Pyodide without which only the extension modules could be imported.
    """

    ok: bool
    module: str
    seconds: float
    output: str
    extensions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    not_downloaded: tuple[str, ...] = ()


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement of the package, or of another requirement that `needed_by` names.

    `version` is the version found; if `source` (`from` in JSON) is `missing`, it is the available
    version that does not satisfy the requirement, or null.
    """

    name: str
    requirement: str
    source: Literal["pyodide", "pypi", "pypi-wasm", "site", "built", "missing"] = msgspec.field(
        name="from"
    )
    version: str | None
    needed_by: str | None = None


class TestFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A test that did not pass; `reason` is what an unsupported test requires.

    `file` is the user's own or a path in a fetched source, or null.
    """

    id: str
    outcome: Literal["failed", "unsupported", "timed_out", "crashed"]
    reason: str | None
    message: str
    file: str | None
    line: int | None


class Tests(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of a project's own tests.

    A file that cannot be collected counts as one test. `not_run` are tests after a limit was
    reached.
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
    """The folder of the site, and the address of the package's notebook in it."""

    site: str
    url: str


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a build, or of a run of tests.

    `confined` is whether the build had only its own files, and no network unless it was allowed.
    A build for several targets has a result for each of them in `targets`; the other fields are
    those of the first one that succeeded.
    """

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
    confined: bool = False
    published: Publication | None = None
    targets: tuple[TargetResult, ...] = ()


class TargetResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one of several targets: a report, or an error."""

    target: TargetInfo
    report: BuildReport | None = None
    error: ErrorInfo | None = None
