"""The tools of a build's Emscripten, such as emcc.

The linker and the compiler shims run them many times in a build, so this module imports little.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import remap

#: The variable with the folder of a build's Emscripten.
FOLDER = "WASMWHEEL_EMSCRIPTEN"

#: The variable that is not empty if that is another version than Pyodide's.
OTHER_VERSION = "WASMWHEEL_EMSCRIPTEN_DIFFERS"

#: The folder with headers that replace those of an Emscripten that is older than Pyodide's.
COMPATIBLE = Path(__file__).with_name("compatible")

#: The compiler's flags for another version: those headers, and no functions of libc++ whose names
#: differ, such as the ones that throw the exceptions of std::vector.
COMPATIBLE_FLAGS = (
    *("-include", str(COMPATIBLE / "time64.h")),
    *("-isystem", str(COMPATIBLE)),
    "-D_LIBCPP_DISABLE_EXTERN_TEMPLATE",
)

#: The folder of emcc in an emsdk.
IN_EMSDK = Path("upstream/emscripten")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment for the Emscripten in a folder.

    The Emscripten of an emsdk uses the emsdk's configuration instead of the user's variables, and
    this Python instead of the first one on PATH.
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
    """Run a tool of the build's Emscripten, and return its exit status."""
    folder = os.environ[FOLDER]
    program = shutil.which(tool, path=folder)
    # emcc rejects these flags without an input, as in `emcc -v`, which CMake runs for the version.
    if tool in ("emcc", "em++") and any(not word.startswith("-") for word in arguments):
        if os.environ.get(OTHER_VERSION):
            arguments = [*arguments, *COMPATIBLE_FLAGS]
        arguments = [*arguments, *remap.c_flags(os.environ)]
    return subprocess.call([program or tool, *arguments], env=environment(Path(folder)))
