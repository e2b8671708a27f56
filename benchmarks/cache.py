"""The same build again, as a whole command; and the same build, asked for 20 times at once.

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
from .figures import Figure, tell

#: The most that the same build may take again, in seconds; how many ask for one at once.
AT_MOST, AT_ONCE = 0.6, 20


def unique(name: str, folder: Path) -> Path:
    """A starter crate that nobody has built."""
    crate = starter.make(name, folder)
    with (crate / "src/lib.rs").open("a") as source:
        source.write(f"// {folder}\n")
    return crate


def main() -> None:
    """Measure, and tell."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = unique("again", folder)
        words = ("build", crate, "--out", folder / "dist")
        first = command.run(*words)
        again = [command.run(*words) for _ in range(runs)]
        assert all(run.document["cached"] for run in again)
        many = unique("many", folder)
        asked = [shutil.copytree(many, folder / f"copy-{n}" / "many") for n in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            both = pool.map(
                lambda crate: command.run("build", crate, "--out", crate.parent / "dist"), asked
            )
            built = sum(not run.document["cached"] for run in both)
    seconds = [run.seconds for run in again]
    tell(
        "cache",
        [
            Figure(
                promise="the same build again, the whole command",
                figure=round(statistics.median(seconds), 2),
                unit="s",
                limit=AT_MOST,
                detail={
                    "runs": runs,
                    "min": round(min(seconds), 2),
                    "max": round(max(seconds), 2),
                    "the_first_time": round(first.seconds, 2),
                },
            ),
            Figure(
                promise=f"builds that run when {AT_ONCE} ask for the same at once",
                figure=built,
                unit="",
                limit=1,
            ),
        ],
    )


if __name__ == "__main__":
    main()
