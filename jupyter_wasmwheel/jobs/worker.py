"""The worker of a job: `python -m jupyter_wasmwheel.jobs.worker FOLDER [OUT]`.

It executes the request in `FOLDER/request.json`, writes events as JSON lines to stdout, and copies
the wheels to OUT (default: `FOLDER/out`). A dask worker is started with
`--preload jupyter_wasmwheel.jobs.worker`, and runs this program for each job.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from .. import config
from ..api.errors import WasmwheelError
from ..api.events import JsonLines, Report, error_event
from ..process.program import run_program
from ..process.supervisor import SUPERVISED, end_with_stdin, hide_memory
from . import document
from .execute import ExecutionContext, execute


async def dask_setup(worker: Any) -> None:
    """Prepare a dask worker, which calls this because of `--preload`."""
    from .dask_worker import offer_resources

    await offer_resources(worker)


def run(folder: Path, out: Path, lines: JsonLines) -> int:
    """Execute a job's request, and return its exit status."""

    def fail(error: WasmwheelError) -> int:
        lines(error_event(error.info))
        return error.status

    def execute_document() -> int:
        settings = config.load()
        context = ExecutionContext(
            store=settings.store(),
            emit=lines,
            limits=settings.resource_limits(),
            downloads=settings.downloads(),
            build_variables=settings.build_variables(),
            out=out,
        )
        outcome = execute(document.read(folder), context)
        lines(Report(report=outcome.document))
        return fail(outcome.error) if outcome.error else outcome.status

    return run_program(execute_document, fail)


def main() -> None:
    """Run the worker and exit with its status."""
    # Children have another stdin, so they must not see the variable.
    if os.environ.pop(SUPERVISED, None):
        end_with_stdin()
    hide_memory()
    folder = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "out"
    sys.exit(run(folder, out, JsonLines(sys.stdout, os.environ.get(document.JOB, folder.name))))


if __name__ == "__main__":
    main()
