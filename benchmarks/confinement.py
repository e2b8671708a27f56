"""The cost of confinement: builds of an edited starter crate, confined and not, in turn.

Each pair builds the same edit, BUILDS times: `python -m benchmarks.confinement [BUILDS]`.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from jupyter_wasmwheel.process import confine
from jupyter_wasmwheel.project import starter

from . import command
from .figures import Figure, require_quiet_machine, save_and_exit

#: The limit for the time of a confined build, as a share of that of an unconfined one.
RATIO_LIMIT = 1.03


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    builds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    seconds: dict[str, list[float]] = {"1": [], "0": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = starter.create("edited", folder)
        words = ("build", crate, "--no-cache", "--out", folder / "dist")
        source = crate / "src/lib.rs"
        text = source.read_text()
        command.run(*words)
        for number in range(builds):
            for switch, times in seconds.items():
                source.write_text(f"{text}\n// {number} {switch}\n")
                os.environ[confine.SWITCH] = switch
                run = command.run(*words)
                assert run.document["confined"] is (switch == "1")
                times.append(run.seconds)
    confined, free = (statistics.median(times) for times in seconds.values())
    save_and_exit(
        "confinement",
        [
            Figure(
                promise="A confined build of an edited starter crate",
                figure=round(confined / free, 3),
                unit="times an unconfined one",
                limit=RATIO_LIMIT,
                detail={"builds": builds, "confined": confined, "unconfined": free},
            )
        ],
    )


if __name__ == "__main__":
    main()
