"""The console scripts of installed packages, which a build runs by their paths."""

from __future__ import annotations

import functools
import importlib.metadata
import shutil
from pathlib import Path

from ..api.errors import ToolchainError


def script(name: str, package: str = "jupyter-wasmwheel") -> Path:
    """Return the path of a console script of an installed package."""
    for file in _files(package):
        if file.stem == name:
            return Path(str(file.locate())).resolve()
    found = shutil.which(name)
    if found:
        return Path(found)
    raise ToolchainError(
        f"The console script {name} is missing.",
        f"It is installed with {package}.",
        f"Install it again: `pip install --force-reinstall {package}`.",
        code="toolchain.script-missing",
    )


@functools.cache
def _files(package: str) -> tuple[importlib.metadata.PackagePath, ...]:
    """Return the files of an installed package; cached, because every build needs them often."""
    return tuple(importlib.metadata.files(package) or ())
