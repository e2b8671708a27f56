"""The cargo wrapper that build backends run: the console script `wasmwheel-cargo`.

It is first on a build's PATH as `cargo`. maturin and setuptools-rust call cargo with
`--message-format json-render-diagnostics`, in which the compiler's messages are only text. The
wrapper asks for `json` instead, passes on what the backends expect, and writes the compiler's
messages to stderr as JSON text sequences (RFC 7464). A build hook that calls `cargo build` as for
this machine finds the modules for the target where it would find its own.

It is started several times a build, so this module imports little.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, NoReturn

#: RFC 7464's record separator, which starts a line of JSON.
SEPARATOR = "\x1e"

#: The variables with the cargo that `wasmwheel-cargo` runs, and with arguments to add (JSON).
PROGRAM, ARGUMENTS = "WASMWHEEL_CARGO", "WASMWHEEL_CARGO_ARGUMENTS"

#: The variable with the file whose existence says that the build compiles Rust.
RUST_NOTE = "WASMWHEEL_RUST_NOTE"

#: The variable that makes cargo select the versions of crates, whatever a backend asks for.
UNLOCKED = "WASMWHEEL_CARGO_UNLOCKED"

#: The programs that the wrapper is run as, besides cargo.
MATURIN, STRIP = "maturin", "strip"

#: The first bytes of a module of WebAssembly.
MAGIC = b"\0asm"

#: The subcommands that compile for the target.
COMPILING = ("build", "b", "rustc")

#: The option with the format of cargo's messages.
FORMAT = "--message-format"

#: The variables of a C compiler for the target, which crates for this machine must not see.
C_VARIABLES = (
    *("AR", "CC", "CFLAGS", "CMAKE_TOOLCHAIN_FILE", "CPPFLAGS", "CXX", "CXXFLAGS"),
    *("LDCXXSHARED", "LDFLAGS", "LDSHARED", "RANLIB"),
)


def exec_process(command: list[str]) -> NoReturn:
    """Replace this process with a command, or run it and exit where the system cannot do that."""
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execvp(command[0], command)


def main() -> None:
    """Run the real cargo, as `wasmwheel-cargo`, with the compiler's messages as data."""
    name, program = Path(sys.argv[0]).stem, os.environ.get(PROGRAM)
    if name == STRIP:
        _strip(sys.argv[1:])
    if note := os.environ.get(RUST_NOTE):
        Path(note).touch()
    if not program:
        sys.exit(f"{name} was called: this package compiles Rust.")
    if name == MATURIN:
        from . import maturin_wrapper

        exec_process(maturin_wrapper.command(sys.argv[1:]))
    arguments = sys.argv[1:]
    if "CARGO_MANIFEST_DIR" in os.environ:  # a build script's own call
        exec_process([program, *arguments])
    if os.environ.get(UNLOCKED):
        arguments = [word for word in arguments if word not in ("--locked", "--frozen")]
    if "_PYTHON_HOST_PLATFORM" in os.environ:  # they are for the extensions of setuptools
        for name in C_VARIABLES:
            os.environ.pop(name, None)
    subcommand = next((word for word in arguments if word[:1] not in ("-", "+")), None)
    if subcommand == "run":
        from . import uniffi

        os.environ.pop("CARGO_ENCODED_RUSTFLAGS", None)  # they are for the target
        exec_process([program, *uniffi.with_host_library(program, arguments)])
    # An answer of rustc, as Corrosion asks for, is read from its messages.
    if subcommand not in COMPILING or any(word.startswith("--print") for word in arguments):
        exec_process([program, *arguments])
    sys.exit(_compile(program, arguments))


def _strip(arguments: list[str]) -> NoReturn:
    """Run the system's `strip`, but not on a module for the target: the linker has stripped it."""
    for file in map(Path, arguments):
        if file.is_file() and file.read_bytes()[: len(MAGIC)] == MAGIC:
            sys.exit()
    own = os.path.dirname(sys.argv[0])
    folders = [each for each in os.environ["PATH"].split(os.pathsep) if each != own]
    exec_process([shutil.which(STRIP, path=os.pathsep.join(folders)) or STRIP, *arguments])


def _compile(program: str, arguments: list[str]) -> int:
    """Compile for the target, and return cargo's exit status."""
    # setuptools-rust always asks for each rustc's command line.
    words = [word.removesuffix("-render-diagnostics") for word in arguments if word != "-v"]
    for_hook = not any(word.startswith(FORMAT) for word in words)
    native = for_hook and not any(word.partition("=")[0] == "--target" for word in words)
    added = [f"{FORMAT}=json"] if for_hook else []
    added += json.loads(os.environ.get(ARGUMENTS, "[]"))
    end = words.index("--") if "--" in words else len(words)
    words[end:end] = added
    child = subprocess.Popen([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stderr
    # The lock keeps the two streams from cutting each other's lines.
    lock = threading.Lock()
    errors = threading.Thread(target=_pass_on, args=(child.stderr, lock))
    errors.start()
    for line in child.stdout:
        message = json.loads(line) if line.startswith(b"{") else {}
        reason = message.get("reason")
        if reason in ("compiler-message", "compiler-artifact"):
            with lock:
                sys.stderr.buffer.write(SEPARATOR.encode() + line)
                sys.stderr.buffer.flush()
        if reason == "compiler-artifact" and _name_as_library(message, native=native):
            line = json.dumps(message).encode() + b"\n"
        if reason != "compiler-message" and not (for_hook and message):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    errors.join()
    return child.wait()


def _name_as_library(artifact: dict[str, Any], *, native: bool) -> bool:
    """Give a side module the name `libNAME.so` as well, and return whether the artifact is one.

    cargo calls it NAME.wasm, and loaders of libraries look for the other name. With `native`, it is
    also put where cargo puts what it compiles for this machine, as is a static library.
    """
    types, changed = artifact["target"]["crate_types"], False
    for place, name in enumerate(artifact["filenames"]):
        library = Path(name)
        if library.suffix == ".wasm" and "cdylib" in types:
            library = _link(library, library.with_name(f"lib{library.stem}.so"))
            artifact["filenames"][place] = str(library)
            changed = True
        elif library.suffix != ".a":
            continue
        if native and "path+" in artifact["package_id"]:
            crate, profile = Path(artifact["manifest_path"]).parent, library.parent.name
            for folder in {library.parents[2], crate / "target", Path.cwd() / "target"}:
                _link(library, folder / profile / library.name)
    return changed


def _link(source: Path, target: Path) -> Path:
    """Link a file, or copy it where the system cannot do that; return the link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _pass_on(pipe: IO[bytes], lock: threading.Lock) -> None:
    """Pass on whole lines of cargo's stderr; a carriage return also ends a line."""
    rest = b""
    read = getattr(pipe, "read1", pipe.read)
    while chunk := read(65536):
        *whole, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        with lock:
            sys.stderr.buffer.write(b"".join(whole))
            sys.stderr.buffer.flush()
    with lock:
        sys.stderr.buffer.write(rest)
        sys.stderr.buffer.flush()
