"""`jupyter wasmwheel export`: write the files with which another tool builds a package."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import pipeline
from ..api.errors import UsageError
from ..api.report import CargoSettings
from ..api.requests import EditsRequest, SourceRequest
from ..export import package, recipe, workflow
from ..export.document import File
from ..runtime import engine, lock, targets
from ..store import replace_file
from . import options
from .result import CliContext, CommandResult, result

#: The formats, each with the function that returns its files.
FORMS = {"recipe": recipe.files, "workflow": workflow.files}

#: The fields of a build that are exported.
FIELDS = ("source", "target", "features", "no_default_features", "make_optional", "recipe")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = options.add_command(
        commands,
        "export",
        run,
        "write a Pyodide recipe for a package, or a workflow that builds it with cibuildwheel",
    )
    parser.add_argument(
        "form", choices=tuple(FORMS), metavar="recipe|workflow", help="what to write"
    )
    options.add_options(parser, SourceRequest, only=FIELDS)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write the files into")


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Export a package to a folder, or print its only file."""
    requested = options.request_from(args, SourceRequest)
    request = EditsRequest(
        source=requested.source,
        target=requested.target,
        make_optional=requested.make_optional,
        recipe=requested.recipe,
    )
    wanted = CargoSettings(
        features=requested.features, default_features=not requested.no_default_features
    )
    target = targets.find(request.target or targets.default_abi())
    preview = pipeline.preview_edits(request, context.store, context.emit)
    pyodide = engine.prepare(target, context.run_context).runtime
    exported = FORMS[args.form](package.read(preview, wanted, target, lock.read(pyodide.lock)))
    document = {"files": [{"path": str(each.path), "text": each.text} for each in exported]}
    if args.out:
        written = [_write(args.out, each) for each in exported]
        return result("\n".join(map(str, written)), document)
    if len(exported) > 1 and not args.json and not args.events:
        raise UsageError(
            f"The {args.form} of this package has more than one file.",
            f"The files are {' and '.join(str(each.path) for each in exported)}.",
            "Write them to a folder with `--out DIR`.",
            code="export.several-files",
        )
    return result(exported[0].text.rstrip("\n"), document)


def _write(folder: Path, file: File) -> Path:
    """Write a new file; raise a UsageError if it exists."""
    path = folder / file.path
    if path.exists():
        raise UsageError(
            f"{path} already exists.",
            "It may have been edited, so it is not overwritten.",
            "Remove it, or choose another folder with `--out DIR`.",
            code="export.file-exists",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, file.text.encode("utf-8"))
    return path
