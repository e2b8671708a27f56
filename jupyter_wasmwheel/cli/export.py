"""`jupyter wasmwheel export`: a package told in the words of another build tool."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import pipeline
from ..api.errors import UsageError
from ..build.request import BuildRequest
from ..export import package, recipe, workflow
from ..export.document import File
from ..project import recipes
from ..runtime import lock, node, pyodide, targets
from ..store import replace_file
from .answer import Answer, Session, answer

#: What can be exported, and by what.
FORMS = {"recipe": recipe.files, "workflow": workflow.files}


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        parents=[output],
        help="write a Pyodide recipe of a package, or a workflow that builds it by cibuildwheel",
    )
    parser.add_argument("form", choices=FORMS, metavar="recipe|workflow")
    parser.add_argument("source", metavar="SOURCE", help="a folder, pypi:NAME or git+URL")
    parser.add_argument("--target", metavar="ABI", help="the ABI to build for, as 2026_0")
    as_built = {"help": "as for `build`"}
    parser.add_argument("--recipe", default=recipes.AUTO, metavar="auto|none|FILE", **as_built)
    parser.add_argument("--make-optional", action="append", default=[], metavar="NAME", **as_built)
    parser.add_argument("--features", action="append", default=[], metavar="F", **as_built)
    parser.add_argument("--no-default-features", action="store_true", **as_built)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write files into this folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Export a package; without a folder to write to, print the one file that it is."""
    request = BuildRequest(
        source=args.source,
        target=args.target,
        recipe=args.recipe,
        make_optional=tuple(args.make_optional),
        features=tuple(args.features),
        no_default_features=args.no_default_features,
    )
    target = targets.find(args.target or targets.default_abi())
    foreseen = pipeline.foresee(request, session.store, session.emit)
    its_node = node.get(session.store, session.emit)
    runtime = pyodide.get(target, its_node, session.store, session.emit)
    exported = FORMS[args.form](
        package.read(
            *(foreseen.fetched, foreseen.project, foreseen.edits, foreseen.patches),
            *(request, target, lock.read(runtime.lock)),
        )
    )
    document = {"files": [{"path": str(each.path), "text": each.text} for each in exported]}
    if args.out:
        written = [_write(args.out, each) for each in exported]
        return answer("\n".join(map(str, written)), document)
    if len(exported) > 1 and not args.json and not args.events:
        raise UsageError(
            f"A {args.form} of this package is more than one file.",
            f"It is {' and '.join(str(each.path) for each in exported)}.",
            "Say where they go: `--out DIR`.",
        )
    return answer(exported[0].text.rstrip("\n"), document)


def _write(folder: Path, file: File) -> Path:
    """Write a file that is not there yet, whole."""
    path = folder / file.path
    if path.exists():
        raise UsageError(
            f"{path} is there already.",
            "Somebody may have changed it.",
            "Remove it, or name another folder.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, file.text.encode("utf-8"))
    return path
