"""The choice of a toolchain for a build."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ..api.errors import Install, Retry, ToolchainError
from ..api.events import note
from ..api.requests import Linker, Profile
from ..runtime.context import RunContext
from ..runtime.node import Node
from ..runtime.targets import Target
from ..store import Store
from . import emscripten, linker, profiles, rust, sysroot, wasm_opt
from .emscripten import Emscripten
from .installer import command_for
from .linker import WasmLd
from .rust import Rust, RustRequirement
from .sysroot import Sysroot
from .wasm_opt import WasmOpt


class Toolchain(Struct, frozen=True, kw_only=True):
    """The programs of a build; `linker` is None if emcc links.

    `rust` and `sysroot` are None for a package of C alone, `maturin` for other build backends.
    `nightly` is a nightly Rust on the machine that could build instead.
    """

    rust: Rust | None
    sysroot: Sysroot | None
    linker: WasmLd | None
    emscripten: Emscripten | None
    wasm_opt: WasmOpt | None
    maturin: str | None
    nightly: Rust | None = None

    @property
    def summary(self) -> str:
        """Return its compiler and linker in a few words."""
        linker = f"wasm-ld {self.linker.version}" if self.linker else "emcc"
        c_compiler = f"Emscripten {self.emscripten.version}" if self.emscripten else "no compiler"
        return f"{f'Rust {self.rust.version}' if self.rust else c_compiler} and {linker}"

    def reasons(self) -> list[str]:
        """Return a line for each part, with its origin."""
        lines = []
        if self.rust and self.sysroot:
            lines.append(f"Rust: {self.rust.version}, {self.rust.origin}")
            lines.append(f"std: {self.sysroot.origin}")
        linker = self.linker and f"wasm-ld {self.linker.version}, {self.linker.origin}"
        lines.append(f"linker: {linker or 'emcc'}")
        c_compiler = self.emscripten or "not available (only required by crates with C or C++)"
        lines.append(f"C and C++: {c_compiler}")
        if self.wasm_opt:
            origin = "npm's binaryen" if self.wasm_opt.node else str(self.wasm_opt.program)
            lines.append(f"wasm-opt: {self.wasm_opt.version}, {origin}")
        return lines


class ToolchainNeeds(Struct, frozen=True, kw_only=True):
    """What a build needs."""

    linker: Linker = "auto"
    profile: Profile = "release"
    rust: RustRequirement | None = None
    with_rust: bool = True
    with_maturin: bool = True


#: What a Rust crate needs that asks for nothing special.
DEFAULT_NEEDS = ToolchainNeeds()


def choose(
    target: Target, node: Node, context: RunContext, needs: ToolchainNeeds = DEFAULT_NEEDS
) -> Toolchain:
    """Return the toolchain for a target; install missing parts where that is possible."""
    store, emit = context.store, context.emit
    installed = list(rust.installed(store))
    chosen = None
    if needs.with_rust:
        candidates = [rust.assess(each, target, needs.rust) for each in installed]
        chosen = rust.choose(candidates, target, needs.rust).rust
    c_compiler = emscripten.find(store, target)
    if needs.linker == "emcc" and not c_compiler:
        raise ToolchainError(
            "emcc not found (required by --linker emcc).",
            "emcc, Emscripten's linker, is neither in the store nor on PATH.",
            "Omit the option to link with wasm-ld, or run "
            f"{command_for(target, 'emscripten')} to install Emscripten {target.emscripten}.",
            code="emscripten.missing-linker",
            remedies=[
                Install(extras=("emscripten",), target=target.abi),
                Retry(changes={"linker": "wasm-ld"}),
            ],
        )
    toolchain = Toolchain(
        rust=chosen,
        sysroot=sysroot.ensure_sysroot(chosen, target, store, emit) if chosen else None,
        linker=None if needs.linker == "emcc" else choose_linker(chosen, store, installed),
        emscripten=c_compiler,
        wasm_opt=_wasm_opt(target, node, c_compiler, needs.profile, context),
        maturin=importlib.metadata.version("maturin") if needs.with_maturin else None,
        nightly=next((each for each in installed if rust.is_usable_nightly(each, target)), None),
    )
    for reason in toolchain.reasons():
        note(emit, reason)
    return toolchain


def _wasm_opt(
    target: Target,
    node: Node,
    compiler: Emscripten | None,
    profile: Profile,
    context: RunContext,
) -> WasmOpt | None:
    """Return wasm-opt with the flags of a profile, or None if that does not use it."""
    options = profiles.settings(profile).wasm_opt
    if not options:
        return None
    found = wasm_opt.ensure_wasm_opt(target, node, compiler, context)
    return replace(found, flags=(*options, *found.flags))


def choose_linker(chosen: Rust | None, store: Store, installed: Sequence[Rust] = ()) -> WasmLd:
    """Return the wasm-ld to link with: the Rust's own, or the one nearest to its LLVM.

    Without a Rust, for C alone, it is the newest of the `installed` ones and of PATH.
    """
    rusts = [chosen] if chosen else installed
    found = linker.find((each.linker for each in rusts if each.linker), store)
    usable = [each for each in found if each.major >= linker.MIN_LLVM]
    if not usable:
        versions = ", ".join(f"{each.program} {each.version}" for each in found) or "none"
        raise ToolchainError(
            "wasm-ld not found.",
            f"{chosen or 'Rust'} has none, and on PATH is {versions}; "
            f"LLVM {linker.MIN_LLVM} or newer is required.",
            "Install lld (on Debian: `apt-get install lld-22`), or Rust by rustup, which has one.",
            code="linker.missing",
        )
    if chosen is None:
        return max(usable, key=lambda each: each.major)
    llvm = chosen.llvm
    return min(usable, key=lambda each: abs(each.major - llvm))
