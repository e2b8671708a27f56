"""The doctor: what is there, what is missing, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

from ..api.answers import Finding
from ..api.errors import WasmwheelError
from ..api.events import Emitter
from ..config import Downloads
from ..runtime import node, pyodide, snapshot
from ..runtime.targets import TRIPLE, Target
from ..store import Store
from . import emscripten, emsdk, rust, rustup, sysroot, wasm_opt
from .installer import command_for
from .toolchain import choose_linker

#: What is installed only where it is asked for by name.
EXTRAS = ("emscripten", "nightly", "seeds")


def examine(target: Target, store: Store) -> list[Finding]:
    """Look at everything that a build for a target needs; nothing is installed or changed."""
    findings = [_rust(target, store)]
    its_node, reason = node.find(store)
    if its_node:
        findings.append(Finding(part="Node.js", state="ok", text=reason))
    else:
        findings.append(_to_be_fetched("Node.js", reason, "PyPI", target))
    findings.append(_installed("Pyodide", target.pyodide, pyodide.key(target), target, store))
    native, reason = wasm_opt.find_native()
    findings.append(
        Finding(part="wasm-opt", state="ok", text=reason)
        if native
        else _installed("wasm-opt", "npm's binaryen", wasm_opt.key(), target, store)
    )
    findings.append(_c_compiler(target, store))
    return findings


def _rust(target: Target, store: Store) -> Finding:
    candidates = [rust.judge(each, target, None) for each in rust.installed(store)]
    try:
        chosen = rust.choose(candidates, target, None).rust
        linker = choose_linker(chosen, store)
    except WasmwheelError as error:
        return _without_rust(f"{error.what} {error.why}", target)
    if chosen.has_std:
        std = f"the {TRIPLE} target came with it"
    elif store.find(sysroot.key(chosen)):
        std = "std for the target is built"
    else:
        std = "std for the target is built once, with the first build or by --fix"
    text = f"{chosen}; {std}; wasm-ld {linker.version} {linker.origin}"
    return Finding(part="Rust", state="ok", text=text)


def _without_rust(text: str, target: Target) -> Finding:
    if rustup.find():
        fix = f"{command_for(target)} installs one by rustup, in a place of its own."
        return Finding(part="Rust", state="missing", text=text, fix=fix, mend=())
    run = f"run {command_for(target)}, or on Debian run `{rust.DEBIAN}`"
    fix = f"Install rustup (https://rustup.rs) and {run}."
    return Finding(part="Rust", state="missing", text=text, fix=fix)


def _installed(part: str, what: str, key: str, target: Target, store: Store) -> Finding:
    if store.find(key):
        return Finding(part=part, state="ok", text=f"{what} is installed")
    return _to_be_fetched(part, f"{what} is not here yet", "npm", target)


def _to_be_fetched(part: str, text: str, whence: str, target: Target) -> Finding:
    fix = f"It is fetched from {whence} with the first build, or now by {command_for(target)}."
    return Finding(part=part, state="optional", text=text, fix=fix, mend=())


def _c_compiler(target: Target, store: Store) -> Finding:
    found = emscripten.find(store, target)
    by_emsdk = f"{command_for(target, 'emscripten')} installs Emscripten {target.emscripten}"
    fix = f"{by_emsdk}, which takes more than 1 GB"
    if not found:
        return Finding(
            part="C compiler",
            state="optional",
            text="none; only needed for packages with C or C++ in them",
            fix=f"{fix}; to try a wheel, Debian's is enough: `apt-get install emscripten`.",
            mend=("emscripten",),
        )
    if found.version != target.emscripten:
        text = f"{found}; good enough to try a wheel, not for PyPI"
        return Finding(
            part="C compiler", state="ok", text=text, fix=f"{fix}.", mend=("emscripten",)
        )
    return Finding(part="C compiler", state="ok", text=str(found))


def fix(
    target: Target, store: Store, emit: Emitter, downloads: Downloads, extras: Sequence[str] = ()
) -> None:
    """Install what is missing and can be had without root; nothing of the user's is changed.

    Where extras are named, they alone are installed.
    """
    store.sweep()
    if "emscripten" in extras:
        emsdk.install(target, store, emit, downloads)
    if "nightly" in extras:
        rustup.install(target, "nightly", store, emit, downloads.timeout)
    if extras:
        return
    if _rust(target, store).state == "missing":
        rustup.install(target, "stable", store, emit, downloads.timeout)
    candidates = [rust.judge(each, target, None) for each in rust.installed(store)]
    chosen = rust.choose(candidates, target, None).rust
    choose_linker(chosen, store)
    sysroot.get(chosen, store, emit)
    its_node = node.get(store, emit)
    snapshot.get(pyodide.get(target, its_node, store, emit), its_node, store, emit)
    wasm_opt.get(its_node, store, emit)
