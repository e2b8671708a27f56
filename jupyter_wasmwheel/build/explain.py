"""What a failed build means: a known failure, the compiler's diagnostics, or its last words."""

from __future__ import annotations

import re

from ..api.errors import CompileError, Open, WasmwheelError
from ..api.events import Diagnostic
from ..api.sanitize import redact
from ..errors import known_errors
from ..runtime.targets import Target
from ..toolchain import emscripten
from ..toolchain.cargo import CargoOutputReader

#: Where cargo keeps the sources of dependencies: name and version in the path, or name and commit.
DEPENDENCY = re.compile(
    r"[/\\]registry[/\\]src[/\\][^/\\]+[/\\]([^/\\]+?)-(\d+\.\d+\.\d+[^/\\]*)[/\\]"
    r"|[/\\]git[/\\]checkouts[/\\]([^/\\]+)-[0-9a-f]{16}[/\\]([0-9a-f]+)[/\\]"
)


def explain(project: str, reader: CargoOutputReader) -> WasmwheelError:
    """The error that the output of a failed build means; `project` is what it is called."""
    said = _last_words(reader)
    text = "\n".join([*reader.tail, *map(_line, reader.errors)])
    known = known_errors.match("build", text, project=project, cause=said)
    if known:
        return known[0]
    if reader.errors:
        first = reader.errors[0]
        where = f"{first.file}:{first.line}:{first.column}: " if first.file else ""
        count = len(reader.errors)
        return CompileError(
            f"{project} did not compile: {count} problem{'s' if count > 1 else ''}.",
            f"{where}{first.message}",
            "Correct it there and build again; the compiler's own words are above.",
            code="compile.failed",
            counts={"problems": count},
            remedies=[Open(file=first.file, line=first.line, column=first.column)]
            if first.file
            else (),
        )
    return CompileError(
        f"{project} was not built.",
        said,
        "The full output is above; `--cargo-arg=-v` makes cargo say more.",
        code="build.failed",
    )


def missing_c_compiler(project: str, crates: tuple[str, ...], target: Target) -> WasmwheelError:
    """The error for crates that compile C where no Emscripten is.

    Some of them would not build with one either.
    """
    text = "\n".join(f"{crate} compiles C" for crate in crates)
    known = known_errors.match("build", text, project=project, cause=text)
    return known[0] if known else emscripten.missing_compiler(crates, target)


def _line(error: Diagnostic) -> str:
    """An error of the compiler's as known_errors.toml has it, "error in PLACE: MESSAGE"."""
    found = DEPENDENCY.search(error.file or "")
    place = (
        " ".join(part for part in found.groups() if part)
        if found
        else f"{error.file}:{error.line}:{error.column}"
    )
    return f"error in {place}: {error.message}" if error.file else f"error: {error.message}"


def _last_words(reader: CargoOutputReader) -> str:
    """The last error that the output names, and the innermost cause of it."""
    said = [line.strip() for line in reader.tail if line.strip()]
    place = next((at for at, line in enumerate(said) if line.startswith("💥")), len(said))
    # What maturin says of cargo's failure adds nothing to what cargo said itself.
    lines = said[:place] if any(map(_is_error, said[:place])) else said[place:] or said
    errors = [line for line in lines if _is_error(line)] or lines[:1]
    words = " ".join(dict.fromkeys([*errors[-1:], *lines[-1:]]))
    return redact(words)[:600] or "The build tool gave no reason."


def _is_error(line: str) -> bool:
    return bool(re.match(r"error\b", line))
