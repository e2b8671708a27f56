"""Errors of failed builds: known errors, diagnostics of the compiler, or the last output."""

from __future__ import annotations

import re

from ..api.errors import CompileError, Open, WasmwheelError
from ..api.events import Diagnostic
from ..api.sanitize import redact
from ..errors import known_errors
from ..runtime.targets import Target
from ..toolchain import emscripten
from ..toolchain.cargo import CargoOutputReader

#: Paths of dependencies' sources in cargo's home, with name and version, or name and commit.
DEPENDENCY = re.compile(
    r"[/\\]registry[/\\]src[/\\][^/\\]+[/\\]([^/\\]+?)-(\d+\.\d+\.\d+[^/\\]*)[/\\]"
    r"|[/\\]git[/\\]checkouts[/\\]([^/\\]+)-[0-9a-f]{16}[/\\]([0-9a-f]+)[/\\]"
)


def explain(project: str, reader: CargoOutputReader) -> WasmwheelError:
    """Return the error for the output of a failed build of `project`."""
    said = _last_error(reader)
    text = "\n".join([*reader.tail, *map(_line, reader.errors)])
    known = known_errors.match("build", text, project=project, cause=said)
    if known:
        return known[0]
    if reader.errors:
        first = reader.errors[0]
        place = f"{first.file}:{first.line}:{first.column}: " if first.file else ""
        count = len(reader.errors)
        return CompileError(
            f"{project} did not compile: {count} problem{'s' if count > 1 else ''}.",
            f"{place}{first.message}",
            "Correct that line and build again; the compiler's output is above.",
            code="compile.failed",
            counts={"problems": count},
            remedies=[Open(file=first.file, line=first.line, column=first.column)]
            if first.file
            else (),
        )
    return CompileError(
        f"Could not build {project}.",
        said,
        "Read the full output above; `--cargo-arg=-v` makes cargo more verbose.",
        code="build.failed",
    )


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
    said = [line.strip() for line in reader.tail if line.strip()]
    place = next((at for at, line in enumerate(said) if line.startswith("💥")), len(said))
    # maturin's message about cargo's failure adds nothing to cargo's own.
    lines = said[:place] if any(map(_is_error, said[:place])) else said[place:] or said
    errors = [line for line in lines if _is_error(line)] or lines[:1]
    words = " ".join(dict.fromkeys([*errors[-1:], *lines[-1:]]))
    return redact(words)[:600] or "The build tool gave no reason."


def _is_error(line: str) -> bool:
    return bool(re.match(r"error\b", line))
