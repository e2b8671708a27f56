"""Errors of failed builds: known errors, diagnostics of the compiler, or the last output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.version import Version

from ..api.errors import CompileError, Open, Retry, SourceError, WasmwheelError
from ..api.events import Diagnostic
from ..api.requests import BuildRequest
from ..api.sanitize import redact
from ..errors import known_errors
from ..package_metadata import parse_version
from ..project.manifest import Project
from ..runtime import targets
from ..runtime.targets import Target
from ..toolchain import emscripten
from ..toolchain.cargo import CargoOutputReader
from ..toolchain.toolchain import Toolchain
from .plan import Plan

#: Paths of dependencies' sources in cargo's home, with name and version, or name and commit.
DEPENDENCY = re.compile(
    r"[/\\]registry[/\\]src[/\\][^/\\]+[/\\]([^/\\]+?)-(\d+\.\d+\.\d+[^/\\]*)[/\\]"
    r"|[/\\]git[/\\]checkouts[/\\]([^/\\]+)-[0-9a-f]{16}[/\\]([0-9a-f]+)[/\\]"
)

#: The failed build script of a crate of PyO3, with its version.
PYO3_FAILED = re.compile(r"custom build command for `pyo3-\S+ v(\d+\.\d+\.\d+)")

#: The first lines of errors: of cargo and compilers, of CMake, and of meson.
ERROR = re.compile(r"error\b|CMake Error\b|\S+:\d+:\d+: ERROR: ")

#: What tools print if they have no network.
NO_NETWORK = re.compile(
    r"offline mode \(via|may be running cargo in offline mode|--offline was specified"
    r"|Could not resolve host|[Nn]ame or service not known|[Nn]ame resolution|[Dd]ns [Ff]ailed"
    r"|failed to lookup address|getaddrinfo|Network is unreachable|error sending request for url"
    r"|Failed to establish a new connection|Failed to clone repository|error: downloading '"
    r"|is the internet available|[Ff]ailed to download"
)

#: Last lines of build tools that give no reason.
NO_REASON = re.compile(
    r"error: aborting due to |For more information about this error|ninja: build stopped"
    r"|\*\*\* CMake \w+ failed|-- Configuring incomplete|A full log can be found"
    r"|error: `[^`]*cargo[^`]*` failed with code|-- Output captured from std"
)


def explain(plan: Plan, reader: CargoOutputReader, *, without_network: bool) -> WasmwheelError:
    """Return the error for the output of a failed build, which ran `without_network` or with it."""
    cause, project = _last_error(reader), plan.project.label
    text = "\n".join([*reader.tail, *map(_line, reader.errors)])
    if without_network and needs_network(reader):
        return _without_network(plan, cause)
    older = older_target(plan.target, text)
    into_site = isinstance(plan.request, BuildRequest) and plan.request.site is not None
    known = known_errors.match(
        "build",
        text,
        project=project,
        cause=cause,
        target=plan.target.abi,
        python=plan.target.python,
        oldest=plan.target.pyo3,
        nightly=_nightly(plan.toolchain),
        older=older.abi if older and not into_site else "",
        use_older=_use_older(older),
    )
    if known:
        return known[0]
    if reader.errors:
        return _not_compiled(plan, reader.errors)
    return CompileError(
        f"Could not build {project}.",
        cause,
        "Read the full output above; `--cargo-arg=-v` makes cargo more verbose.",
        code="build.failed",
    )


def needs_network(reader: CargoOutputReader) -> bool:
    """Return whether the output of a failed build without network says that it requires one."""
    return not reader.errors and bool(NO_NETWORK.search("\n".join(reader.tail)))


def _without_network(plan: Plan, cause: str) -> SourceError:
    """Return the error for a build that requires the network, which it does not have."""
    return SourceError(
        f"The build of {plan.project.label} requires the network, which builds do not have.",
        cause,
        "If you trust the package, build it with `--allow-network`.",
        code="build.network",
        remedies=[Retry(changes={"allow_network": True})],
    )


def _not_compiled(plan: Plan, errors: Sequence[Diagnostic]) -> CompileError:
    """Return the error for the compiler's messages; only the user's own files can be corrected."""
    first, count = errors[0], len(errors)
    place = Path(first.file) if first.file else None
    where = f"{first.file}:{first.line}:{first.column}: " if first.file else ""
    remedies = [Open(file=first.file, line=first.line, column=first.column)] if first.file else []
    fix = "Correct that line and build again. The compiler's output says more."
    if place and place.is_relative_to(plan.work):
        fix = "Correct the build script that generates this file, and build again."
        remedies = []
    elif place and _is_in_download(place, plan.project):
        fix = (
            "Build another version of the package, or unpack the source in a folder of your own, "
            "correct that line and build the folder: the file above is a downloaded copy."
        )
        remedies = []
    return CompileError(
        f"{plan.project.label} did not compile: {count} problem{'s' if count > 1 else ''}.",
        f"{where}{first.message}",
        fix,
        code="compile.failed",
        counts={"problems": count},
        remedies=remedies,
    )


def _is_in_download(place: Path, project: Project) -> bool:
    return not project.is_own and project.tree is not None and place.is_relative_to(project.tree)


def older_target(target: Target, text: str) -> Target | None:
    """Return the newest target with a Python that the PyO3 in the output supports, if any.

    `target` is that of the build whose output `text` is.
    """
    found = PYO3_FAILED.search(text)
    if not found:
        return None
    version = parse_version(found[1])
    if version is None:
        return None
    fitting = [
        each
        for each in targets.all_targets()
        if each.python_version < target.python_version and Version(each.pyo3) <= version
    ]
    return fitting[-1] if fitting else None


def _use_older(target: Target | None) -> str:
    """Return a sentence about a target with an older Python."""
    if target is None:
        return "No target has a Python that is old enough for it."
    return f"Or build for Python {target.python} with `--target {target.abi}`."


def _nightly(toolchain: Toolchain | None) -> str:
    """Return a sentence about the nightly Rust on this machine."""
    if toolchain and toolchain.nightly:
        return f"This machine has one: {toolchain.nightly}."
    return "This machine has none that can build for Pyodide."


def missing_c_compiler(project: str, crates: tuple[str, ...], target: Target) -> WasmwheelError:
    """Return the error for crates that compile C without Emscripten.

    Some of them would not build with it either, which is a known error.
    """
    text = "\n".join(f"{crate} compiles C" for crate in crates)
    known = known_errors.match("build", text, project=project, cause=text)
    return known[0] if known else emscripten.missing_compiler(crates, target)


def _line(error: Diagnostic) -> str:
    """Return a compiler error in the form of known_errors.toml, `error in PLACE: MESSAGE`."""
    found = DEPENDENCY.search(error.file or "")
    place = (
        " ".join(part for part in found.groups() if part)
        if found
        else f"{error.file}:{error.line}:{error.column}"
    )
    return f"error in {place}: {error.message}" if error.file else f"error: {error.message}"


def _last_error(reader: CargoOutputReader) -> str:
    """Return the last error in the output, and its innermost cause."""
    tail = [line for line in _joined(reader.tail) if not NO_REASON.match(line)]
    end = next((at for at, line in enumerate(tail) if line.startswith("💥")), len(tail))
    # maturin's message about cargo's failure adds nothing to cargo's own.
    lines = tail[:end] if any(map(ERROR.match, tail[:end])) else tail[end:] or tail
    errors = [line for line in lines if ERROR.match(line)] or lines[:1]
    message = " ".join(dict.fromkeys([*errors[-1:], *lines[-1:]]))
    return redact(message)[:600] or "The build tool gave no reason."


def _joined(lines: Iterable[str]) -> list[str]:
    """Return the lines without indentation; join CMake's errors, whose text is indented below."""
    joined: list[str] = []
    for line in filter(str.strip, lines):
        if line.startswith("  ") and joined and joined[-1].startswith("CMake Error"):
            joined[-1] += f" {line.strip()}"
        else:
            joined.append(line.strip())
    return joined
