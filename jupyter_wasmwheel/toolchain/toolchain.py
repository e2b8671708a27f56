"""The choice of a toolchain, with its reasons."""

from __future__ import annotations

import functools
import importlib.metadata
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..api.errors import Install, Retry, ToolchainError
from ..api.events import note
from ..api.requests import Linker
from ..runtime.context import RunContext
from ..runtime.node import Node
from ..runtime.targets import Target
from ..store import Store
from . import emscripten, linker, rust, sysroot, wasm_opt
from .emscripten import Emscripten
from .installer import command_for
from .linker import WasmLd
from .rust import Rust
from .sysroot import Sysroot
from .wasm_opt import WasmOpt


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """All that a build is made with; `linker` is None where emcc links.

    `rust` and `sysroot` are None for a package of C alone, `maturin` where another one builds.
    """

    rust: Rust | None
    sysroot: Sysroot | None
    linker: WasmLd | None
    emscripten: Emscripten | None
    wasm_opt: WasmOpt | None
    maturin: str | None

    @property
    def summary(self) -> str:
        """What it is in a few words."""
        linker = f"wasm-ld {self.linker.version}" if self.linker else "emcc"
        compiler = f"Rust {self.rust.version}" if self.rust else self._c_compiler
        return f"{compiler} and {linker}"

    @property
    def _c_compiler(self) -> str:
        return f"Emscripten {self.emscripten.version}" if self.emscripten else "no compiler"

    def reasons(self) -> list[str]:
        """What was chosen and why, a line a part."""
        c_compiler = self.emscripten
        lines = []
        if self.rust and self.sysroot:
            lines.append(f"Rust: {self.rust.version}, {self.rust.origin}")
            lines.append(f"std: {self.sysroot.origin}")
        lines += [
            f"linker: wasm-ld {self.linker.version}, {self.linker.origin}"
            if self.linker
            else "linker: emcc",
            f"C compiler: {c_compiler}"
            if c_compiler
            else "C compiler: none (only needed where a crate compiles C or C++)",
        ]
        if self.wasm_opt:
            whose = "npm's binaryen" if self.wasm_opt.node else str(self.wasm_opt.program)
            lines.append(f"wasm-opt: {self.wasm_opt.version}, {whose}")
        return lines


@dataclass(frozen=True, kw_only=True)
class ToolchainNeeds:
    """What a build needs of a toolchain.

    `channel` is the one in the project's `rust-toolchain` file; `linker` is as in a request.
    """

    linker: Linker = "auto"
    optimize: bool = True
    channel: str | None = None
    with_rust: bool = True
    with_maturin: bool = True


def choose(
    target: Target, node: Node, context: RunContext, needs: ToolchainNeeds = ToolchainNeeds()
) -> Toolchain:
    """Return the toolchain for a target; what is missing of it is installed.

    A ToolchainError says what is missing or too old, and how to get it.
    """
    store, emit = context.store, context.emit
    installed = list(rust.installed(store))
    chosen = None
    if needs.with_rust:
        candidates = [rust.assess(each, target, needs.channel) for each in installed]
        chosen = rust.choose(candidates, target, needs.channel).rust
    c_compiler = emscripten.find(store, target)
    if needs.linker == "emcc" and not c_compiler:
        raise ToolchainError(
            "emcc not found, which --linker emcc requires.",
            "--linker emcc asks for Emscripten's linker, and no emcc is on PATH.",
            "Leave the option away to link with wasm-ld, or install Emscripten "
            f"{target.emscripten}: {command_for(target, 'emscripten')}.",
            code="emscripten.missing-linker",
            remedies=[
                Install(extras=("emscripten",), target=target.abi),
                Retry(changes={"linker": "wasm-ld"}),
            ],
        )
    toolchain = Toolchain(
        rust=chosen,
        sysroot=sysroot.ensure_sysroot(chosen, store, emit) if chosen else None,
        linker=None if needs.linker == "emcc" else choose_linker(chosen, store, installed),
        emscripten=c_compiler,
        wasm_opt=wasm_opt.ensure_wasm_opt(node, store, emit, offline=context.offline)
        if needs.optimize
        else None,
        maturin=importlib.metadata.version("maturin") if needs.with_maturin else None,
    )
    for reason in toolchain.reasons():
        note(emit, reason)
    return toolchain


def choose_linker(chosen: Rust | None, store: Store, installed: Sequence[Rust] = ()) -> WasmLd:
    """The wasm-ld to link with: the one that came with Rust, else the nearest to its LLVM.

    Without a Rust, for C alone, it is the newest of what `installed` ones brought and PATH has.
    """
    rusts = [chosen] if chosen else installed
    found = linker.find((each.linker for each in rusts if each.linker), store)
    usable = [each for each in found if each.major >= linker.MIN_LLVM]
    if not usable:
        seen = ", ".join(f"{each.program} {each.version}" for each in found) or "none"
        raise ToolchainError(
            "wasm-ld not found.",
            f"{chosen or 'Rust'} came without one, and on PATH is {seen}; "
            f"LLVM {linker.MIN_LLVM} or newer is needed.",
            "Install lld, on Debian `apt-get install lld-22`, or a Rust by rustup, which brings "
            "its own.",
            code="linker.missing",
        )
    if chosen is None:
        return max(usable, key=lambda each: each.major)
    llvm = chosen.llvm
    return min(usable, key=lambda each: abs(each.major - llvm))


def script(name: str, package: str = "jupyter-wasmwheel") -> Path:
    """Where a console script, of this package or of another one, is installed."""
    for file in _files(package):
        if file.stem == name:
            return Path(str(file.locate())).resolve()
    found = shutil.which(name)
    if found:
        return Path(found)
    raise ToolchainError(
        f"The console script {name} is missing.",
        f"It is installed with {package}.",
        f"Install it again: `pip install --force-reinstall {package}`.",
        code="toolchain.script-missing",
    )


@functools.cache
def _files(package: str) -> tuple[importlib.metadata.PackagePath, ...]:
    """The files of an installed package, which every build asks for several times."""
    return tuple(importlib.metadata.files(package) or ())
