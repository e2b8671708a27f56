"""This package's own front end in a site: it lists what is published, and tells of what is new.

JupyterLite finds an extension by its row in `federated_extensions`; that row is what the
extension's builder wrote into its package.json (`jupyterlab._build`).
"""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

from ..store import replace_file

#: The extension's name, and where it is once it is built: in a clone only then.
NAME = "jupyter-wasmwheel"
BUILT = "labextension"


def about() -> bytes:
    """The built front end's package.json; nothing where none is built."""
    path = resources.files("jupyter_wasmwheel") / BUILT / "package.json"
    return path.read_bytes() if path.is_file() else b""


def add(site: Path) -> None:
    """Put the front end into a site's folder, where one is built.

    Its settings schema stays out: it has the menus of JupyterLab's half, whose commands a site
    does not have. What an older one left stays for the tabs that are open: its names are hashed.
    """
    if not about():
        return
    with resources.as_file(resources.files("jupyter_wasmwheel") / BUILT) as built:
        place = site / "extensions" / NAME
        shutil.copytree(built / "static", place / "static", dirs_exist_ok=True)
        shutil.copy(built / "package.json", place / "package.json")
    row = {"name": NAME} | json.loads(about())["jupyterlab"]["_build"]
    path = site / "jupyter-lite.json"
    config = json.loads(path.read_bytes())
    data = config["jupyter-config-data"]
    others = [each for each in data["federated_extensions"] if each["name"] != NAME]
    data["federated_extensions"] = [*others, row]
    replace_file(path, json.dumps(config, indent=1).encode())
