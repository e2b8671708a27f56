"""The addresses of a site that is served; apart from the server, which is slow to import."""

from __future__ import annotations

from urllib.parse import quote

from .lite import HOST, Site

#: JupyterLite's application for a single notebook.
APPLICATION = "notebooks/index.html"


def origin(site: Site) -> str:
    """Return the origin of a site."""
    return f"http://{HOST}:{site.port}"


def root(site: Site) -> str:
    """Return the address of a site's folder, without a slash at its end."""
    return f"{origin(site)}/{site.prefix}"


def address(site: Site, notebook: str | None = None) -> str:
    """Return the address of a site's list of notebooks, or of one of them."""
    if notebook is None:
        return f"{root(site)}/tree/index.html"
    return f"{root(site)}/{APPLICATION}?path={quote(notebook, safe='')}"
