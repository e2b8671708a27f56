"""maturin, run on the private copy of a project."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..events import Emitter
from ..process import run
from ..project.copy import Copy
from ..runtime.targets import TRIPLE
from ..toolchain import cargo, emscripten
from .explain import explain
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
        raise explain(plan.project.label, reader)
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
