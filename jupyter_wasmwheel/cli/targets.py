"""`jupyter wasmwheel targets`: list the ABIs that wheels can be built for."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from ..runtime import targets
from .options import add_command
from .result import CliContext, CommandResult, result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    add_command(commands, "targets", run, "list the ABIs that wheels can be built for")


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """List the targets."""
    lines = ["ABI      Pyodide          Python  Emscripten  JupyterLite"]
    for target in targets.all_targets():
        default = "  (default)" if target.abi == targets.default_abi() else ""
        served = target.jupyterlite.kernel if target.jupyterlite else "not supported"
        lines.append(
            f"{target.abi:<8} {target.pyodide:<16} {target.python:<7} {target.emscripten:<11} "
            f"{served}{default}"
        )
    rows = [
        msgspec.to_builtins(target) | {"platform_tag": target.platform_tag}
        for target in targets.all_targets()
    ]
    return result("\n".join(lines), {"default": targets.default_abi(), "targets": rows})
