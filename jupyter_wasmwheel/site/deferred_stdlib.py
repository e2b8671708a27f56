"""The modules that no kernel asks for while it starts: where they are not there yet, one waits.

kernel-start.mjs runs this in a kernel, and `put`s what it fetched meanwhile.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any


class Rest:
    """Finds a module among those that come later, which are fetched at once where one is asked for.

    `modules` are their names without a dot, `address` is where kernel_files.py's `rest` is, and
    `unpack` unpacks it into `folder`, that of the standard library.
    """

    def __init__(
        self, modules: Iterable[str], address: str, unpack: Callable[[Any], object], folder: str
    ) -> None:
        self.modules = frozenset(modules)
        self.address = address
        self.unpack = unpack
        # Pyodide has its library in an archive, and looks nowhere else. The folder comes next, as
        # in any other Python.
        archive = next(at for at, path in enumerate(sys.path) if path.endswith(".zip"))
        sys.path.insert(archive + 1, folder)
        # Before those of Pyodide, which say of what is not there why it is not.
        sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """What Python asks of a finder."""
        if name.partition(".")[0] not in self.modules:
            return None
        self.put(self.fetch(name))
        return PathFinder.find_spec(name, path, target)

    def put(self, tar: object) -> None:
        """Put them where they belong, unless they are there."""
        if self in sys.meta_path:
            self.unpack(tar)
            sys.meta_path.remove(self)
            importlib.invalidate_caches()

    def fetch(self, name: str) -> object:
        """Fetch them, with the whole kernel waiting; a ModuleNotFoundError where that fails."""
        from js import XMLHttpRequest  # type: ignore[import-not-found]
        from pyodide.ffi import JsException, to_js  # type: ignore[import-not-found]

        request = XMLHttpRequest.new()
        request.open("GET", self.address, False)
        request.responseType = "arraybuffer"
        try:
            request.send()
            if request.status != 200:
                raise OSError(f"the site answered with {request.status}")
            # That gzip's header and sum are there; the module gzip is one of those to come.
            return to_js(zlib.decompress(request.response.to_bytes(), 16 + zlib.MAX_WBITS))
        except (JsException, OSError, zlib.error) as error:
            raise ModuleNotFoundError(
                f"{name} comes after the kernel has started, and cannot be fetched: {error}. "
                "See whether the site is still there, and run the cell again.",
                name=name,
            ) from error
