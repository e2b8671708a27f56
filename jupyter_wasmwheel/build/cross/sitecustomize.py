"""Makes a build backend's Python report the version, tags and headers of the target.

The interpreter imports this at startup from PYTHONPATH. `_PYTHON_SYSCONFIGDATA_NAME` and
`_PYTHON_HOST_PLATFORM` set the rest.
"""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PYTHON, HEADERS = os.environ.get("WASMWHEEL_PYTHON", ""), "WASMWHEEL_PYTHON_HEADERS"


def as_target(tags: Any) -> None:
    """Make a copy of `packaging.tags` return the target's tags, for setuptools and wheel."""
    version = tuple(map(int, PYTHON.split(".")))
    interpreter = "cp" + PYTHON.replace(".", "")
    platforms = [sysconfig.get_platform().replace("-", "_")]

    def sys_tags(*, warn: bool = False) -> Iterator[object]:
        return itertools.chain(
            tags.cpython_tags(version, [interpreter], platforms),
            tags.compatible_tags(version, interpreter, platforms),
        )

    tags.sys_tags = sys_tags


class Finder:
    """Finds any copy of `packaging.tags`, and changes it after it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _: Any = None) -> ModuleSpec | None:
        """Find a module as the interpreter does, and wrap what loads it."""
        spec = PathFinder.find_spec(name, path) if name.endswith("packaging.tags") else None
        loader: Any = spec and spec.loader
        if loader:
            load = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                as_target(module)

            loader.exec_module = exec_module
        return spec


if PYTHON:
    known = sysconfig.get_config_vars()
    known["py_version_nodot"] = PYTHON.replace(".", "")
    known["INCLUDEPY"] = known["CONFINCLUDEPY"] = os.environ.get(HEADERS, "")
    sys.meta_path.insert(0, Finder)
