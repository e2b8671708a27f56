"""The simple index of a site (PEP 503, PEP 691), from which micropip, pip and uv install.

It consists of static files, so that every web server can serve it: each page is `index.html`, with
the same as `index.json` next to it. It lists the published packages, and those that they require
if the site has their wheels. The links are relative.
"""

from __future__ import annotations

import contextlib
import email.parser
import hashlib
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from packaging.utils import canonicalize_name

from ..api.errors import SiteError
from ..runtime.lock import Entry, Lock
from ..safe_paths import MAX_FILE_BYTES, Root
from . import wheels

#: The folder of the index in a site, and the names of a page in HTML and in JSON.
FOLDER, HTML, JSON = "simple", "index.html", "index.json"

#: The type of a page in JSON, and the version of the format.
JSON_TYPE, API_VERSION = "application/vnd.pypi.simple.v1+json", "1.1"

#: The wheels that a site has itself, relative to the folder of its lock.
OWN_WHEEL = re.compile(rf"(?:{wheels.PUBLISHED}|{wheels.DEPENDENCIES})/[0-9a-f]{{64}}/[^/]+\.whl")

_PAGE = """\
<!DOCTYPE html>
<html>
<head><meta name="pypi:repository-version" content="{version}"><title>{title}</title></head>
<body>
{links}
</body>
</html>
"""


class Changes(Struct, frozen=True, kw_only=True):
    """The pages to replace, and the folders of packages that are no longer listed."""

    pages: Mapping[str, bytes]
    removed: tuple[str, ...] = ()


class _Project(Struct, frozen=True):
    name: str


class _Projects(Struct, frozen=True):
    projects: tuple[_Project, ...]


def create(site: Root, package_root: Root, lock: Lock) -> None:
    """Write the index of a site that has none, the list of packages last."""
    published = [name for name, each in lock.packages.items() if each.published]
    changes = _changes(site, package_root, lock, published, frozenset())
    for name, page in changes.pages.items():
        site.replace({name: page})


def exists(site: Root) -> bool:
    """Return whether a site has an index."""
    return site.is_file(f"{FOLDER}/{JSON}")


def update(site: Root, package_root: Root, lock: Lock, names: Iterable[str]) -> Changes:
    """Return what changes in the index when packages were published or removed."""
    return _changes(site, package_root, lock, names, _listed(site))


def remove_empty(site: Root) -> None:
    """Remove the folders without pages that a reverted change has left."""
    with contextlib.suppress(SiteError, OSError):
        for name, _ in site.children(FOLDER):
            if not site.is_file(f"{FOLDER}/{name}") and not site.children(f"{FOLDER}/{name}"):
                site.remove(f"{FOLDER}/{name}")


def _changes(
    site: Root, package_root: Root, lock: Lock, names: Iterable[str], before: frozenset[str]
) -> Changes:
    changed = {canonicalize_name(name) for name in names}
    present = {canonicalize_name(each.name): each for each in lock.closure(changed)[0]}
    own = {name: each for name, each in present.items() if OWN_WHEEL.fullmatch(each.file_name)}
    pages: dict[str, bytes] = {}
    for name in sorted(own.keys() - (before - changed)):
        pages |= _project(name, own[name], package_root)
    gone = (before & changed) - own.keys()
    after = (before | own.keys()) - gone
    if after != before or not exists(site):
        pages |= _root(sorted(after))
    for page in pages:
        site.make_folder(page.rpartition("/")[0])
    new = {name: text for name, text in pages.items() if not _has(site, name, text)}
    return Changes(pages=new, removed=tuple(f"{FOLDER}/{name}" for name in sorted(gone)))


def _listed(site: Root) -> frozenset[str]:
    """Return the names of the packages in the index; raise a SiteError if it is invalid."""
    try:
        found = msgspec.json.decode(site.read(f"{FOLDER}/{JSON}"), type=_Projects)
    except (ValueError, RecursionError) as error:
        raise SiteError(
            f"Invalid list of packages {site.path(f'{FOLDER}/{JSON}')}.",
            str(error),
            "Remove the file: the next command that changes the site creates it again.",
            code="site.invalid-index",
        ) from error
    return frozenset(each.name for each in found.projects)


def _has(site: Root, name: str, text: bytes) -> bool:
    return site.is_file(name) and site.read(name) == text


def _root(names: list[str]) -> dict[str, bytes]:
    links = [f'<a href="{escape(quote(name))}/">{escape(name)}</a><br>' for name in names]
    projects = [{"name": name} for name in names]
    return _page("", "Simple index", links, {"projects": projects})


def _project(name: str, entry: Entry, package_root: Root) -> dict[str, bytes]:
    """Return the page of a package with one wheel."""
    file_name = entry.file_name.rpartition("/")[2]
    url = f"../../static/pyodide/{quote(entry.file_name)}"
    file: dict[str, Any] = {
        "filename": file_name,
        "url": url,
        "hashes": {"sha256": entry.sha256},
        "size": package_root.stat(entry.file_name).st_size,
    }
    attributes = ""
    place = f"{entry.file_name}{wheels.METADATA}"
    if package_root.is_file(place):
        metadata = package_root.read(place, MAX_FILE_BYTES)
        file["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
        attributes = f' data-core-metadata="sha256={file["core-metadata"]["sha256"]}"'
        if python := _requires_python(metadata):
            file["requires-python"] = python
            attributes += f' data-requires-python="{escape(python)}"'
    link = f'<a href="{escape(url)}#sha256={entry.sha256}"{attributes}>{escape(file_name)}</a><br>'
    about = {"name": name, "versions": [entry.version], "files": [file]}
    return _page(f"{name}/", f"Links for {name}", [link], about)


def _page(place: str, title: str, links: list[str], about: dict[str, Any]) -> dict[str, bytes]:
    """Return a page in both formats; the JSON comes last, because it is the one that is read."""
    html = _PAGE.format(version=API_VERSION, title=escape(title), links="\n".join(links))
    return {
        f"{FOLDER}/{place}{HTML}": html.encode(),
        f"{FOLDER}/{place}{JSON}": msgspec.json.encode(
            {"meta": {"api-version": API_VERSION}, **about}
        ),
    }


def _requires_python(metadata: bytes) -> str:
    head = email.parser.HeaderParser().parsestr(metadata.decode("utf-8", "replace"))
    return " ".join(str(head.get("Requires-Python", "")).split())
