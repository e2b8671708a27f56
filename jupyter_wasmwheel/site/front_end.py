"""The front end of this package in a site, which lists published packages and reports new ones.

JupyterLite finds an extension by its row in `federated_extensions`, which its builder wrote to its
package.json (`jupyterlab._build`).
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

#: The name of the extension, and its folder, which a clone has only after a build.
NAME = "jupyter-wasmwheel"
BUILT = "labextension"

#: JupyterLite's settings.
SETTINGS = "jupyter-lite.json"


class _Extension(Struct):
    name: str


class _Data(Struct):
    federated_extensions: list[_Extension]
    litePluginSettings: dict[str, dict[str, Any]] = {}  # noqa: N815 - JupyterLite's name


class _Settings(Struct, rename={"data": "jupyter-config-data"}):
    """The part of the settings that is read or changed here."""

    data: _Data


def about() -> bytes:
    """Return the built front end's package.json, or nothing if it is not built."""
    path = resources.files("jupyter_wasmwheel") / BUILT / "package.json"
    return path.read_bytes() if path.is_file() else b""


def settings(site: Root) -> dict[str, Any]:
    """Return JupyterLite's settings in a site; raise a SiteError if they are invalid."""
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
    """Add the front end to a site, if it is built.

    Its settings schema is omitted, because a site does not have the commands in it. Files of an
    older front end, whose names are hashed, stay for open tabs.
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
