"""Faults, made for real while a build runs: it is killed, or its disk fills, in a chosen phase."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: The phases of a build into a site, in each of which something may happen.
PHASES = (
    "source",
    "project",
    "toolchain",
    "compile",
    "package",
    "optimise",
    "audit",
    "smoke",
    "publish",
)

Fault = Callable[[subprocess.Popen[str]], None]


def build(
    words: list[str | Path], env: Mapping[str, str], cwd: Path, phase: str, fault: Fault
) -> tuple[int, list[dict[str, Any]]]:
    """Build with a fault at the beginning of a phase; the exit status and the events."""
    child = subprocess.Popen(
        [sys.executable, "-m", "jupyter_wasmwheel", "build", *words, "--events"],
        env={**os.environ, **env},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout
    events = []
    for line in child.stdout:
        events.append(json.loads(line))
        if events[-1].get("name") == phase and events[-1].get("state") == "started":
            fault(child)
    return child.wait(), events


def fill(folder: Path) -> Path:
    """A file that leaves no space on a folder's disk."""
    path = folder / "filled"
    with path.open("wb") as stream:
        size = 1 << 20
        while size >= 512:
            try:
                os.write(stream.fileno(), bytes(size))
            except OSError:
                size //= 2
    return path


def on_a_small_disk() -> None:
    """Build on a disk of this process's own that fills in a phase; what became of it, as JSON.

    The arguments are the phase, the disk's folder, a folder that is copied onto it, and the source.
    """
    phase, disk, ready, source = sys.argv[1], *map(Path, sys.argv[2:])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk], check=True)
    shutil.copytree(ready, disk / "home", symlinks=True)
    (disk / "tmp").mkdir()
    env = {"WASMWHEEL_HOME": str(disk / "home"), "TMPDIR": str(disk / "tmp")}
    words: list[str | Path] = [source, "--profile", "draft", "--site", "workshop"]
    words += ["--out", disk / "dist"]
    began = time.time()

    def full(child: subprocess.Popen[str]) -> None:
        fill(disk)

    status, events = build(words, env, disk, phase, full)
    left = [str(path) for path in (disk / "home/staging").rglob("*") if path.is_file()]
    half = [path.name for path in (disk / "dist").glob("*.part")]
    lock = (disk / "home/sites/workshop/static/pyodide/pyodide-lock.json").read_text()
    (disk / "filled").unlink()
    again, _ = build(words, env, disk, "", full)
    told = {
        "status": status,
        "error": events[-1],
        "again": again,
        "left": left + half,
        "kept": sorted(json.loads(lock)["packages"]),
        "seconds": time.time() - began,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    on_a_small_disk()
