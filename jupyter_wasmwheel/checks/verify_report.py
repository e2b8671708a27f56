"""Verification of a wheel against its build report: its bytes and its provenance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..api.errors import UsageError
from ..build import provenance
from ..wheel import Wheel
from .finding import WheelFinding

#: The remedy if a report and a wheel differ.
FIX = "Use the wheel that was built with the report, or build it again for a new report."


def read(path: Path, wheel: Wheel) -> dict[str, Any]:
    """Read a wheel's report from the output of `build --json`, or of `build --events`.

    The report of a dependency that was also built is inside that of the package.
    """
    fix = "Pass a file with the output of `jupyter wasmwheel build --json`."
    try:
        lines = path.read_text(encoding="utf-8").strip()
        document = json.loads(lines if lines.startswith("{\n") else lines.rpartition("\n")[2])
        reports = list(_reports(document.get("report", document)))
    except (OSError, ValueError, AttributeError) as error:
        what = f"Invalid report {path}."
        raise UsageError(what, str(error), fix, code="report.invalid") from error
    if not reports:
        what, why = f"Invalid report {path}.", "It has no sha256 of a wheel."
        raise UsageError(what, why, fix, code="report.invalid")
    of_bytes = [each for each in reports if each["sha256"] == wheel.sha256]
    of_name = [each for each in reports if each.get("name") == wheel.name]
    return [*of_bytes, *of_name, *reports][0]


def _reports(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if document.get("schema") == 1 and isinstance(document.get("sha256"), str):
        yield dict(document)
        for each in document.get("built_along", []):
            yield from _reports(each)
        for row in document.get("targets", []):
            yield from _reports(row["report"] or {})


def examine(wheel: Wheel, report: Mapping[str, Any]) -> tuple[WheelFinding, ...]:
    """Compare a wheel with a report, without running any of it."""
    made, note = report.get("toolchain"), provenance.read(wheel)
    # A wheel without binaries has no toolchain and no provenance.
    tag = str((report.get("target") or {}).get("platform_tag") if made else "any")
    # A wheel for several targets has the tags of all.
    found = tag if tag in wheel.platform_tags else ", ".join(wheel.platform_tags)
    return (
        _same(
            "bytes",
            _words({"sha256": report.get("sha256"), "size": report.get("size")}),
            _words({"sha256": wheel.sha256, "size": wheel.size}),
        ),
        _same(
            "name", f"{report.get('name')} {report.get('version')}", f"{wheel.name} {wheel.version}"
        ),
        _same("tag", tag, found),
        _same(
            "toolchain",
            _words(_of_report(report.get("profile"), made)) if made else "none",
            _words(_of_note(note)) if note else "none",
        ),
    )


def _of_note(note: provenance.Provenance) -> dict[str, Any]:
    """Return a wheel's provenance with the report's fields."""
    fields = ("profile", "rustc", "linker", "emscripten", "compiled", "wasm_opt")
    return {name: getattr(note, name) for name in fields}


def _of_report(profile: object, made: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance in a report."""
    c_compiler = made.get("emscripten") or {}
    return {
        "profile": profile,
        "rustc": made.get("rustc"),
        "linker": made.get("linker"),
        "emscripten": c_compiler.get("version"),
        "compiled": c_compiler.get("crates", []),
        "wasm_opt": made.get("wasm_opt"),
    }


def _words(fields: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {' and '.join(value) if isinstance(value, list | tuple) else value}"
        for name, value in fields.items()
        if value not in (None, [], ())
    )


def _same(check: str, expected: str, found: str) -> WheelFinding:
    if expected == found:
        return WheelFinding(check=check, state="ok", text=found)
    text = f"Expected {expected}, as in the report, got {found}."
    return WheelFinding(check=check, state="problem", text=text, fix=FIX)
