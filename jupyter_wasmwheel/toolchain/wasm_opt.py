"""wasm-opt, which optimizes a module: a native program, or npm's `binaryen` in Node.js."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from ..api.errors import CompileError, Retry
from ..api.events import note
from ..process import confine
from ..process.confine import Confinement
from ..process.limits import Limits, ResourceMonitor
from ..process.run import Command, run
from ..runtime import node_sandbox
from ..runtime.context import RunContext
from ..runtime.node import Node, fetch_npm_package
from ..runtime.targets import Target
from ..safe_paths import temporary_folder
from .emscripten import Emscripten

#: The oldest Binaryen that reads the modules of today's LLVM. Its native programs are 4 to 13 times
#: as fast as npm's, and give the same bytes.
MIN_VERSION = 118

#: npm's package, and its hash in the registry.
NPM = "binaryen@132.0.0"
INTEGRITY = (
    "sha512-4Usg7yEvwO3FMso3Oov6qkOOHSod1IEv+boKkh77kTljM+eNBouq"
    "CTbqWswGzbG+vDNO/b/v2C4gfEh1WgB9Lg=="
)

#: The options of all profiles and targets, which add theirs.
FLAGS = ("--strip-debug", "--strip-target-features")

#: For modules below this size, V8's baseline compiler runs wasm-opt faster than its optimizing one.
SMALL_MODULE_BYTES = 400_000

#: How many lines of its output an error quotes.
LAST_LINES = 10


class WasmOpt(Struct, frozen=True, kw_only=True):
    """A wasm-opt with the flags of a profile and a target; `node` runs one that is not native."""

    program: Path
    version: str
    node: Node | None
    flags: tuple[str, ...] = ()

    def optimize(
        self, module: bytes, limits: Limits, stop_when: Callable[[], bool] = lambda: False
    ) -> bytes:
        """Return a module optimized as the options say; it can attack wasm-opt itself."""
        with temporary_folder("wasm-opt-", Path(tempfile.gettempdir()).resolve()) as folder:
            before, after = folder / "before.wasm", folder / "after.wasm"
            before.write_bytes(module)
            words: list[str | Path] = [self.program, *self.flags, *FLAGS, before, "-o", after]
            if self.node:
                quick = ["--liftoff-only"] if len(module) < SMALL_MODULE_BYTES else []
                words = [self.node.program, *quick, *words]
            printed: deque[str] = deque(maxlen=LAST_LINES)
            status = run(
                Command(
                    words=words,
                    cwd=folder,
                    env=node_sandbox.environment(),
                    confinement=self._confinement(folder),
                ),
                on_line=lambda _, line: printed.append(line),
                stop_when=stop_when,
                monitor=ResourceMonitor("build", limits, folder, "wasm-opt"),
            )
            if status or after.is_symlink() or not after.is_file():
                raise CompileError(
                    "wasm-opt could not optimize the module.",
                    " ".join(printed).strip()[-500:] or f"It ended with status {status}.",
                    "Build without it: `--profile draft`.",
                    code="compile.wasm-opt-failed",
                    remedies=[Retry(changes={"profile": "draft"})],
                )
            return after.read_bytes()

    def _confinement(self, folder: Path) -> Confinement | None:
        """Return what it can reach: itself, and the folder with the module."""
        if not confine.method():
            return None
        program = self.program.resolve()
        installed = node_sandbox.installation(self.node) if self.node else ()
        readable = (self.program, program, program.parents[1], *installed)
        return Confinement(readable=readable, writable=(folder,))


def find_native(target: Target, compiler: Emscripten | None) -> tuple[WasmOpt | None, str]:
    """Return the wasm-opt on PATH or of the compiler's emsdk, and its origin.

    Return None and the reasons if each is missing or too old.
    """
    programs = [shutil.which("wasm-opt")]
    if compiler:
        programs.append(shutil.which("wasm-opt", path=compiler.folder.parent / "bin"))
    reasons = []
    for program in filter(None, programs):
        found, text = _read(program, target.flags.wasm_opt)
        if found:
            return found, text
        reasons.append(text)
    return None, "; ".join(reasons) or "no wasm-opt on PATH"


def _read(program: str, flags: tuple[str, ...]) -> tuple[WasmOpt | None, str]:
    """Return a wasm-opt and its version, or None and what it lacks."""
    try:
        printed, known = (
            subprocess.run([program, option], capture_output=True, text=True, timeout=30).stdout
            for option in ("--version", "--help")
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"{program} does not run: {error}"
    match = re.search(r"version (\d+)", printed)
    version = match.group(1) if match else "0"
    if int(version) < MIN_VERSION:
        return None, f"{program} is version {version}; {MIN_VERSION} or newer is needed"
    unknown = [flag for flag in (*FLAGS, *flags) if flag not in known]
    if unknown:
        return None, f"{program} does not support {', '.join(unknown)}"
    found = WasmOpt(program=Path(program), version=version, node=None, flags=flags)
    return found, f"{program} {version}"


def ensure_wasm_opt(
    target: Target, node: Node, compiler: Emscripten | None, context: RunContext
) -> WasmOpt:
    """Return a native wasm-opt, or npm's, installed into the store."""
    found, reason = find_native(target, compiler)
    if found:
        return found

    def fill(folder: Path) -> None:
        note(context.emit, f"Fetching {NPM} from npm ({reason}).")
        fetch_npm_package(node, NPM, INTEGRITY, folder, offline=context.offline)

    folder = context.store.install(key(), fill, context.emit)
    version = NPM.rpartition("@")[2].partition(".")[0]
    program = folder / "bin/wasm-opt"
    return WasmOpt(program=program, version=version, node=node, flags=target.flags.wasm_opt)


def key() -> str:
    """Return the store entry of npm's wasm-opt."""
    return "binaryen/" + NPM.rpartition("@")[2]
