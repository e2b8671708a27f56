"""Builds with maturin."""

from __future__ import annotations

from collections.abc import Callable

from ..api.events import Emitter
from ..project.copy import Copy
from ..runtime.targets import TRIPLE
from ..toolchain.toolchain import script
from .build_frontend import FrontendOutput, run_frontend
from .plan import Plan


def build(plan: Plan, copy: Copy, emit: Emitter, compiled: Callable[[], None]) -> FrontendOutput:
    """Build the wheel of a project whose backend is maturin."""
    command = [str(script("maturin", "maturin")), "build", "--release", "--target", TRIPLE]
    command += ["-i", f"python{plan.target.python}", "--out", str(plan.wheels)]
    for feature in plan.features:
        command += ["--features", feature]
    if plan.no_default_features:
        command.append("--no-default-features")
    if plan.request.offline:
        command.append("--offline")
    return run_frontend(plan, copy, emit, compiled, lambda step: step(command, copy.folder, {}))
