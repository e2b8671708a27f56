"""This package's own front end in a site: it lists what is published, and tells of what is new.

JupyterLite finds an extension by its row in `federated_extensions`; that row is what the
extension's builder wrote into its package.json (`jupyterlab._build`).
"""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

#: The extension's name, and where it is once it is built: in a clone only then.
NAME = "jupyter-wasmwheel"
BUILT = "labextension"


def add(site: Path) -> bool:
    """Put the front end into a site's folder, in place of an older one; False where none is built.

    Its settings schema stays out: it has the menus of JupyterLab's half, whose commands a site
    does not have.
    """
    with resources.as_file(resources.files("jupyter_wasmwheel") / BUILT) as built:
        about = built / "package.json"
        if not about.is_file():
            return False
        place = site / "extensions" / NAME
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(built / "static", place / "static")
        shutil.copy(about, place / "package.json")
        row = {"name": NAME} | json.loads(about.read_bytes())["jupyterlab"]["_build"]
    path = site / "jupyter-lite.json"
    config = json.loads(path.read_bytes())
    data = config["jupyter-config-data"]
    others = [each for each in data["federated_extensions"] if each["name"] != NAME]
    data["federated_extensions"] = [*others, row]
    path.write_text(json.dumps(config, indent=1))
    return True
