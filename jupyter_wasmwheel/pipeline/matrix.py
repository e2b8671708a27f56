"""A build for several targets: one wheel for each, or one that serves several.

The targets are built in turn, in the same work folder: what does not depend on the target is
compiled once (build/seeds.py). A wheel of Python's stable ABI, or without binaries, is built once
and checked in each target that it serves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ..api.errors import (
    CanceledError,
    ErrorInfo,
    Install,
    Retry,
    UsageError,
    WasmwheelError,
    from_info,
)
from ..api.events import Emitter, Phases, note
from ..api.report import BuildReport, TargetInfo, TargetResult
from ..api.requests import BuildRequest
from ..api.sanitize import redact
from ..process.limits import DEFAULT, Limits
from ..runtime import targets
from ..runtime.targets import STABLE_ABIS, Target
from ..store import Store
from ..wheel import Wheel, add_platform
from .check import run_checks
from .context import BuildContext
from .environment import prepare_environment
from .publish import copy_to_output
from .run import BuildOutput, build, open_context, report_of

#: The code of the error for a target whose Python the project excludes.
EXCLUDED = "project.python-not-supported"


class _Result(Struct, frozen=True, kw_only=True):
    """The output or the error of a build for a target."""

    target: Target
    output: BuildOutput | None = None
    error: ErrorInfo | None = None


def run_matrix(
    request: BuildRequest,
    store: Store,
    emit: Emitter,
    *,
    limits: Limits = DEFAULT,
    out: Path | None = None,
    variables: tuple[str, ...] = (),
) -> BuildReport:
    """Build and check wheels for several targets.

    The report has a result for each of them; if all fail, a WasmwheelError is raised.
    """
    if request.site:
        raise UsageError(
            "--site and several targets cannot be combined.",
            "A site has one target.",
            "Omit --target to build for the site's.",
            code="request.site-with-targets",
        )
    results: list[_Result] = []
    with open_context(request, store, emit, limits, out, variables) as context:
        for target in targets.find_all(request.target):
            note(emit, f"Target {target.abi}: Pyodide {target.pyodide}, Python {target.python}")
            results = _with_target(results, target, request, context)
    if request.target == targets.ALL:  # that the project supports, if any
        results = [each for each in results if not _is_excluded(each)] or results
    rows = tuple(_row(each) for each in results)
    reports = [row.report for row in rows if row.report]
    if not reports:
        raise failure(redact(request.source), rows)
    return replace(reports[0], targets=rows)


def error(report: BuildReport) -> WasmwheelError | None:
    """Return the error of a build that failed for some of its targets."""
    failed = any(row.error for row in report.targets)
    return failure(f"{report.name} {report.version}", report.targets) if failed else None


def failure(label: str, rows: Sequence[TargetResult]) -> WasmwheelError:
    """Return the error of a build; if it failed for all targets in the same way, that of one."""
    failed = {row.target.abi: row.error for row in rows if row.error}
    first, *others = failed.values()
    if len(failed) == len(rows) and all(each.code == first.code for each in others):
        return from_info(first)
    fixes = [f"{abi}: {each.fix}" for abi, each in failed.items()]
    install = [each for error in failed.values() for each in error.remedies]
    install = [each for each in install if isinstance(each, Install)]
    combined = ErrorInfo(
        code="build.targets-failed",
        what=f"{label} could not be built for {' and '.join(failed)}.",
        why=" ".join(f"{abi}: {each.what} {each.why}" for abi, each in failed.items()),
        fix=first.fix if len(failed) == 1 else " ".join(fixes),
        status=first.status,
        counts={"failed": len(failed), "built": len(rows) - len(failed)},
        remedies=(*dict.fromkeys(install), Retry(changes={"target": ",".join(failed)})),
    )
    return from_info(combined)


def _with_target(
    results: list[_Result], target: Target, request: BuildRequest, context: BuildContext
) -> list[_Result]:
    """Return the results of other targets with that of one more."""
    try:
        with Phases(context.emit) as phases:
            inner = replace(context, phases=phases)
            for known in results:
                if known.output and _serves(known.output, target):
                    return _shared(results, known.output, target, request, inner)
            output = build(request, target, None, inner)
        return [*results, _Result(target=target, output=output)]
    except CanceledError:
        raise
    except WasmwheelError as error:
        note(context.emit, f"No wheel for {target.abi}: {error.what} {error.why}")
        return [*results, _Result(target=target, error=error.info)]


def _is_excluded(result: _Result) -> bool:
    """Return whether the project excludes the Python of a result's target."""
    return result.error is not None and result.error.code == EXCLUDED


def _serves(output: BuildOutput, target: Target) -> bool:
    """Return whether a wheel for another target can be used for a target as it is."""
    wheel = output.wheel
    if output.dependencies:
        return False
    if wheel.is_pure:
        return True
    is_stable = any(tag.abi in STABLE_ABIS and target.is_python_of(tag) for tag in wheel.tags)
    is_alike = output.environment.target.flags == target.flags
    return is_stable and is_alike and not output.build.crates_with_c


def _shared(
    results: Sequence[_Result],
    output: BuildOutput,
    target: Target,
    request: BuildRequest,
    context: BuildContext,
) -> list[_Result]:
    """Check another target's wheel in a target, add the target to its tags, and replace it."""
    before = output.wheel
    note(context.emit, f"{before.path.name} also serves {target.abi}; checking it there.")
    context.phases.enter("toolchain")
    environment = prepare_environment(target, None, context)
    with tempfile.TemporaryDirectory(prefix="wasmwheel-") as folder:
        wheel = before
        if not before.is_pure:
            wheel = add_platform(before, target.platform_tag, Path(folder))
        checks = run_checks(wheel, environment, context, with_import=not request.no_smoke)
        if wheel is not before:
            wheel = copy_to_output(wheel, context.out)
            before.path.unlink()
    new = replace(output, environment=environment, checks=checks, phases=context.phases)
    every = [*results, _Result(target=target, output=new)]
    return [_with_wheel(each, before, wheel) for each in every]


def _with_wheel(result: _Result, before: Wheel, after: Wheel) -> _Result:
    """Return a result with a wheel replaced, if it has that one."""
    if result.output is None or result.output.wheel.path != before.path:
        return result
    return replace(result, output=replace(result.output, wheel=after))


def _row(result: _Result) -> TargetResult:
    """Return a result for the report."""
    target = result.target
    if result.output:
        report = report_of(result.output)
        return TargetResult(target=report.target, report=report)
    info = TargetInfo(
        abi=target.abi,
        pyodide=target.pyodide,
        python=target.python,
        platform_tag=target.platform_tag,
    )
    return TargetResult(target=info, error=result.error)
