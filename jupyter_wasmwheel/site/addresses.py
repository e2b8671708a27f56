"""Where a site is found once it is served; known without the server, which takes long to load."""

from __future__ import annotations

from urllib.parse import quote

from .lite import Site

#: The host of a site's origin. Not `localhost`, where Jupyter's cookies are.
HOST = "127.0.0.1"

#: The application of JupyterLite that shows one notebook and little else.
APPLICATION = "notebooks/index.html"


def origin(site: Site) -> str:
    """The origin that a site is served from."""
    return f"http://{HOST}:{site.port}"


def address(site: Site, notebook: str | None = None) -> str:
    """The address of a site's list of notebooks, or of one of them."""
    root = f"{origin(site)}/{site.prefix}"
    if notebook is None:
        return f"{root}/tree/index.html"
    return f"{root}/{APPLICATION}?path={quote(notebook, safe='')}"
