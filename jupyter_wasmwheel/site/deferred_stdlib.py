"""The modules that a kernel does not need for its start, and that an import waits for.

kernel-start.mjs runs this in a kernel, and calls `add` with the fetched modules.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any


class DeferredFinder:
    """A finder that fetches the deferred modules as soon as one of them is imported.

    `modules` are their top-level names, `address` is that of kernel_files.py's `rest`, and `unpack`
    unpacks it into `folder`, that of the standard library.
    """

    def __init__(
        self, modules: Iterable[str], address: str, unpack: Callable[[Any], object], folder: str
    ) -> None:
        self.modules = frozenset(modules)
        self.address = address
        self.unpack = unpack
        # Pyodide has its library in an archive. The folder comes next, as in any other Python.
        archive = next(at for at, path in enumerate(sys.path) if path.endswith(".zip"))
        sys.path.insert(archive + 1, folder)
        # Before Pyodide's finders, which explain why a module is missing.
        sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Fetch the modules if one of them is imported, and find it."""
        if name.partition(".")[0] not in self.modules:
            return None
        self.add(self.fetch(name))
        return PathFinder.find_spec(name, path, target)

    def add(self, tar: object) -> None:
        """Unpack the modules, unless that is done."""
        if self in sys.meta_path:
            self.unpack(tar)
            sys.meta_path.remove(self)
            importlib.invalidate_caches()

    def fetch(self, name: str) -> object:
        """Fetch the modules while the kernel waits; raise a ModuleNotFoundError if that fails."""
        from js import XMLHttpRequest  # type: ignore[import-not-found]
        from pyodide.ffi import JsException, to_js  # type: ignore[import-not-found]

        request = XMLHttpRequest.new()
        request.open("GET", self.address, False)
        request.responseType = "arraybuffer"
        try:
            request.send()
            if request.status != 200:
                raise OSError(f"the site answered with {request.status}")
            # gzip's header and checksum; the module gzip itself is deferred.
            return to_js(zlib.decompress(request.response.to_bytes(), 16 + zlib.MAX_WBITS))
        except (JsException, OSError, zlib.error) as error:
            raise ModuleNotFoundError(
                f"Could not download {name}, which loads after the kernel starts: {error}. "
                "Check that the site is still served, and run the cell again.",
                name=name,
            ) from error
