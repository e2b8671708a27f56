"""Execute a request in this process, for the command line and for the worker of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from .. import pipeline
from ..api.answers import Toolchain
from ..api.errors import ToolchainError, WasmwheelError
from ..api.events import Emitter
from ..api.report import SCHEMA, BuildReport
from ..api.requests import (
    BuildRequest,
    BundleRequest,
    InstallRequest,
    JobRequest,
    PublishRequest,
    SiteRequest,
    SourceRequest,
    TestRequest,
)
from ..build import seeds
from ..checks import tests
from ..config import Downloads
from ..pipeline import matrix
from ..process.limits import Limits
from ..runtime import node, targets
from ..runtime.context import RunContext
from ..runtime.targets import Target
from ..site import addresses, bundle, lite
from ..site.lite import Site
from ..store import Store
from ..toolchain import doctor


class ExecutionContext(Struct, frozen=True, kw_only=True):
    """The context of an execution.

    `build_variables` names additional environment variables for builds; `out` is the folder for
    wheels (default: `dist`).
    """

    store: Store
    emit: Emitter
    limits: Limits
    downloads: Downloads
    build_variables: tuple[str, ...] = ()
    out: Path | None = None

    def run(self, pipe: Callable[..., BuildReport], request: SourceRequest) -> BuildReport:
        """Run a pipeline in this context."""
        return pipe(
            request,
            self.store,
            self.emit,
            limits=self.limits,
            out=self.out,
            variables=self.build_variables,
        )


class Outcome(Struct, frozen=True, kw_only=True):
    """The outcome of a request: the document that `--json` prints, and the exit status.

    `error` is set if there is a complete document as well, as for failed tests.
    """

    document: dict[str, Any]
    status: int = 0
    error: WasmwheelError | None = None


def execute(request: JobRequest, context: ExecutionContext) -> Outcome:
    """Execute a request; a WasmwheelError if it fails before there is a document."""
    match request:
        case BuildRequest():
            return _build(request, context)
        case TestRequest():
            return _test(request, context)
        case InstallRequest():
            return _install(request, context)
        case SiteRequest():
            return _create_site(request, context)
        case BundleRequest():
            return _bundle(request, context)
        case PublishRequest():
            return _publish(request, context)


def _build(request: BuildRequest, context: ExecutionContext) -> Outcome:
    if len(targets.find_all(request.target)) == 1:
        return Outcome(document=msgspec.to_builtins(context.run(pipeline.run_build, request)))
    report = context.run(pipeline.run_matrix, request)
    error = matrix.error(report)
    status = error.status if error else 0
    return Outcome(document=msgspec.to_builtins(report), error=error, status=status)


def _test(request: TestRequest, context: ExecutionContext) -> Outcome:
    report = context.run(pipeline.run_tests, request)
    assert report.tests
    error = tests.error(report.tests, f"{report.name} {report.version}")
    status = error.status if error else 0
    return Outcome(document=msgspec.to_builtins(report), error=error, status=status)


def _install(request: InstallRequest, context: ExecutionContext) -> Outcome:
    target = targets.find(request.target or targets.default_abi())
    doctor.fix(target, context.store, context.emit, context.downloads, request.extras)
    if "seeds" in request.extras:
        seeds.build_all(target, context.store, context.emit)
    found = examine(target, context.store)
    # An extra that cannot be installed has raised an error.
    return structs.replace(found, status=0) if request.extras else found


def examine(target: Target, store: Store) -> Outcome:
    """Return the toolchain for a target, as `doctor --json` prints it."""
    findings = (*doctor.examine(target, store), seeds.examine(target, store))
    ok = all(each.state != "missing" for each in findings)
    found = Toolchain(ok=ok, target=target.abi, findings=findings)
    document = msgspec.to_builtins(found)
    return Outcome(document=document, status=0 if ok else ToolchainError.status)


def _create_site(request: SiteRequest, context: ExecutionContext) -> Outcome:
    store, emit = context.store, context.emit
    run = RunContext(store=store, emit=emit, limits=context.limits)
    site = lite.create(
        lite.site_folder(request.site, store), request, node.ensure_node(store, emit), run
    )
    return Outcome(document=document(describe(site)))


def _bundle(request: BundleRequest, context: ExecutionContext) -> Outcome:
    site = lite.find(request.site, context.store)
    out = Path(request.out or f"{site.name}.zip").absolute()
    written = bundle.write(site, out, context.emit)
    fields = {"bundle": str(written.path), "size": written.size, "files": written.files}
    return Outcome(document=document(describe(site) | fields))


def _publish(request: PublishRequest, context: ExecutionContext) -> Outcome:
    site = lite.find(request.site, context.store)
    wheels = [Path(wheel) for wheel in request.wheels]
    *_, last = pipeline.publish_wheels(
        wheels, site, context.store, context.emit, limits=context.limits
    )
    fields = {"published": structs.asdict(last.package), "url": last.url}
    return Outcome(document=document(fields))


def document(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with the version of its format."""
    return {"schema": SCHEMA, **fields}


def describe(site: Site) -> dict[str, Any]:
    """Return the fields of a site in documents."""
    return {
        "site": site.name,
        "folder": str(site.folder),
        "target": site.abi,
        "pyodide": site.pyodide,
        "mode": site.mode,
        "url": addresses.address(site),
    }
