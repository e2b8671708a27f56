"""Provenance of a wheel: a file in its `.dist-info` with the tools that built it.

A wheel itself does not show whether the target's Emscripten compiled its C, so the build records
that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

from .. import __version__
from ..package_metadata import PARSE_ERRORS
from ..wheel import Wheel
from .plan import Plan

#: The name of the file, and the version of its format.
FILE, SCHEMA = "wasmwheel.json", 1


class Provenance(Struct, frozen=True, kw_only=True):
    """The tools that built a wheel.

    `emscripten` is the version that compiled the C of the crates and packages in `compiled`, or
    that linked.
    """

    generator: str
    target: str
    profile: str
    rustc: str | None
    linker: str
    emscripten: str | None
    compiled: tuple[str, ...]
    wasm_opt: str | None


def describe(plan: Plan, compiled: Sequence[str]) -> Provenance | None:
    """Return the provenance of a plan's wheel, None without a toolchain."""
    toolchain = plan.toolchain
    if toolchain is None:
        return None
    rust, tool = toolchain.rust, toolchain.wasm_opt
    c_compiler = toolchain.emscripten if compiled or not toolchain.linker else None
    return Provenance(
        generator=f"jupyter-wasmwheel {__version__}",
        target=plan.target.abi,
        profile=plan.request.profile,
        rustc=f"{rust.version} ({rust.commit[:9]})" if rust else None,
        linker=f"wasm-ld {toolchain.linker.version}" if toolchain.linker else "emcc",
        emscripten=c_compiler.version if c_compiler else None,
        compiled=tuple(compiled),
        wasm_opt=tool.version if tool else None,
    )


def as_member(provenance: Provenance, wheel: Wheel) -> dict[str, bytes]:
    """Return the provenance as a member of a wheel, by its name."""
    text = json.dumps({"schema": SCHEMA, **structs.asdict(provenance)}, indent=1)
    return {f"{wheel.dist_info}/{FILE}": f"{text}\n".encode()}


def read(wheel: Wheel) -> Provenance | None:
    """Read the provenance of a wheel, None if it has no valid one."""
    member = f"{wheel.dist_info}/{FILE}"
    if member not in wheel.members:
        return None
    try:
        given: dict[str, Any] = json.loads(wheel.read_text(member))
        if given.pop("schema") != SCHEMA:
            return None
        return Provenance(**given | {"compiled": tuple(given["compiled"])})
    except PARSE_ERRORS:
        return None
