"""`jupyter wasmwheel build`: from a source to a wheel, checked, and published if asked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import pipeline
from ..build.request import PROFILES, BuildRequest
from ..project import recipes
from ..report import Report
from .answer import Answer, Session, answer, duration, size


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "build",
        parents=[output],
        help="build a wheel for Pyodide, check it, and publish it into a site",
    )
    parser.add_argument("--site", metavar="NAME|DIR", help="publish the wheel into this site")
    parser.add_argument("--no-smoke", action="store_true", help="do not import the wheel")
    add_choices(parser)
    parser.set_defaults(run=run)


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Add what is built, and how, to a parser."""
    parser.add_argument("source", metavar="SOURCE", help="a folder, an sdist, pypi:NAME or git+URL")
    parser.add_argument("--target", metavar="ABI", help="the ABI to build for, as 2026_0")
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="release",
        help="draft is quick to build, larger and slower to run",
    )
    parser.add_argument(
        "--linker",
        default="auto",
        metavar="auto|wasm-ld|emcc",
        help="what links the module; auto takes wasm-ld",
    )
    parser.add_argument(
        "--features",
        action="append",
        default=[],
        metavar="F",
        help="switch on a feature of its crate; may be repeated",
    )
    parser.add_argument(
        "--no-default-features", action="store_true", help="switch off its crate's default features"
    )
    parser.add_argument(
        "--cargo-arg",
        action="append",
        default=[],
        metavar="A",
        dest="cargo_args",
        help="tell cargo this too; may be repeated",
    )
    parser.add_argument(
        "--ignore-lock", action="store_true", help="let cargo choose all versions anew"
    )
    parser.add_argument(
        "--make-optional",
        action="append",
        default=[],
        metavar="NAME",
        help="build it with this requirement as an extra",
    )
    parser.add_argument(
        "--recipe",
        default=recipes.AUTO,
        metavar="auto|none|FILE",
        help="what the package needs to build; auto takes the one that comes along, if any",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the wheel goes (dist)")
    parser.add_argument(
        "--with-dependencies",
        action="store_true",
        help="build along what the package needs and nobody has for the browser",
    )
    parser.add_argument("--no-cache", action="store_true", help="build it, whatever is kept")
    parser.add_argument(
        "--offline", action="store_true", help="fetch nothing, and close the network to the build"
    )
    add_limits(parser)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add what the work may take to a parser."""
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="limits",
        help="what it may take, as build.memory=8GB, smoke.time=5m or test.processes=50",
    )


def choices(args: argparse.Namespace, session: Session) -> dict[str, Any]:
    """What is built, and how, as a request has it."""
    return {
        "source": args.source,
        "target": args.target,
        "profile": args.profile,
        "linker": args.linker,
        "features": tuple(args.features),
        "no_default_features": args.no_default_features,
        "cargo_args": tuple(args.cargo_args),
        "ignore_lock": args.ignore_lock,
        "make_optional": tuple(args.make_optional),
        "recipe": args.recipe,
        "with_dependencies": args.with_dependencies,
        "out": args.out,
        "cache": not args.no_cache,
        "offline": args.offline,
        "limits": session.limits,
        "variables": session.build_variables,
    }


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Build what the arguments ask for."""
    request = BuildRequest(**choices(args, session), site=args.site, smoke=not args.no_smoke)
    report = pipeline.run(request, session.store, session.emit)
    return answer(summary(report), report.as_json())


def summary(report: Report) -> str:
    """What a person wants to know of a report."""
    lines = [
        f"{report.wheel.path.name}",
        f"  size     {size(report.wheel.size)}",
        f"  wheel    {report.wheel.path}",
        f"  time     {duration(sum(report.phases.values()))}: "
        + ", ".join(f"{name} {duration(took)}" for name, took in report.phases.items()),
    ]
    if report.smoke:
        module = report.smoke.module
        lines.append(
            f"  import   {module} works in Pyodide {report.runtime.version}"
            f" ({duration(report.smoke.seconds)})"
        )
    for patch in report.patches:
        lines.append(f"  edited   {patch.summary}")
    for each in report.dependencies:
        if each.source == "missing":
            lines.append(f"  needs    {each.requirement}, is nowhere to be had")
        elif not each.needed_by:
            lines.append(f"  needs    {each.requirement}, from {each.source}")
    lines += [f"  along    {each.wheel.path.name}" for each in report.built_along]
    if report.published:
        lines.append(f"  site     {report.published.site.folder}")
        lines.append(f"  notebook {report.published.url}")
    return "\n".join(lines)
