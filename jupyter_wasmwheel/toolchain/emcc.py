"""Run a tool of the Emscripten that a build chose: emcc and its like.

Started by the linker and by the compiler shims, many times a build: it imports little.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import remap

#: The variable that names the folder of a build's Emscripten to the shims.
FOLDER = "WASMWHEEL_EMSCRIPTEN"

#: Where emcc is in an emsdk's folder.
IN_EMSDK = Path("upstream/emscripten")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which to run the Emscripten in a folder.

    An emsdk's gets its own configuration, which another one's variables would hide, and the Python
    to run with, where its scripts would take the first one on PATH.
    """
    env = dict(os.environ)
    config = folder.parent.parent / ".emscripten"
    if folder.name == IN_EMSDK.name and config.is_file():
        for name in ("EM_CACHE", "EM_LLVM_ROOT", "EM_BINARYEN_ROOT", "EM_NODE_JS"):
            env.pop(name, None)
        env["EM_CONFIG"] = str(config)
        env["EMSDK_PYTHON"] = sys.executable
    return env


def call(tool: str, arguments: list[str]) -> int:
    """Run a tool of the Emscripten that a build chose, and return its exit status."""
    folder = os.environ[FOLDER]
    program = shutil.which(tool, path=folder)
    if tool in ("emcc", "em++"):
        arguments = [*arguments, *remap.c_flags(os.environ)]
    return subprocess.call([program or tool, *arguments], env=environment(Path(folder)))
