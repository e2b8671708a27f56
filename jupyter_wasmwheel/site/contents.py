"""The notebooks of a site: their files, and the listing that JupyterLite reads to find them.

JupyterLite reads `api/contents/all.json`, a directory model of Jupyter's contents API, and each
file from `files/`. A copy in the browser's storage takes precedence over the served file, so the
name of a notebook contains the version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from packaging.utils import canonicalize_name

from ..api.errors import SiteError
from ..safe_paths import Root
from ..wheel import Wheel

#: The listing of the site's root folder, and the folder of its files.
LISTING = "api/contents/all.json"
FILES = "files"

#: The metadata of a notebook that is opened with the site's kernel.
KERNEL: dict[str, Any] = {
    "kernelspec": {"display_name": "Python (Pyodide)", "language": "python", "name": "python"},
    "language_info": {"name": "python"},
}

#: The cell that imports a package and lists its functions and classes.
SHOW = """\
import {module}

import inspect
from IPython.display import Markdown

rows = ["| in `{module}` | what it is |", "|:--|:--|"]
for name, value in vars({module}).items():
    if callable(value) and not name.startswith("_"):
        signature = getattr(value, "__text_signature__", None) or ""
        about = (inspect.getdoc(value) or "").partition("\\n")[0].replace("|", "&#124;")
        rows.append(f"| `{{name}}{{signature}}` | {{about}} |")
Markdown("\\n".join(rows))"""


def notebook_name(name: str, version: str) -> str:
    """Return the name of the notebook that shows a package."""
    return f"try-{canonicalize_name(name)}-{version}.ipynb"


def notebook(wheel: Wheel, built_with: str | None, when: datetime) -> dict[str, Any]:
    """Return a notebook (nbformat 4.5) that describes a package and imports it."""
    module = main_module(wheel.canonical_name, wheel.own_imports)
    day = f"{when.day} {when:%B %Y}"
    facts = f"Built with {_plain(built_with)} and published" if built_with else "Published"
    summary = wheel_summary(wheel)
    about = [f"# {wheel.canonical_name} {wheel.version}"]
    about += [f"**{_plain(summary)}**"] if summary else []
    about += [
        f"{facts} on {day}.",
        "It runs in your browser, in this page. You do not need to install anything: "
        f"`import {module}` loads it from this site. "
        "Click the cell below and press **Shift + Enter**.",
    ]
    cells = [
        _cell("about", "markdown", "\n\n".join(about)),
        _cell("show", "code", SHOW.format(module=module)),
        _cell("yours", "code", f"# Your turn: call something from {module} here.\n"),
    ]
    return {"cells": cells, "metadata": dict(KERNEL), "nbformat": 4, "nbformat_minor": 5}


def with_site_kernel(document: dict[str, Any]) -> dict[str, Any]:
    """Return a package's own notebook, set to open with the site's kernel.

    It has no outputs and is not trusted: JupyterLab runs the scripts in both without being asked.
    """
    minor = document.get("nbformat_minor")
    return {
        "cells": [_without_output(cell) for cell in document["cells"]],
        "metadata": _untrusted(document["metadata"]) | KERNEL,
        "nbformat": 4,
        "nbformat_minor": minor if isinstance(minor, int) else 5,
    }


def _without_output(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell with the fields that its format has (nbformat 4.5), and no output."""
    kept = {name: cell[name] for name in ("id", "cell_type", "source") if name in cell}
    kept["metadata"] = _untrusted(cell.get("metadata"))
    if cell["cell_type"] == "code":
        return kept | {"execution_count": None, "outputs": []}
    return kept | ({"attachments": cell["attachments"]} if "attachments" in cell else {})


def _untrusted(metadata: object) -> dict[str, Any]:
    """Return metadata without marks of trust and without the state of widgets."""
    given = metadata if isinstance(metadata, dict) else {}
    marks = ("trusted", "signature", "widgets")
    return {name: value for name, value in given.items() if name not in marks}


def main_module(canonical_name: str, imports: Iterable[str]) -> str:
    """Return the module of a package that users most likely import."""
    wanted = canonical_name.replace("-", "_")
    names = [name for name in imports if all(map(str.isidentifier, name.split(".")))]
    public = [name for name in names if not name.startswith("_")] or names
    same = [name for name in public if _flat(name) == wanted]
    like = [name for name in public if wanted.startswith(_flat(name))]
    return next(iter(same + like + public), wanted)


def _flat(module: str) -> str:
    return module.lower().replace(".", "_")


def wheel_summary(wheel: Wheel) -> str:
    """Return the summary in a package's metadata, or an empty text."""
    metadata = wheel.read(f"{wheel.dist_info}/METADATA")
    head = metadata.decode("utf-8", "replace").partition("\n\n")[0]
    found = re.search(r"^Summary: (.+)$", head, re.MULTILINE)
    line = found.group(1).strip() if found else ""
    return "" if line == "UNKNOWN" else line


def with_notebooks(
    site: Root,
    notebooks: Mapping[str, dict[str, Any]],
    when: datetime,
    replaced: Iterable[str] = (),
) -> dict[str, bytes]:
    """Return the files of a site that new notebooks change: their own, and the listing.

    Notebooks in `replaced`, of older versions, are removed from the listing.
    """
    site.make_folder(FILES)
    time = _utc(when)
    rows = _listing(site)
    for name in replaced:
        rows.pop(name, None)
    files = {}
    for name, document in notebooks.items():
        data = json.dumps(document, indent=1, ensure_ascii=False).encode()
        rows.pop(name, None)
        rows[name] = _model(name, "notebook", time, size=len(data))
        files[f"{FILES}/{name}"] = data
    return {**files, LISTING: _whole_listing(rows, when)}


def without_notebook(site: Root, name: str) -> dict[str, bytes]:
    """Return the files of a site that change without a notebook: the listing."""
    rows = _listing(site)
    rows.pop(name, None)
    return {LISTING: _whole_listing(rows, datetime.now(UTC))}


def initialize(site: Root) -> None:
    """Write the listing of a site, unless it has one."""
    site.make_folder(LISTING.rpartition("/")[0])
    site.make_folder(FILES)
    if not site.is_file(LISTING):
        site.replace({LISTING: _whole_listing({}, datetime.now(UTC))})


class _Named(Struct):
    name: str


class _Listing(Struct):
    """The part of the listing that is read; all other values are kept."""

    content: list[_Named]


def _listing(site: Root) -> dict[str, dict[str, Any]]:
    """Return the rows of the listing by name; raise a SiteError if it is invalid."""
    try:
        listing = msgspec.json.decode(site.read(LISTING))
        msgspec.convert(listing, _Listing)
    except (ValueError, RecursionError, OSError) as error:
        raise SiteError(
            f"Invalid listing of notebooks in {site.path(LISTING)}.",
            f"{type(error).__name__}: {error}",
            "Remove the site and create it again with `jupyter wasmwheel site create`.",
            code="site.invalid-listing",
        ) from error
    return {row["name"]: row for row in listing["content"]}


def _whole_listing(rows: dict[str, dict[str, Any]], when: datetime) -> bytes:
    time = _utc(when)
    content = list(rows.values())
    return msgspec.json.encode(_model("", "directory", time, format="json", content=content))


def _model(name: str, kind: str, time: str, **fields: object) -> dict[str, Any]:
    """Return a model of Jupyter's contents API."""
    keys = dict.fromkeys(("format", "mimetype", "size", "content"))
    times = {"created": time, "last_modified": time}
    return {"name": name, "path": name, "type": kind, "writable": True, **keys, **times, **fields}


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _plain(text: str) -> str:
    """Escape untrusted text for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|!&~$])", r"\\\1", " ".join(text.split()))
