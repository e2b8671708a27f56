"""The doctor: check what builds need, and install what is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

from ..api.answers import Finding
from ..api.errors import Install, WasmwheelError
from ..api.events import Emitter
from ..config import Downloads
from ..process import confine
from ..runtime import node, pyodide, snapshot
from ..runtime.context import RunContext
from ..runtime.targets import TRIPLE, Target
from ..store import Store
from . import emscripten, emsdk, rust, rustup, sysroot, wasm_opt
from .installer import command_for
from .toolchain import choose_linker

#: What is installed only on request.
EXTRAS = ("emscripten", "nightly", "seeds")


def examine(target: Target, store: Store) -> list[Finding]:
    """Check everything that a build for a target needs; install and change nothing."""
    return [
        _rust(target, store),
        _node(target, store),
        _pyodide(target, store),
        _wasm_opt(target, store),
        _c_compiler(target, store),
        *([_confinement()] if sys.platform == "linux" else []),
    ]


def _node(target: Target, store: Store) -> Finding:
    found, reason = node.find(store)
    if found:
        return Finding(id="node", part="Node.js", state="ok", text=reason)
    return _not_installed("node", "Node.js", reason, "PyPI", target)


def _pyodide(target: Target, store: Store) -> Finding:
    version = target.pyodide
    if store.find(pyodide.key(target)):
        text = f"{version} is installed"
        return Finding(id="pyodide", part="Pyodide", state="ok", text=text, version=version)
    return _not_installed("pyodide", "Pyodide", f"{version} is not installed yet", "npm", target)


def _rust(target: Target, store: Store) -> Finding:
    candidates = [rust.assess(each, target) for each in rust.installed(store)]
    try:
        chosen = rust.choose(candidates, target).rust
        linker = choose_linker(chosen, store)
    except WasmwheelError as error:
        return _without_rust(f"{error.what} {error.why}", target)
    if sysroot.is_prebuilt(chosen, target):
        std = f"the {TRIPLE} target is installed"
    elif store.find(sysroot.key(chosen, target)):
        std = "std for the target is built"
    else:
        std = "std for the target will be built by the first build or by --fix"
    text = f"{chosen}; {std}; wasm-ld {linker.version} {linker.origin}"
    version = str(chosen.version)
    return Finding(id="rust", part="Rust", state="ok", text=text, version=version)


def _without_rust(text: str, target: Target) -> Finding:
    remedies: tuple[Install, ...] = ()
    if rust.find_rustup():
        fix = f"Run {command_for(target)}, which installs a separate Rust by rustup."
        remedies = (Install(target=target.abi),)
    else:
        run = f"run {command_for(target)}, or on Debian run `{rust.DEBIAN}`"
        fix = f"Install rustup (https://rustup.rs) and {run}."
    return Finding(id="rust", part="Rust", state="missing", text=text, fix=fix, remedies=remedies)


def _wasm_opt(target: Target, store: Store) -> Finding:
    native, reason = wasm_opt.find_native(target, emscripten.find(store, target))
    if native or store.find(wasm_opt.key()):
        text = reason if native else "npm's binaryen is installed"
        return Finding(id="wasm-opt", part="wasm-opt", state="ok", text=text)
    text = "npm's binaryen is not installed yet"
    return _not_installed("wasm-opt", "wasm-opt", text, "npm", target)


def _not_installed(
    id: Literal["node", "pyodide", "wasm-opt"], part: str, text: str, origin: str, target: Target
) -> Finding:
    fix = f"The first build fetches it from {origin}; run {command_for(target)} to fetch it now."
    remedies = (Install(target=target.abi),)
    return Finding(id=id, part=part, state="optional", text=text, fix=fix, remedies=remedies)


def _c_compiler(target: Target, store: Store) -> Finding:
    found = emscripten.find(store, target)
    if found and found.version == target.emscripten:
        text, fix = str(found), ""
    else:
        command = command_for(target, "emscripten")
        fix = f"Run {command} to install Emscripten {target.emscripten} (more than 1 GB)"
        if found:
            text, fix = f"{found}; good enough to try a wheel, not for PyPI", f"{fix}."
        else:
            text = "not found; only needed for packages that contain C or C++"
            fix += "; to try a wheel, Debian's is enough: `apt-get install emscripten`."
    return Finding(
        id="c-compiler",
        part="C compiler",
        state="ok" if found else "optional",
        text=text,
        version=found.version if found else None,
        fix=fix,
        remedies=(Install(extras=("emscripten",), target=target.abi),) if fix else (),
    )


def _confinement() -> Finding:
    reason = confine.unavailable()
    text, fix = "bubblewrap confines builds, imports and tests", ""
    if reason:
        text = f"builds can read your files and use the network: {reason}"
        if confine.method():
            text = f"Landlock confines files, but not all of the network: {reason}"
        fix = f"Run `{confine.INSTALL}` as root, and do not set {confine.SWITCH} (docs/limits.md)."
    state: Literal["ok", "optional"] = "optional" if reason else "ok"
    return Finding(id="confinement", part="Confinement", state=state, text=text, fix=fix)


def fix(
    target: Target, store: Store, emit: Emitter, downloads: Downloads, extras: Sequence[str] = ()
) -> None:
    """Install what is missing, or only the given extras, without root and apart from the user's."""
    store.remove_leftovers()
    if "emscripten" in extras:
        emsdk.install(target, store, emit, downloads)
    if "nightly" in extras:
        rustup.install(target, "nightly", store, emit, downloads.timeout)
    if extras:
        return
    if _rust(target, store).state == "missing":
        rustup.install(target, "stable", store, emit, downloads.timeout)
    candidates = [rust.assess(each, target) for each in rust.installed(store)]
    chosen = rust.choose(candidates, target).rust
    choose_linker(chosen, store)
    sysroot.ensure_sysroot(chosen, target, store, emit)
    node_js = node.ensure_node(store, emit)
    snapshot.ensure_snapshot(
        pyodide.ensure_runtime(target, node_js, store, emit), node_js, store, emit
    )
    context = RunContext(store=store, emit=emit)
    wasm_opt.ensure_wasm_opt(target, node_js, emscripten.find(store, target), context)
