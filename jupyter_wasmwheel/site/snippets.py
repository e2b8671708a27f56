"""What to paste into other front ends than this JupyterLite, to use a package of a site there.

The texts are in snippets.toml. What is filled in comes from the site's lock and from the user, and
has no character that ends a text in HTML, JavaScript, Python or TOML.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources
from string import Template

import msgspec

from ..api.answers import Snippet
from ..api.errors import UsageError
from ..runtime import pyodide
from . import addresses, contents, publish, simple_index
from .lite import LOCK, PYODIDE, Site

#: The address of a site, without a query or characters that need quotes.
URL = re.compile(r"https?://[A-Za-z0-9\[\]._~:/@%+,=-]{1,2000}")


def list_snippets(site: Site, name: str, url: str | None = None) -> tuple[Snippet, ...]:
    """Return what to paste to use a published package, for each front end.

    `url` is the address of a copy of the site; without it, that of the site's own server is used.
    Raise a SiteError if the package is not published, and a UsageError if the address is invalid.
    """
    if url is not None and not URL.fullmatch(url):
        raise UsageError(
            f"Invalid address {url!r:.200}.",
            "It must start with https:// or http://, and have no spaces, quotes or query.",
            "Use the address of the folder that has the site's files, such as "
            "https://example.org/workshop/.",
            code="snippet.invalid-url",
        )
    root = (url or addresses.root(site)).removesuffix("/")
    entry = publish.find_published(site, site.read_lock(), name)
    at_cdn = pyodide.CDN.format(version=site.pyodide)
    values = {
        "name": entry.name,
        "module": contents.main_module(entry.name, entry.imports),
        "index": f"{root}/{simple_index.FOLDER}",
        "lock": f"{root}/{LOCK}",
        "pyodide": (at_cdn if site.mode == "cdn" else f"{root}/{PYODIDE}/") + "pyodide.mjs",
        "release": site.pyodide,
        "abi": site.abi,
    }
    found = []
    for key, row in _table().items():
        text = Template(row["text"]).substitute(values)
        values[key] = text
        found.append(msgspec.convert({**row, "front_end": key, "text": text}, Snippet))
    return tuple(found)


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files(__package__).joinpath("snippets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
