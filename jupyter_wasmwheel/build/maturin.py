"""maturin, run on the private copy of a project; and what its failures mean."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CompileError, LimitError, SourceError, WasmwheelError
from ..events import Emitter
from ..process import run
from ..project.copy import Copy
from ..runtime.targets import TRIPLE
from ..toolchain import cargo, emscripten
from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Built:
    """A wheel as the front end left it, and the crates that were compiled for it."""

    wheel: Path
    crates: tuple[cargo.Crate, ...]
    crates_with_c: tuple[str, ...]


def build(plan: Plan, copy: Copy, emit: Emitter, compiled: Callable[[], None]) -> Built:
    """Build the wheel; `compiled` is called when cargo is done and packing begins."""
    shutil.rmtree(plan.wheels, ignore_errors=True)
    plan.wheels.mkdir(parents=True)
    plan.c_crates.unlink(missing_ok=True)
    crate = plan.project.crate
    base = copy.top / crate.parent.relative_to(copy.original) if crate else copy.folder
    reader = cargo.Reader(
        emit,
        lambda name: copy.locate(name, _workspace(base, name)),
        rename={str(copy.top): str(copy.original)},
    )

    def on_line(stream: str, line: str) -> None:
        reader(stream, line)
        if line.lstrip().startswith("Finished `"):
            compiled()

    status = run(
        _command(plan),
        cwd=copy.folder,
        env=plan.env,
        on_line=on_line,
        stop_when=lambda: not plan.toolchain.emscripten and plan.c_crates.exists(),
    )
    with_c = emscripten.crates_with_c(plan.c_crates)
    if with_c and not plan.toolchain.emscripten:
        raise emscripten.missing_compiler(with_c, plan.target.emscripten)
    wheels = sorted(plan.wheels.glob("*.whl"))
    if status or not wheels:
        raise explain(plan, reader)
    return Built(wheel=wheels[0], crates=reader.crates, crates_with_c=with_c)


def _workspace(base: Path, name: str) -> Path:
    """The folder that rustc's relative paths are meant from: the workspace's, above the crate."""
    for folder in (base, *base.parents):
        if (folder / name).exists():
            return folder
    return base


def _command(plan: Plan) -> list[str]:
    request = plan.request
    command = [sys.executable, "-m", "maturin", "build", "--release", "--target", TRIPLE]
    command += ["-i", f"python{plan.target.python}", "--out", str(plan.wheels)]
    for feature in request.features:
        command += ["--features", feature]
    if request.no_default_features:
        command.append("--no-default-features")
    if request.offline:
        command.append("--offline")
    return command


def explain(plan: Plan, reader: cargo.Reader) -> WasmwheelError:
    """The error that a failed build's output means."""
    name = plan.project.label
    text = "\n".join(reader.tail)
    if "No space left on device" in text:
        return LimitError(
            f"The disk is full; {name} was not built.",
            "The compiler could not write its output.",
            "Free some space, for example with `jupyter wasmwheel cache clear`, and run it again.",
        )
    if reader.errors:
        first = reader.errors[0]
        where = f"{first.file}:{first.line}:{first.column}: " if first.file else ""
        count = len(reader.errors)
        return CompileError(
            f"{name} did not compile: {count} problem{'s' if count > 1 else ''}.",
            f"{where}{first.message}",
            "Correct it there and build again; the compiler's own words are above.",
        )
    return _lock_error(name, text) or _network_error(name, text) or _other_error(name, reader)


def _lock_error(name: str, text: str) -> SourceError | None:
    """The error for a lock file, or a requirement, that names what the registry does not have."""
    wanted = re.search(r"failed to select a version for the requirement `([^`]+)`(.*)", text)
    if not wanted:
        wanted = re.search(r"no matching package named `([^`]+)` found(.*)", text)
    if not wanted:
        return None
    locked = re.search(r"\(locked to ([^)]+)\)", text)
    if locked:
        return SourceError(
            f"{name}'s Cargo.lock names a version that the registry does not have.",
            f"{wanted.group(1)}, locked to {locked.group(1)}.",
            "Build with `--ignore-lock` to let cargo choose the versions anew, or use another "
            "registry.",
        )
    return SourceError(
        f"A crate that {name} needs is not in the registry.",
        f"{wanted.group(1)}: {_candidates(text)}",
        "Correct the requirement in Cargo.toml, or use another registry.",
    )


def _candidates(text: str) -> str:
    found = re.search(r"candidate versions found which didn't match: (.+)", text)
    return f"it has {found.group(1)}." if found else "it is not known there."


def _network_error(name: str, text: str) -> SourceError | None:
    signs = (
        "failed to download",
        "failed to get",
        "Could not resolve host",
        "Couldn't connect",
        "download of config.json failed",
        "Unable to update",
        "you may be running cargo in offline mode",
        "attempting to make an HTTP request, but --offline was specified",
    )
    if not any(sign in text for sign in signs):
        return None
    offline = "offline" in text
    causes = [line.strip() for line in text.splitlines() if "[" in line or "error:" in line]
    return SourceError(
        f"The crates that {name} needs could not be fetched.",
        "; ".join(causes[:2]) or "cargo could not reach its registry.",
        "Run it once without --offline, to fetch them."
        if offline
        else "Check the network, the proxy and cargo's configuration, then run it again.",
    )


def _other_error(name: str, reader: cargo.Reader) -> CompileError:
    """The error for a failure that nobody has a better word for: the last of what was said."""
    said = [line.strip() for line in reader.tail if line.strip()]
    causes = [line for line in said if re.match(r"(error|💥|Caused by)", line)] or said
    return CompileError(
        f"{name} was not built.",
        " ".join(causes[-4:])[:600] or "maturin gave no reason.",
        "The full output is above; `--cargo-arg=-v` makes cargo say more.",
    )
