"""Optimization of the modules in a wheel."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
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
        known = {each.member: each for each in wheel.extension_modules}
        # Others are left behind by a build for this machine.
        modules = {
            known[member]: code for member, code in wheel.read_all(known) if code.startswith(MAGIC)
        }
        optimized = _optimize_all(tool, [*modules.values()], limits)
        for (module, before), after in zip(modules.items(), optimized, strict=True):
            replaced[module.member] = after
            note(emit, f"{module.name}: {len(before):,} -> {len(after):,} bytes by wasm-opt")
    rewrite(wheel.path, replaced, into, SMALLEST if tool else QUICK)
    return read(into)


def _optimize_all(tool: WasmOpt, modules: list[bytes], limits: Limits) -> list[bytes]:
    """Return modules optimized at the same time; when one fails, the others are stopped."""
    over = threading.Event()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        running = [pool.submit(tool.optimize, each, limits, over.is_set) for each in modules]
        try:
            finished = wait(running, return_when=FIRST_EXCEPTION).done
            return [each.result() for each in running if each in finished]
        finally:
            over.set()
            pool.shutdown(cancel_futures=True)
