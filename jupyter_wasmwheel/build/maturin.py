"""Builds with maturin itself, as its PEP 517 backend would run it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from ..api.events import Emitter
from ..project.copy import Copy
from ..toolchain import maturin_wrapper
from ..toolchain.scripts import script
from . import config_settings
from .build_frontend import FrontendOutput, Step, run_frontend
from .plan import GENERATED, Plan

#: The variable with the user's arguments for `maturin pep517`.
USER_ARGUMENTS = "MATURIN_PEP517_ARGS"


def build(
    plan: Plan,
    copy: Copy,
    emit: Emitter,
    compiled: Callable[[], None],
    python: Callable[[], Path | None] = lambda: None,
) -> FrontendOutput:
    """Build the wheel of a project whose backend is maturin.

    `python` returns the interpreter of the build's environment, if the project has requirements.
    """

    def work(step: Step) -> None:
        interpreter = python()
        settings = config_settings.parse(plan.request.config_settings)
        given = config_settings.maturin_arguments(settings, plan.environ.get(USER_ARGUMENTS, ""))
        if plan.project.bindings in GENERATED:
            given += ["-i", str(interpreter or sys.executable)]
        command = ["pep517", "build-wheel", *given]
        command = maturin_wrapper.with_target(command, plan.maturin_arguments)
        command = [str(script("maturin", "maturin")), *command, "--out", str(plan.wheels)]
        path = plan.path(interpreter.parent) if interpreter else plan.env["PATH"]
        step(command, copy.folder, {"PATH": path})

    return run_frontend(plan, copy, emit, compiled, work)
