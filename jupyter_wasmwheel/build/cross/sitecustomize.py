"""Makes a build backend's Python report the version, tags and headers of the target.

The interpreter imports this at startup from PYTHONPATH. `_PYTHON_SYSCONFIGDATA_NAME` and
`_PYTHON_HOST_PLATFORM` set the rest.
"""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PYTHON, HEADERS = os.environ.get("WASMWHEEL_PYTHON", ""), "WASMWHEEL_PYTHON_HEADERS"


def change_tags(tags: Any) -> None:
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


def change_mesonpy(tags: Any) -> None:
    """Make meson-python tag wheels for the target, and accept a project for its Python alone."""
    tags.get_interpreter_tag = lambda: "cp" + PYTHON.replace(".", "")
    tags.platform.python_version = lambda: f"{PYTHON}.0"


#: The ends of the names of modules, and what changes them.
CHANGES: dict[str, Callable[[Any], None]] = {
    "packaging.tags": change_tags,
    "mesonpy._tags": change_mesonpy,
}


class Finder:
    """Finds the modules to change, and changes each after it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _: Any = None) -> ModuleSpec | None:
        """Find a module as the interpreter does, and wrap what loads it."""
        change = next((CHANGES[end] for end in CHANGES if name.endswith(end)), None)
        spec = PathFinder.find_spec(name, path) if change else None
        loader: Any = spec and spec.loader
        if change and loader:
            load = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                change(module)

            loader.exec_module = exec_module
        return spec


if PYTHON:
    known = sysconfig.get_config_vars()
    known["py_version_nodot"] = PYTHON.replace(".", "")
    known["INCLUDEPY"] = known["CONFINCLUDEPY"] = os.environ.get(HEADERS, "")
    private: Any = sysconfig
    private._PY_VERSION_SHORT = PYTHON
    for scheme in private._INSTALL_SCHEMES.values():
        scheme["include"] = scheme["platinclude"] = os.environ.get(HEADERS, "")
    sys.meta_path.insert(0, Finder)
