"""This package's own front end in a site: it lists what is published, and tells of what is new.

JupyterLite finds an extension by its row in `federated_extensions`; that row is what the
extension's builder wrote into its package.json (`jupyterlab._build`).
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from ..api.errors import SiteError
from ..safe_paths import Root

#: The extension's name, and where it is once it is built: in a clone only then.
NAME = "jupyter-wasmwheel"
BUILT = "labextension"

#: The settings that JupyterLite begins with.
SETTINGS = "jupyter-lite.json"


class _Extension(Struct):
    name: str


class _Data(Struct):
    federated_extensions: list[_Extension]
    litePluginSettings: dict[str, dict[str, Any]] = {}  # noqa: N815 - JupyterLite's name


class _Settings(Struct, rename={"data": "jupyter-config-data"}):
    """What of the settings is read or changed here."""

    data: _Data


def about() -> bytes:
    """The built front end's package.json; nothing where none is built."""
    path = resources.files("jupyter_wasmwheel") / BUILT / "package.json"
    return path.read_bytes() if path.is_file() else b""


def settings(site: Root) -> dict[str, Any]:
    """Return a site's settings; a SiteError where they are none of JupyterLite's."""
    try:
        found = json.loads(site.read(SETTINGS))
        msgspec.convert(found, _Settings)
    except (OSError, ValueError, RecursionError) as error:
        raise SiteError(
            f"Invalid settings of JupyterLite in {site.path(SETTINGS)}.",
            f"{type(error).__name__}: {error}",
            "Remove the site and create it again with `jupyter wasmwheel site create`.",
            code="site.invalid-settings",
        ) from error
    return cast(dict[str, Any], found)


def add(site: Root) -> None:
    """Put the front end into a site's folder, where one is built.

    Its settings schema stays out: it has the menus of JupyterLab's half, whose commands a site
    does not have. What an older one left stays for the tabs that are open: its names are hashed.
    """
    if not about():
        return
    with resources.as_file(resources.files("jupyter_wasmwheel") / BUILT) as built:
        paths = [built / "package.json", *(built / "static").rglob("*")]
        for path in filter(Path.is_file, paths):
            site.copy(path, f"extensions/{NAME}/{path.relative_to(built).as_posix()}")
    row = {"name": NAME} | json.loads(about())["jupyterlab"]["_build"]
    config = settings(site)
    data = config["jupyter-config-data"]
    others = [each for each in data["federated_extensions"] if each["name"] != NAME]
    data["federated_extensions"] = [*others, row]
    site.replace({SETTINGS: json.dumps(config, indent=1).encode()})
