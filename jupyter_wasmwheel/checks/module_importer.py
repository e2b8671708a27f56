"""The functions of an import check that smoke.mjs runs in Pyodide, one for each kind of step.

They return a remark for what may fail, and raise the exception of what must not. They import by
`__import__`, which adds no lines to the traceback. What most checks do not need is imported late.
"""

from __future__ import annotations

import sys
from types import ModuleType


def required(name: str, member: str | None) -> None:
    """Import a module."""
    __import__(name)


def optional(name: str, member: str | None) -> str | None:
    """Import a module, and return a remark if that fails."""
    try:
        __import__(name)
    except BaseException as error:
        return f"`import {name}` fails: {_last_line(error)}"
    return None


def extension(name: str, member: str) -> str | None:
    """Import an extension module; load it alone if a package around it cannot be imported.

    Such packages need extras or what could not be downloaded, or are for development.
    """
    try:
        __import__(name)
    except Exception as error:
        if name not in sys.modules:
            _load(name, _path(member))
        return f"{name} loads, but `import {name}` fails: {_last_line(error)}"
    return None


def library(name: str, member: str) -> None:
    """Load a library, as cffi and ctypes do."""
    import ctypes

    ctypes.CDLL(_path(member))


def _load(name: str, path: str) -> None:
    """Load an extension module from its file, in empty packages that stand in for its own."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module of this Python", name=name)
    packages = _stand_ins(name, path)
    sys.modules.update(packages)
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for each in packages:
            del sys.modules[each]


def _stand_ins(name: str, path: str) -> dict[str, ModuleType]:
    """Return empty packages for those around a module that are not imported."""
    found = {}
    while "." in name:
        name, path = name.rpartition(".")[0], path.rpartition("/")[0]
        if name not in sys.modules:
            found[name] = ModuleType(name)
            found[name].__path__ = [path]
    return found


def _path(member: str) -> str:
    import sysconfig

    return f"{sysconfig.get_path('purelib')}/{member}"


def _last_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
