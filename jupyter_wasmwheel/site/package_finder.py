"""The finder of a site's packages for imports that a kernel does not see.

Before a cell runs, a kernel loads the packages that its code imports. It does not see imports in a
cell with a magic (`%%time`), in `exec`, `importlib` and `%run`, and in modules beside the notebook.
kernel-start.mjs and kernel-start.js run this in a kernel.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any
from urllib.parse import urljoin


def add_package_finder(base: str) -> None:
    """Let imports load the packages of the lock in a folder, given by its address."""
    sys.meta_path.append(PackageFinder(base))  # last: a user's own modules come first


class PackageFinder:
    """A finder that fetches and unpacks a package as soon as one of its modules is imported.

    It knows the packages whose files the site has, and not those of a CDN, which can be large and
    are optional for many modules. `base` is the address of the lock's folder.
    """

    def __init__(self, base: str) -> None:
        self.base = base

    @functools.cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the packages of the site's lock."""
        import js  # type: ignore[import-not-found]
        import pyodide_js  # type: ignore[import-not-found]

        rows: dict[str, dict[str, Any]] = json.loads(
            js.JSON.stringify(pyodide_js.lockfile.packages)
        )
        return rows

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Load the packages that a module belongs to, and find it."""
        wanted = [key for key in self._needed(self._providers(name)) if not _is_loaded(key)]
        if not wanted:
            return None
        for key in wanted:
            try:
                self._load(self.rows[key])
            except Exception as error:
                raise ModuleNotFoundError(
                    f"{name} is in the site's package {key}, which could not be loaded: {error}. "
                    f"Run `import {name}` in a cell of its own, without a magic.",
                    name=name,
                ) from error
        importlib.invalidate_caches()
        return PathFinder.find_spec(name, path, target)

    @functools.cached_property
    def providers(self) -> dict[str, list[str]]:
        """Return the packages of each module that the site has."""
        found: dict[str, list[str]] = {}
        for key, row in self.rows.items():
            if not row["file_name"].startswith(("https://", "http://")):
                for name in row["imports"]:
                    found.setdefault(name, []).append(key)
        return found

    def _providers(self, name: str) -> list[str]:
        """Return the packages of a module; for a namespace without one, all that are in it."""
        if name in self.providers:
            return self.providers[name]
        inside = [keys for each, keys in self.providers.items() if each.startswith(f"{name}.")]
        return [key for keys in inside for key in keys]

    def _needed(self, keys: list[str]) -> Iterator[str]:
        """Yield packages and those that they require."""
        seen = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in seen and key in self.rows:
                seen.add(key)
                yield key
                waiting += self.rows[key]["depends"]

    def _load(self, row: dict[str, Any]) -> None:
        """Fetch and unpack a package while the kernel waits."""
        import hashlib  # deferred, as the next one (deferred_stdlib.py)
        import sysconfig

        import pyodide_js
        from js import XMLHttpRequest
        from pyodide._package_loader import unpack_buffer  # type: ignore[import-not-found]

        if row["install_dir"] != "site":
            raise OSError(f"{row['name']} is a part of Pyodide")
        request = XMLHttpRequest.new()
        request.open("GET", urljoin(self.base, row["file_name"]), False)
        request.responseType = "arraybuffer"
        request.send()
        if request.status != 200:
            raise OSError(f"the site answered with {request.status}")
        if hashlib.sha256(request.response.to_bytes()).hexdigest() != row["sha256"]:
            raise OSError(f"{row['file_name']} is damaged")
        unpack_buffer(
            request.response,
            filename=row["file_name"],
            extract_dir=sysconfig.get_path("purelib"),
        )
        setattr(pyodide_js.loadedPackages, row["name"], "default channel")


def _is_loaded(key: str) -> bool:
    import pyodide_js

    return hasattr(pyodide_js.loadedPackages, key)
