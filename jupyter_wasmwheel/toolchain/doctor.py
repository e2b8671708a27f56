"""The doctor: what is there, what is missing, and how to mend it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from ..errors import ToolchainError, WasmwheelError
from ..events import Emitter, Log, note
from ..process import run
from ..runtime import node, pyodide, snapshot
from ..runtime.targets import TRIPLE, Target
from ..store import Store
from . import emscripten, rust, sysroot, wasm_opt
from .toolchain import choose_linker


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part of what building needs: `state` is ok, missing, or optional (missing, but fine)."""

    part: str
    state: str
    text: str
    fix: str = ""


#: Debian's packages that bring Rust with its sources and wasm-ld, where rustup cannot download.
DEBIAN_PACKAGES = ("rustc-web", "cargo-web", "rust-web-src", "lld-22")


def examine(target: Target, store: Store) -> list[Finding]:
    """Look at everything that a build for a target needs; nothing is installed or changed."""
    findings = [_rust(target, store)]
    its_node, reason = node.find(store)
    if its_node:
        findings.append(Finding(part="Node.js", state="ok", text=reason))
    else:
        fix = "It is fetched from PyPI with the first build, or by --fix."
        findings.append(Finding(part="Node.js", state="optional", text=reason, fix=fix))
    findings.append(_installed("Pyodide", target.pyodide, store, pyodide.key(target)))
    native, reason = wasm_opt.find_native()
    findings.append(
        Finding(part="wasm-opt", state="ok", text=reason)
        if native
        else _installed("wasm-opt", "npm's binaryen", store, wasm_opt.key())
    )
    findings.append(_c_compiler(target, store))
    return findings


def _rust(target: Target, store: Store) -> Finding:
    candidates = [rust.judge(each, target, None) for each in rust.installed(store)]
    try:
        chosen = rust.choose(candidates, target, None).rust
        linker = choose_linker(chosen)
    except WasmwheelError as error:
        return Finding(
            part="Rust", state="missing", text=f"{error.what} {error.why}", fix=error.fix
        )
    if chosen.has_std:
        std = f"the {TRIPLE} target came with it"
    elif store.find(sysroot.key(chosen)):
        std = "std for the target is built"
    else:
        std = "std for the target is built once, with the first build or by --fix"
    text = f"{chosen}; {std}; wasm-ld {linker.version} {linker.origin}"
    return Finding(part="Rust", state="ok", text=text)


def _installed(part: str, what: str, store: Store, key: str) -> Finding:
    if store.find(key):
        return Finding(part=part, state="ok", text=f"{what} is installed")
    fix = "It is fetched from npm with the first build, or by --fix."
    return Finding(part=part, state="optional", text=f"{what} is not here yet", fix=fix)


def _c_compiler(target: Target, store: Store) -> Finding:
    found = emscripten.find(store, target)
    if not found:
        return Finding(
            part="C compiler",
            state="optional",
            text="none; only needed for packages with C or C++ in them",
            fix=f"Emscripten {target.emscripten} by emsdk, or `apt-get install emscripten` to try.",
        )
    return Finding(part="C compiler", state="ok", text=str(found))


def fix(target: Target, store: Store, emit: Emitter) -> None:
    """Install what is missing and can be had without root; nothing of the user's is changed."""
    if _rust(target, store).state == "missing":
        _install_rust(store, emit)
    candidates = [rust.judge(each, target, None) for each in rust.installed(store)]
    chosen = rust.choose(candidates, target, None).rust
    choose_linker(chosen)
    sysroot.get(chosen, store, emit)
    its_node = node.get(store, emit)
    snapshot.get(pyodide.get(target, its_node, store, emit), its_node, store, emit)
    wasm_opt.get(its_node, store, emit)


def _install_rust(store: Store, emit: Emitter) -> None:
    """Install a stable Rust with the target by rustup, into a RUSTUP_HOME of our own."""
    program = rust.rustup()
    if not program:
        raise ToolchainError(
            "There is no Rust that can build for Pyodide, and no rustup to get one with.",
            "rustup is Rust's own installer; it was not found on PATH.",
            f"Install rustup (https://rustup.rs), or on Debian: {apt_line()}",
        )
    with store.lock("rustup", emit):
        home = store.home / "rustup"
        stage = store.home / "staging/rustup"
        shutil.rmtree(stage, ignore_errors=True)
        note(emit, "Installing a stable Rust by rustup, in a place of our own.")
        said: list[str] = []

        def on_line(stream: str, line: str) -> None:
            said.append(line)
            emit(Log(stream="stderr", text=line))

        stage.mkdir(parents=True)
        env = {**os.environ, "RUSTUP_HOME": str(stage), "CARGO_HOME": str(stage / "cargo")}
        command = [program, "toolchain", "install", "stable", "--profile", "minimal"]
        command += ["--target", TRIPLE, "--component", "rust-src", "--no-self-update"]
        try:
            status = run(command, cwd=stage, env=env, on_line=on_line)
            if status == 0:
                home.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(home, ignore_errors=True)
                stage.rename(home)
                return
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    errors = [line for line in said if line.startswith("error")]
    raise ToolchainError(
        "rustup could not install Rust.",
        "; ".join(errors[:2]) or f"It ended with status {status}.",
        f"Check the network, or on Debian: {apt_line()}",
    )


def apt_line() -> str:
    """The command that installs Debian's Rust and wasm-ld."""
    return f"apt-get install {' '.join(DEBIAN_PACKAGES)}"
