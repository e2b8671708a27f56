"""The private copy of a git repository of 1 GB: the first one, and one after an edit.

Run it with `python -m benchmarks.source_copy [RUNS]`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jupyter_wasmwheel.project import copy, manifest, starter
from jupyter_wasmwheel.project.manifest import Project

from .figures import Figure, require_quiet_machine, save_and_exit

#: The files of the repository besides a starter crate: their number, and the size of each.
FILES, FILE_BYTES = 10_000, 100_000

#: The limit for a copy after an edit, as a part of the first copy's time.
EDITED_LIMIT_PERCENT = 50


def create_repository(folder: Path) -> Project:
    """Create a repository of 1 GB with a starter crate in it, all of it committed."""
    crate = starter.create("edited", folder / "packages")
    for number in range(FILES):
        path = folder / f"data/{number // 100}/{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(FILE_BYTES))
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
    for words in (["init"], ["-c", "core.compression=0", "add", "--all"], [*who, "commit"]):
        more = ["--message=Begin"] if words[-1] == "commit" else []
        subprocess.run(["git", *words, *more], cwd=folder, check=True, capture_output=True)
    return manifest.read(crate)


def seconds_to_copy(project: Project, top: Path) -> float:
    """Return the duration of updating a copy."""
    begin = time.monotonic()
    copy.refresh(project, top)
    return time.monotonic() - begin


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        project = create_repository(Path(name) / "repository")
        top = Path(name) / "store/work/edited/source"
        first = seconds_to_copy(project, top)
        again = []
        for run in range(runs):
            with (project.folder / "src/lib.rs").open("a") as library:
                library.write(f"// edit {run}\n")
            again.append(seconds_to_copy(project, top))
    median = statistics.median(again)
    detail = {"runs": runs, "min": round(min(again), 2), "max": round(max(again), 2)}
    save_and_exit(
        "source_copy",
        [
            Figure(
                promise="Copy of a git repository of 1 GB after an edit",
                figure=round(median, 2),
                unit="s",
                detail={**detail, "files": FILES, "first_copy": round(first, 2)},
            ),
            Figure(
                promise="Copy of a repository of 1 GB after an edit, compared with the first copy",
                figure=round(100 * median / first),
                unit="%",
                limit=EDITED_LIMIT_PERCENT,
            ),
        ],
    )


if __name__ == "__main__":
    main()
