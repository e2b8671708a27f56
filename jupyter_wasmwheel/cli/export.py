"""`jupyter wasmwheel export`: write the files that another tool builds a package by."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import pipeline
from ..api.errors import UsageError
from ..api.report import CargoSettings
from ..api.requests import BuildRequest, EditsRequest
from ..export import package, recipe, workflow
from ..export.document import File
from ..runtime import engine, lock, targets
from ..store import replace_file
from . import options
from .result import CliContext, CommandResult, result

#: What can be exported, and the function that writes it.
FORMS = {"recipe": recipe.files, "workflow": workflow.files}

#: The fields of a build that are exported.
FIELDS = ("source", "target", "features", "no_default_features", "make_optional", "recipe")


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        parents=[output],
        help="write a Pyodide recipe of a package, or a workflow that builds it by cibuildwheel",
    )
    parser.add_argument("form", choices=FORMS, metavar="recipe|workflow", help="what to write")
    options.add_options(parser, BuildRequest, only=FIELDS)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write the files into")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Export a package; without a folder to write to, print its only file."""
    requested = options.request_from(args, BuildRequest)
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
    pyodide = engine.prepare(target, context.run).runtime
    exported = FORMS[args.form](package.read(preview, wanted, target, lock.read(pyodide.lock)))
    document = {"files": [{"path": str(each.path), "text": each.text} for each in exported]}
    if args.out:
        written = [_write(args.out, each) for each in exported]
        return result("\n".join(map(str, written)), document)
    if len(exported) > 1 and not args.json and not args.events:
        raise UsageError(
            f"The {args.form} of this package has more than one file.",
            f"The files are {' and '.join(str(each.path) for each in exported)}.",
            "Use `--out DIR` to write them into a folder.",
            code="export.several-files",
        )
    return result(exported[0].text.rstrip("\n"), document)


def _write(folder: Path, file: File) -> Path:
    """Write a new file; a UsageError where it exists."""
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
