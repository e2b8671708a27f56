"""From an edit of the starter crate to a published wheel: the whole command, with its checks.

A crate is built as a draft and published to a site. Then its source is edited and the same command
runs again, EDITS times: `python -m benchmarks.draft [EDITS]`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from jupyter_wasmwheel.project import starter

from . import command
from .figures import Figure, require_quiet_machine, save_and_exit

#: The limit for the time from an edit to its published wheel.
EDIT_LIMIT_S = 1.5


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = starter.create("edited", folder)
        site = folder / "site"
        words = ("build", crate, "--profile", "draft", "--site", site, "--out", folder / "dist")
        command.run("site", "create", site)
        command.run(*words)
        source = crate / "src/lib.rs"
        text = source.read_text()
        runs = []
        for number in range(edits):
            edited = f"\n#[pyo3::pyfunction]\nfn edit() -> u32 {{\n    {number}\n}}\n"
            source.write_text(text + edited)
            runs.append(command.run(*words))
            assert not runs[-1].document["cached"]
            assert runs[-1].document["published"]
    seconds = [run.seconds for run in runs]
    names = [each["name"] for each in runs[-1].document["phases"]]
    phases = {each: round(statistics.median(run.phase(each) for run in runs), 3) for each in names}
    save_and_exit(
        "draft",
        [
            Figure(
                promise="From an edit of the starter crate to its draft wheel in a site",
                figure=round(statistics.median(seconds), 2),
                unit="s",
                limit=EDIT_LIMIT_S,
                detail={
                    "edits": edits,
                    "min": round(min(seconds), 2),
                    "max": round(max(seconds), 2),
                    "phases": phases,
                },
            )
        ],
    )


if __name__ == "__main__":
    main()
