"""Whether a wheel is the one that a report tells of: its bytes, and what it says of its making."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..api.errors import UsageError
from ..build import provenance
from ..wheel import Wheel
from .finding import WheelFinding

#: What is to be done where a report and a wheel differ.
FIX = "Take the wheel that came with the report, or build it again to have a report of its own."


def read(path: Path, wheel: Wheel) -> dict[str, Any]:
    """The report in a file that tells of a wheel; a UsageError where there is none in it.

    The file is what `build --json` prints, or the last line of what `build --events` does. Where a
    wheel was built along, its report is in that of the other one.
    """
    try:
        lines = path.read_text(encoding="utf-8").strip()
        document = json.loads(lines if lines.startswith("{\n") else lines.rpartition("\n")[2])
        reports = list(_reports(document.get("report", document)))
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a report.",
            str(error),
            "Pass a file with the output of `jupyter wasmwheel build --json`.",
            code="report.invalid",
        ) from error
    of_it = [each for each in reports if each.get("name") == wheel.name]
    if not reports:
        raise UsageError(
            f"{path} is not a report.",
            "It has no sha256 of a wheel.",
            "Pass a file with the output of `jupyter wasmwheel build --json`.",
            code="report.invalid",
        )
    return (of_it or reports)[0]


def _reports(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if document.get("schema") == 1 and isinstance(document.get("sha256"), str):
        yield dict(document)
        for each in document.get("built_along", []):
            yield from _reports(each)


def examine(wheel: Wheel, report: Mapping[str, Any]) -> tuple[WheelFinding, ...]:
    """Hold a wheel against a report; nothing of the wheel is run."""
    made, note = report.get("toolchain"), provenance.read(wheel)
    # A wheel without binaries has neither a toolchain nor a note of it.
    tag = (report.get("target") or {}).get("platform_tag") if made else "any"
    return (
        _same(
            "bytes",
            _words({"sha256": report.get("sha256"), "size": report.get("size")}),
            _words({"sha256": wheel.sha256, "size": wheel.size}),
        ),
        _same(
            "name",
            f"{report.get('name')} {report.get('version')}",
            f"{wheel.name} {wheel.version}",
        ),
        _same("tag", str(tag), ", ".join(wheel.platform_tags)),
        _same(
            "toolchain",
            _words(_of_report(report.get("profile"), made)) if made else "none",
            _words(_of_note(note)) if note else "none",
        ),
    )


def _of_note(note: provenance.Provenance) -> dict[str, Any]:
    """What a wheel says of its making, as the report has it."""
    return {
        "profile": note.profile,
        "rustc": note.rustc,
        "linker": note.linker,
        "emscripten": note.emscripten,
        "compiled": list(note.compiled),
        "wasm_opt": note.wasm_opt,
    }


def _of_report(profile: object, made: Mapping[str, Any]) -> dict[str, Any]:
    """What a report says of a wheel's making."""
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
        f"{name} {' and '.join(value) if isinstance(value, list) else value}"
        for name, value in fields.items()
        if value not in (None, [])
    )


def _same(check: str, told: str, found: str) -> WheelFinding:
    if told == found:
        return WheelFinding(check=check, state="ok", text=found)
    text = f"The report says {told}; the wheel is {found}."
    return WheelFinding(check=check, state="problem", text=text, fix=FIX)
