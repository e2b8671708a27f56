"""A site as far as publishing knows one, without JupyterLite and Pyodide in it, and its wheels."""

from __future__ import annotations

import json
import socket
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_wasmwheel import wheel
from jupyter_wasmwheel.api.events import Emitter, ignore
from jupyter_wasmwheel.api.requests import SiteRequest
from jupyter_wasmwheel.beneath import Root
from jupyter_wasmwheel.runtime import node
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.site import contents, lite, publish
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.site.publish import NewPackage, Published
from jupyter_wasmwheel.store import Store

TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"


def tiny_wheel(
    folder: Path,
    name: str = "tiny",
    version: str = "1.0",
    tag: str = TAG,
    body: str = "",
    metadata: str = "",
    file_name: str | None = None,
) -> wheel.Wheel:
    """A wheel with one module in it, whatever its tag says."""
    path = folder / (file_name or f"{name}-{version}-{tag}.whl")
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", body or f"version = {version!r}\n")
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
        archive.writestr(f"{about}/METADATA", text)
        archive.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{about}/RECORD", "")
    return wheel.read(path)


def publish_one(
    site: Site, its: wheel.Wheel, depends: Sequence[str] = (), emit: Emitter = ignore, **more: Any
) -> Published:
    """Publish a wheel by itself."""
    new = NewPackage(wheel=its, depends=tuple(depends), **more)
    (published,) = publish.publish(site, [new], emit)
    return published


def create_site(folder: Path, store: Store, abi: str | None = None, **fields: Any) -> Site:
    """Create a site for a target; `fields` are those of a request."""
    request = SiteRequest(site=str(folder), target=abi, **fields)
    context = RunContext(store=store, emit=ignore)
    return lite.create(folder, request, node.get(store, ignore), context)


def row(name: str, *depends: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": "0.9",
        "file_name": f"{name}-0.9-py3-none-any.whl",
        "sha256": "0" * 64,
        "install_dir": "site",
        "package_type": "package",
        "imports": [name],
        "depends": list(depends),
        "unvendored_tests": False,
    }


#: The prefix of the address of the site below.
PREFIX = "0123456789abcdef"


def small_site(folder: Path) -> Site:
    """Make a site in a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fields = {"abi": "2026_0", "pyodide": "314.0.7", "core": "0.8.6", "kernel": "0.8.6"}
    fields |= {"mode": "offline", "port": port, "prefix": PREFIX}
    (folder / ".wasmwheel").mkdir(parents=True)
    (folder / ".wasmwheel/site.json").write_text(json.dumps({"schema": 1, **fields}))
    (folder / "static/pyodide/wheels").mkdir(parents=True)
    packages = {name: row(name) for name in ("attrs", "rpds-py")}
    packages["jsonschema"] = row("jsonschema", "attrs", "rpds-py")
    info = {"abi_version": "2026_0", "arch": "wasm32", "python": "3.14.2", "platform": "x"}
    text = json.dumps({"info": info, "packages": packages})
    (folder / "static/pyodide/pyodide-lock.json").write_text(text)
    (folder / ".wasmwheel/pyodide-lock.json").write_text(text)
    settings = {"jupyter-config-data": {"federated_extensions": [{"name": "other"}]}}
    (folder / "jupyter-lite.json").write_text(json.dumps(settings))
    contents.start(Root(folder))
    return lite.read_site(folder)
