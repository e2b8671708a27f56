"""emsdk's repository, and the archives that its manifest names, as emsdk unpacks them."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from jupyter_wasmwheel.runtime.targets import Target

#: The two commands of emsdk, for where its own program cannot be fetched.
STAND_IN = Path(__file__).with_name("stand_in_emsdk.py")

#: What the release of these tests has in the place of emcc: it says its version, and compiles
#: where its configuration leads to its LLVM.
EMCC = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
if [ "$1" = --version ]; then
    echo "emcc (Emscripten gcc/clang) $(cat "$here/emscripten-version.txt") (0)"; exit
fi
llvm=$("$EMSDK_PYTHON" -c "import os; exec(open(os.environ['EM_CONFIG']).read()); print(LLVM_ROOT)")
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
[ "$llvm/clang" -ef "$here/../bin/clang" ] && printf '\\0asm' > "$out"
"""


def _pack(archive: Path, files: dict[str, str]) -> None:
    """Write an archive as emsdk unpacks it: all in one folder, which is stripped."""
    with tarfile.open(archive, "w:xz", preset=0) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"install/{name}")
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))


def publish(root: Path, release: str, version: str, filling: int) -> None:
    """Write what a server serves of a release; so many files more are in it."""
    files = {"emscripten/emcc": EMCC, "emscripten/node_modules/x": "", "bin/clang": ""}
    files["emscripten/emscripten-version.txt"] = f'"{version}"\n'
    files |= {f"emscripten/cache/file-{number}": "" for number in range(filling)}
    (root / release).mkdir()
    _pack(root / release / "wasm-binaries.tar.xz", files)
    _pack(root / "node-24.tar.xz", {"bin/node": ""})


def make(folder: Path, program: str, url: str, release: str, target: Target) -> Path:
    """Make emsdk's repository, with a manifest of what one release needs."""
    folder.mkdir()
    root = "%installation_dir%"
    llvm = f"LLVM_ROOT='{root}/bin';EMSCRIPTEN_ROOT='{root}/emscripten'"
    tools: list[dict[str, Any]] = [
        {
            "id": "node",
            "version": "24",
            "url_linux": f"{url}/node-24.tar.xz",
            "activated_path": f"{root}/bin",
            "activated_cfg": f"NODE_JS='{root}/bin/node'",
        },
        {
            "id": "releases",
            "version": "%releases-tag%",
            "url_linux": f"{url}/%releases-tag%/wasm-binaries.tar.xz",
            "install_path": "upstream",
            "activated_path": f"{root}/emscripten",
            "activated_cfg": llvm,
        },
    ]
    sdk = {
        "version": "releases-%releases-tag%",
        "deps": ["node-24-64bit", "releases-%releases-tag%-64bit"],
        "custom_install_script": "sdk_post_install",
    }
    manifest = {
        "tools": [each | {"bitness": 64} for each in tools],
        "sdks": [sdk | {"bitness": 64}],
    }
    tags = {"aliases": {}, "releases": {target.emscripten: release}}
    (folder / "emsdk.py").write_text(program)
    (folder / "emsdk_manifest.json").write_text(json.dumps(manifest))
    (folder / "emscripten-releases-tags.json").write_text(json.dumps(tags))
    for name in ("legacy-emscripten-tags", "legacy-binaryen-tags", "llvm-tags-64bit"):
        (folder / f"{name}.txt").touch()
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "--quiet", "-b", "main"], ["add", "-A"], [*who, "commit", "-qm", "One"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder
