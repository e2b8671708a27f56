"""Optimization of the modules in a wheel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..api.events import Emitter, note
from ..process.limits import Limits
from ..toolchain.wasm_opt import WasmOpt
from ..wheel import MAGIC, QUICK, SMALLEST, Wheel, read, rewrite


def optimize(
    wheel: Wheel,
    tool: WasmOpt | None,
    changed: Mapping[str, bytes],
    folder: Path,
    limits: Limits,
    emit: Emitter,
) -> Wheel:
    """Write a wheel to a folder with members changed, and its modules optimized if possible."""
    into = folder / wheel.path.name
    replaced = dict(changed)
    if tool:
        for module in wheel.extension_modules:
            before = wheel.read(module.member)
            if not before.startswith(MAGIC):
                continue  # left behind by a build for this machine
            after = replaced[module.member] = tool.optimize(before, limits)
            note(emit, f"{module.name}: {len(before):,} -> {len(after):,} bytes by wasm-opt")
    rewrite(wheel.path, replaced, into, SMALLEST if tool else QUICK)
    return read(into)
