"""The addresses of a site that is served; apart from the server, which is slow to import."""

from __future__ import annotations

from urllib.parse import quote

from .lite import HOST, Site

#: JupyterLite's application for a single notebook.
APPLICATION = "notebooks/index.html"


def origin(site: Site) -> str:
    """Return the origin of a site."""
    return f"http://{HOST}:{site.port}"


def address(site: Site, notebook: str | None = None) -> str:
    """Return the address of a site's list of notebooks, or of one of them."""
    root = f"{origin(site)}/{site.prefix}"
    if notebook is None:
        return f"{root}/tree/index.html"
    return f"{root}/{APPLICATION}?path={quote(notebook, safe='')}"
