"""Execute the request of a command."""

from __future__ import annotations

from pathlib import Path

from ..api.requests import JobRequest
from ..jobs.execute import ExecutionContext, Outcome, execute
from .result import CliContext, CommandResult


def run(request: JobRequest, context: CliContext, out: Path | None = None) -> Outcome:
    """Execute a request; a built wheel goes into the folder `out`."""
    return execute(
        request,
        ExecutionContext(
            store=context.store,
            emit=context.emit,
            limits=context.limits,
            build_variables=context.build_variables,
            downloads=context.downloads,
            out=out,
        ),
    )


def with_text(outcome: Outcome, text: str) -> CommandResult:
    """Return the result of a command: an outcome, and a text for people."""
    return CommandResult(
        document=outcome.document, text=text, status=outcome.status, error=outcome.error
    )
