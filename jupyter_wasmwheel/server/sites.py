"""The sites over HTTP, and the servers that give each of them an origin of its own.

A wheel's code runs with the rights of its page, therefore *Try it* goes to the site's own origin
(site/server.py), which this module serves from a thread. Where the browser cannot reach that, the
Jupyter server gives the files out itself, to users who are logged in. That page then has Jupyter's
origin. A sandbox by Content-Security-Policy would take that from it, and with it everything that
JupyterLite runs on: workers, storage, the login by which its files are fetched. So it is not
sandboxed, the panel says so, and an administrator can turn it off.

That address has the site's own prefix in it, which another page cannot guess. It stands for the
token against cross-site requests, which a hub asks of every script and every file that a page
fetches: other users' pages may have the same origin there, and JupyterLite knows of no token.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tornado.httpserver
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from ..api.errors import UsageError, WasmwheelError
from ..site import addresses, lite, proxy, publish, server
from ..site.lite import DamagedSite, Site
from ..site.proxy import Proxy
from ..store import Store
from .handler import Handler, RefusedError, Services


class SiteServers:
    """The servers of the sites that are open, all on one thread; may be used from any other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open: dict[Path, tuple[Site, tornado.httpserver.HTTPServer]] = {}

    def has(self, site: Site) -> bool:
        """Whether this very site is served from here."""
        known = self._open.get(site.folder)
        return known is not None and known[0] == site

    def open(self, site: Site, site_proxy: Proxy) -> None:
        """Serve a site; a SiteError where its port is taken."""
        with self._lock:
            if self.has(site):
                return
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
            asyncio.run_coroutine_threadsafe(self._listen(site, site_proxy), self._loop).result()

    async def _listen(self, site: Site, site_proxy: Proxy) -> None:
        old = self._open.pop(site.folder, None)
        if old:
            old[1].stop()
            await old[1].close_all_connections()
        self._open[site.folder] = site, server.listen(site, site_proxy)

    def close(self) -> None:
        """Stop all of them."""
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    async def _stop(self) -> None:
        for _, http in self._open.values():
            http.stop()
            await http.close_all_connections()
        self._open.clear()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sites:
    """The sites of a server: those in its store, and those that its configuration names.

    `through` is the address under which Jupyter itself serves them, None where it does not;
    `proxy` the hosts that their servers fetch from, by name.
    """

    store: Store
    configured: tuple[Path, ...]
    through: str | None
    servers: SiteServers
    proxy: Mapping[str, Sequence[str]]

    def find(self, name: str) -> Site:
        """A site by its name; a UsageError for what is no name, a SiteError where there is none."""
        if not lite.NAME.fullmatch(name) or len(name) > 64:
            raise UsageError(
                f"Invalid site name {name!r:.80}.",
                "A name has letters, digits, `-`, `_` and single dots.",
                "Take one of the sites that are listed.",
                code="site.invalid-name",
            )
        kept = self.store.home / "sites" / name
        folders = [folder for folder in self.configured if folder.name == name]
        return lite.read_site(kept if kept.is_dir() or not folders else folders[0])

    def rows(self) -> list[dict[str, Any]]:
        """All sites, those that cannot be read among them."""
        kept = lite.folders(self.store)
        names = {folder.name for folder in kept}
        kept += [folder for folder in self.configured if folder.name not in names]
        return [self._row_of(lite.check_site(folder)) for folder in kept]

    def _row_of(self, site: Site | DamagedSite) -> dict[str, Any]:
        if isinstance(site, Site):
            return self.row(site)
        keys = ("target", "pyodide", "mode", "url", "up", "probe", "through")
        row = {"name": site.name, "folder": str(site.folder), **dict.fromkeys(keys)}
        return row | {"error": site.error.as_json()}

    def row(self, site: Site, error: WasmwheelError | None = None) -> dict[str, Any]:
        """A site as clients see it."""
        return {
            "name": site.name,
            "folder": str(site.folder),
            "target": site.abi,
            "pyodide": site.pyodide,
            "mode": site.mode,
            "url": addresses.address(site),
            "up": self.servers.has(site) or server.is_served(site),
            "probe": f"{addresses.origin(site)}/{site.prefix}/{server.PROBE}",
            "through": self._through(site, addresses.address(site)),
            "error": error and error.as_json(),
        }

    def _through(self, site: Site, url: str) -> str | None:
        """Jupyter's own address for one of a site's."""
        if self.through is None:
            return None
        inside = url.removeprefix(f"{addresses.origin(site)}/")
        return f"{self.through}{quote(site.name)}/{inside}"

    def open(self, name: str) -> dict[str, Any]:
        """Serve a site on its own origin; its row, with the error where that cannot be."""
        site = self.find(name)
        try:
            if not server.is_served(site):
                self.servers.open(site, self.proxy_of(site))
        except WasmwheelError as error:
            return self.row(site, error)
        return self.row(site)

    def proxy_of(self, site: Site) -> Proxy:
        """What a site's server may fetch; a UsageError where the settings name no host."""
        listed = self.proxy.get(site.name, [])
        setting = json.dumps({site.name: [*listed, proxy.ANOTHER]})
        return Proxy(
            hosts=proxy.parse(listed),
            allow=f"c.Wasmwheel.proxy = {setting} in jupyter_wasmwheel_config.py",
        )

    def packages(self, name: str) -> list[dict[str, Any]]:
        """What is published in a site."""
        site = self.find(name)
        rows = []
        for package in publish.published(site):
            url = addresses.address(site, package.notebook)
            where = {"url": url, "through": self._through(site, url)}
            rows.append(dataclasses.asdict(package) | where)
        return rows

    def remove(self, name: str, package: str) -> dict[str, Any]:
        """Take a package out of a site."""
        return dataclasses.asdict(publish.remove(self.find(name), package))


def _sites_of(handler: JupyterHandler) -> Sites:
    """Return the sites of the server that a handler belongs to."""
    sites: Sites = handler.settings["wasmwheel"].sites
    return sites


class SitesHandler(Handler):
    """`GET sites`: `{"sites": [site, …]}`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the sites."""
        self.answer({"sites": await self.call(_sites_of(self).rows)})


class OpenHandler(Handler):
    """`POST sites/NAME/open {}`: the site, served now, or with an error where it cannot be."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Serve a site on its own origin."""
        if self.request.body:
            self.fields()
        self.answer(await self.call(_sites_of(self).open, name))


class PackagesHandler(Handler):
    """`GET sites/NAME/packages`: `{"site", "packages": [Package with url and through, …]}`."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """List what is published in a site."""
        packages = await self.call(_sites_of(self).packages, name)
        self.answer({"site": name, "packages": packages})


class PackageHandler(Handler):
    """`DELETE sites/NAME/packages/PACKAGE`: the package as it was."""

    @web.authenticated
    @authorized
    async def delete(self, name: str, package: str) -> None:
        """Take a package out of a site."""
        self.answer(await self.call(_sites_of(self).remove, name, package))


class _Files(server.Files):
    """A site's files on another host than its own; which one, is checked by Jupyter."""

    def prepare(self) -> None:
        """Refuse no host."""


class _ProxiedSite(JupyterHandler):
    """What the Jupyter server gives out of a site, to whoever is logged in and knows its prefix."""

    auth_resource = "wasmwheel"

    def check_xsrf_cookie(self) -> None:
        """Ask for no token: the prefix is one, and nothing here changes anything."""

    async def site(self, name: str, prefix: str) -> Site:
        """The site of a name; none where the prefix is another one, or sites are not given out."""
        services: Services = self.settings["wasmwheel"]
        sites = _sites_of(self)
        if sites.through is None:
            raise web.HTTPError(404)
        try:
            site = await services.in_thread(sites.find, name)
        except WasmwheelError as error:
            raise RefusedError(error) from error
        if not secrets.compare_digest(prefix, site.prefix):
            raise web.HTTPError(404)
        return site


class ProxiedSiteHandler(_ProxiedSite, _Files):
    """`/wasmwheel/site/NAME/PREFIX/…`: a site's files, for users who may read."""

    def initialize(self) -> None:  # type: ignore[override]
        """Nothing is known before the site's name is."""
        super(JupyterHandler, self).initialize(path="", port=0, offline=True)

    async def prepare(self) -> None:  # type: ignore[override]
        """Check the host and find out who asks."""
        await JupyterHandler.prepare(self)

    @web.authenticated
    @authorized
    async def head(self, name: str, prefix: str, path: str) -> None:  # type: ignore[override]
        """Say what a file is like."""
        await self._give(name, prefix, path, include_body=False)

    @web.authenticated
    @authorized
    async def get(self, name: str, prefix: str, path: str) -> None:  # type: ignore[override]
        """Give a file."""
        await self._give(name, prefix, path, include_body=True)

    async def _give(self, name: str, prefix: str, path: str, *, include_body: bool) -> None:
        site = await self.site(name, prefix)
        self.root, self.offline = str(site.folder), site.mode == "offline"
        await server.Files.get(self, path, include_body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in plain words, not with a page of Jupyter's that could be framed."""
        server.Files.write_error(self, status_code)


class FetchedHandler(_ProxiedSite):
    """`/wasmwheel/site/NAME/PREFIX/proxy/…`: what a site's proxy fetches, for users who may read.

    Nothing of the user's goes with it, and nothing of the host's becomes Jupyter's (proxy.py).
    """

    def get_login_url(self) -> str:
        """Refuse: a kernel would take the page of the login for what it asked for."""
        raise web.HTTPError(403, reason="You are not logged in to Jupyter.")

    @web.authenticated
    @authorized
    async def head(self, name: str, prefix: str, path: str) -> None:
        """Say what something is like."""
        await self._answer(name, prefix, path)

    @web.authenticated
    @authorized
    async def get(self, name: str, prefix: str, path: str) -> None:
        """Fetch something."""
        await self._answer(name, prefix, path)

    async def _answer(self, name: str, prefix: str, path: str) -> None:
        site = await self.site(name, prefix)
        try:
            site_proxy = _sites_of(self).proxy_of(site)
        except WasmwheelError as error:
            raise RefusedError(error) from error
        await proxy.answer(self, path, site_proxy)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in plain words."""
        proxy.refuse(self, status_code, str(self._reason))
