"""The first build of a new crate, compared with a plain `maturin build` with the same flags.

All start with cargo's crates downloaded and the standard library for the target built. Three builds
run in turn: `maturin build`; this package's command without seeds, not counting its checks; and the
same command with the seed that this one leaves, of which the compile phase counts. The ratios are
taken run by run: `python -m benchmarks.first_build [RUNS]`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jupyter_wasmwheel import config
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.runtime.targets import TRIPLE
from jupyter_wasmwheel.toolchain import linker, scripts, toolchain
from jupyter_wasmwheel.toolchain.toolchain import ToolchainNeeds

from . import command
from .figures import Figure, require_quiet_machine, save_and_exit

#: The phases that `maturin build` does not have.
CHECKS = ("audit", "smoke", "publish")


def build(seeded: bool) -> command.CommandRun:
    """Build a crate that was never built before."""
    with tempfile.TemporaryDirectory() as name:
        crate = starter.create("hello", Path(name))
        ran = command.run("build", crate, "--no-cache", "--out", Path(name) / "dist")
    assert ran.document["seeded"] is seeded
    return ran


def bare() -> float:
    """Return how long `maturin build` takes for such a crate, in seconds."""
    target = targets.find(targets.default_abi())
    store = config.load().store()
    chosen = toolchain.choose(
        target,
        node.ensure_node(store, ignore),
        RunContext(store=store, emit=ignore),
        ToolchainNeeds(profile="draft"),
    )
    assert chosen.rust
    assert chosen.sysroot
    assert chosen.linker
    flags = ["-C relocation-model=pic"]
    if chosen.sysroot.folder:
        flags.append(f"--sysroot={chosen.sysroot.folder}")
    if not chosen.rust.linker:
        flags.append("-C link-self-contained=no")
    name = TRIPLE.upper().replace("-", "_")
    env = os.environ | {
        "RUSTC": str(chosen.rust.rustc),
        "CARGO": str(chosen.rust.cargo),
        "MATURIN_PYEMSCRIPTEN_PLATFORM_VERSION": target.abi,
        "PYO3_CROSS_PYTHON_VERSION": target.python,
        f"CARGO_TARGET_{name}_LINKER": str(scripts.script("wasmwheel-ld")),
        f"CARGO_TARGET_{name}_RUSTFLAGS": " ".join(flags),
        linker.PROGRAM: str(chosen.linker.program),
    }
    words = [sys.executable, "-m", "maturin", "build", "--release", "--target", TRIPLE]
    with tempfile.TemporaryDirectory() as folder:
        crate = starter.create("hello", Path(folder))
        begin = time.monotonic()
        subprocess.run(
            [*words, "-i", f"python{target.python}"],
            cwd=crate,
            env=env,
            check=True,
            capture_output=True,
        )
        return time.monotonic() - begin


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    store = config.load().store()
    by_hand, ours, seeded = [], [], []
    for _ in range(runs):
        by_hand.append(bare())
        shutil.rmtree(store.home / seeds.FOLDER, ignore_errors=True)
        ran = build(seeded=False)
        ours.append(ran.seconds - sum(ran.phase(name) for name in CHECKS))
        seeded.append(build(seeded=True).phase("compile"))
        shutil.rmtree(store.home / "work", ignore_errors=True)
    whole = [ours_s / bare_s for ours_s, bare_s in zip(ours, by_hand, strict=True)]
    times = [bare_s / ours_s for ours_s, bare_s in zip(seeded, by_hand, strict=True)]
    save_and_exit(
        "first_build",
        [
            Figure(
                promise="First build of a new crate without seeds, compared with `maturin build`",
                figure=round(statistics.median(whole), 2),
                unit="times as long",
                limit=1.10,
                detail={
                    "runs": runs,
                    "ours_seconds": round(statistics.median(ours), 1),
                    "bare_seconds": round(statistics.median(by_hand), 1),
                    "min": round(min(whole), 2),
                    "max": round(max(whole), 2),
                },
            ),
            Figure(
                promise="Compile phase of a new crate with seeds, compared with `maturin build`",
                figure=round(statistics.median(times), 1),
                unit="times as fast",
                limit=20,
                at="least",
                detail={"min": round(min(times), 1), "max": round(max(times), 1)},
            ),
            Figure(
                promise="Compile phase of a new crate with seeds",
                figure=round(statistics.median(seeded), 2),
                unit="s",
                limit=1.0,
                detail={"min": round(min(seeded), 2), "max": round(max(seeded), 2)},
            ),
        ],
    )


if __name__ == "__main__":
    main()
