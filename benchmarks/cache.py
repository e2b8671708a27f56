"""A repeated build as a whole command, and 20 identical builds requested at once.

Run it with `python -m benchmarks.cache [RUNS]`.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_wasmwheel.project import starter

from . import command
from .figures import Figure, require_quiet_machine, save_and_exit

#: The limit for a repeated build, and the number of identical requests.
REPEATED_LIMIT_S, REQUESTS = 0.6, 20


def unique(name: str, folder: Path) -> Path:
    """Create a starter crate that was never built."""
    crate = starter.create(name, folder)
    with (crate / "src/lib.rs").open("a") as source:
        source.write(f"// {folder}\n")
    return crate


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = unique("again", folder)
        words = ("build", crate, "--out", folder / "dist")
        first = command.run(*words)
        again = [command.run(*words) for _ in range(runs)]
        assert all(run.document["cached"] for run in again)
        many = unique("many", folder)
        asked = [shutil.copytree(many, folder / f"copy-{n}" / "many") for n in range(REQUESTS)]
        with ThreadPoolExecutor(REQUESTS) as pool:
            both = pool.map(
                lambda crate: command.run("build", crate, "--out", crate.parent / "dist"), asked
            )
            built = sum(not run.document["cached"] for run in both)
    seconds = [run.seconds for run in again]
    save_and_exit(
        "cache",
        [
            Figure(
                promise="Repeated build of unchanged sources, whole command",
                figure=round(statistics.median(seconds), 2),
                unit="s",
                limit=REPEATED_LIMIT_S,
                detail={
                    "runs": runs,
                    "min": round(min(seconds), 2),
                    "max": round(max(seconds), 2),
                    "first_build": round(first.seconds, 2),
                },
            ),
            Figure(
                promise=f"Builds that run for {REQUESTS} identical requests at once",
                figure=built,
                unit="",
                limit=1,
            ),
        ],
    )


if __name__ == "__main__":
    main()
