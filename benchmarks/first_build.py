"""The first build of a new crate, against the bare `maturin build` with the same flags.

Both start from nothing but cargo's downloaded crates and the standard library for the target; they
run in turn, several times, and the ratio is taken pair by pair. The checks are left out on both
sides. Run it with `python benchmarks/first_build.py [RUNS]`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jupyter_wasmwheel import config
from jupyter_wasmwheel.events import ignore
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.runtime.targets import TRIPLE
from jupyter_wasmwheel.toolchain import linker, toolchain

#: The phases that the bare build has no part of.
CHECKS = ("audit", "smoke", "publish")


def ours(folder: Path) -> float:
    """Seconds of the whole command for a crate that was never built, its checks apart."""
    crate = starter.make("hello", folder)
    command = [sys.executable, "-m", "jupyter_wasmwheel", "build", str(crate), "--json"]
    begin = time.monotonic()
    done = subprocess.run(
        [*command, "--out", str(folder / "dist")], check=True, capture_output=True, text=True
    )
    whole = time.monotonic() - begin
    phases = json.loads(done.stdout)["phases"]
    return whole - sum(phase["seconds"] for phase in phases if phase["name"] in CHECKS)


def bare(folder: Path) -> float:
    """Seconds of `maturin build` by hand for such a crate."""
    crate = starter.make("hello", folder)
    target = targets.find(targets.default_abi())
    store = config.load().store()
    chosen = toolchain.choose(target, node.get(store, ignore), store, ignore, optimise=False)
    flags = ["-C relocation-model=pic", f"--sysroot={chosen.sysroot.folder}"]
    name = TRIPLE.upper().replace("-", "_")
    assert chosen.linker
    env = os.environ | {
        "RUSTC": str(chosen.rust.rustc),
        "CARGO": str(chosen.rust.cargo),
        "MATURIN_PYEMSCRIPTEN_PLATFORM_VERSION": target.abi,
        "PYO3_CROSS_PYTHON_VERSION": target.python,
        f"CARGO_TARGET_{name}_LINKER": str(toolchain.script("wasmwheel-ld")),
        f"CARGO_TARGET_{name}_RUSTFLAGS": " ".join(
            flags if chosen.rust.linker else [*flags, "-C link-self-contained=no"]
        ),
        linker.PROGRAM: str(chosen.linker.program),
    }
    command = [sys.executable, "-m", "maturin", "build", "--release", "--target", TRIPLE]
    begin = time.monotonic()
    subprocess.run(
        [*command, "-i", f"python{target.python}"],
        cwd=crate,
        env=env,
        check=True,
        capture_output=True,
    )
    return time.monotonic() - begin


def main() -> None:
    """Measure pairs and print the result as JSON."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    pairs = []
    for _ in range(runs + 1):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            pairs.append((ours(Path(one)), bare(Path(other))))
            shutil.rmtree(config.load().store().home / "work", ignore_errors=True)
    pairs = pairs[1:]  # the first pair fetches crates and makes what is kept
    ratios = sorted(mine / its for mine, its in pairs)
    print(
        json.dumps(
            {
                "benchmark": "first build of a new crate / bare maturin build",
                "ours_seconds": round(statistics.median(mine for mine, _ in pairs), 2),
                "bare_seconds": round(statistics.median(its for _, its in pairs), 2),
                "ratio": round(statistics.median(ratios), 3),
                "ratio_min_max": [round(ratios[0], 3), round(ratios[-1], 3)],
                "at_most": 1.10,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
