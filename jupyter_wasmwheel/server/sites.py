"""The routes about sites, and the servers that give each site an origin of its own.

A wheel's code runs with the rights of its page, therefore *Try It* opens the site's own origin
(site/server.py), which this module serves from a thread. Where the browser cannot reach that, the
Jupyter server itself serves the files to users who are logged in. That page then has Jupyter's
origin. A sandbox by Content-Security-Policy would take everything that JupyterLite needs from it:
workers, storage, the login by which its files are fetched. So it is not sandboxed, but its policy
lets it fetch only its own files. The panel says so, and an administrator can turn it off.

That address contains the site's own prefix, which another page cannot guess. It replaces the token
against cross-site requests, which a hub requires of every script and file that a page fetches:
other users' pages can have the same origin there, and JupyterLite does not send the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tornado.httpserver
from jupyter_server.base.handlers import JupyterHandler
from msgspec import Struct, structs
from tornado import web

from ..api import answers
from ..api.errors import SiteError, WasmwheelError
from ..site import addresses, lite, proxy, publish, server, snippets
from ..site.lite import DamagedSite, Site
from ..site.proxy import Proxy
from ..store import Store
from .handler import Handler, ServiceHandler, protected

#: Logged when the host that separates sites from Jupyter does not.
SAME_HOST = (
    f"wasmwheel: Jupyter was opened at {lite.HOST}, where sites are served too. Their pages can "
    "set cookies that Jupyter gets. Open it at http://localhost instead."
)

#: How many sites are asked at once whether they are served.
MAX_REQUESTS = 32

#: Seconds that the thread of the sites' servers has to open or close them.
TIMEOUT_S = 5.0

#: What a site with the packages of Pyodide's CDN also fetches from.
CDN_HOSTS = " https://cdn.jsdelivr.net https://pypi.org https://files.pythonhosted.org"

#: The hosts that a policy can name with a path; an IPv6 address is not one.
HOST_IN_POLICY = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


class SiteServers:
    """The servers of the open sites, all on one thread; can be used from any other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open: dict[Path, tuple[Site, tornado.httpserver.HTTPServer]] = {}

    def has(self, site: Site) -> bool:
        """Return whether this server serves exactly this site."""
        known = self._open.get(site.folder)
        return known is not None and known[0] == site

    def open(self, site: Site, site_proxy: Proxy) -> None:
        """Serve a site; a SiteError if its port is taken."""
        with self._lock:
            if self.has(site):
                return
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
            opened = asyncio.run_coroutine_threadsafe(self._listen(site, site_proxy), self._loop)
            try:
                opened.result(TIMEOUT_S)
            except TimeoutError as error:
                raise SiteError(
                    f"Could not open site {site.name}.",
                    "The thread that serves the sites waits, for example for a disk.",
                    "Check the disks that the open sites are on, and restart Jupyter.",
                    code="site.server-not-answering",
                ) from error

    async def _listen(self, site: Site, site_proxy: Proxy) -> None:
        if site.folder in self._open:
            await self._stop(site.folder)
        self._open[site.folder] = site, server.listen(site, site_proxy)

    def close(self) -> None:
        """Stop all servers."""
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            stopped = asyncio.run_coroutine_threadsafe(self._stop(*self._open), self._loop)
            with contextlib.suppress(TimeoutError):  # it waits for a disk
                stopped.result(TIMEOUT_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(TIMEOUT_S)
            if not self._thread.is_alive():
                self._loop.close()
            self._loop = self._thread = None

    async def _stop(self, *folders: Path) -> None:
        for folder in folders:
            _, http = self._open.pop(folder)
            http.stop()
            await http.close_all_connections()


class Sites(Struct, frozen=True, kw_only=True):
    """The sites of a Jupyter server: those in its store, and those in its settings.

    `through` is the address under which Jupyter itself serves them, None if it does not; `proxy`
    has the hosts that their servers fetch from, by the site's name.
    """

    store: Store
    configured: tuple[Path, ...]
    through: str | None
    servers: SiteServers
    proxy: Mapping[str, Sequence[str]]

    def find(self, name: str) -> Site:
        """Return a site by its name."""
        kept = lite.folder_of(name, self.store)
        folders = [folder for folder in self.configured if folder.name == name]
        return lite.read_site(kept if kept.is_dir() or not folders else folders[0])

    def rows(self) -> list[answers.Site]:
        """Return all sites, also those that cannot be read."""
        kept = lite.list_folders(self.store)
        names = {folder.name for folder in kept}
        kept += [folder for folder in self.configured if folder.name not in names]
        sites = [lite.check_site(folder) for folder in kept]
        # A program that has taken the port of a site can let each request wait.
        with ThreadPoolExecutor(MAX_REQUESTS) as threads:
            return list(threads.map(self._row, sites))

    def _row(self, site: Site | DamagedSite, error: WasmwheelError | None = None) -> answers.Site:
        if isinstance(site, DamagedSite):
            return answers.Site(name=site.name, folder=str(site.folder), error=site.error.info)
        return answers.Site(
            name=site.name,
            folder=str(site.folder),
            target=site.abi,
            pyodide=site.pyodide,
            mode=site.mode,
            url=addresses.address(site),
            up=self.servers.has(site) or server.is_served(site),
            probe=f"{addresses.origin(site)}/{site.prefix}/{server.PROBE}",
            through=self._through(site, addresses.address(site)),
            error=error.info if error else None,
        )

    def _through(self, site: Site, url: str) -> str | None:
        """Return Jupyter's own address for an address of a site."""
        if self.through is None:
            return None
        inside = url.removeprefix(f"{addresses.origin(site)}/")
        return f"{self.through}{quote(site.name)}/{inside}"

    def open(self, name: str) -> answers.Site:
        """Serve a site on its own origin; return it, with an error if that is not possible."""
        site = self.find(name)
        try:
            if not server.is_served(site):
                self.servers.open(site, self.proxy_of(site))
        except WasmwheelError as error:
            return self._row(site, error)
        return self._row(site)

    def proxy_of(self, site: Site) -> Proxy:
        """Return what a site's server can fetch; a UsageError if the setting is invalid."""
        listed = self.proxy.get(site.name, [])
        setting = json.dumps({site.name: [*listed, proxy.ANOTHER]})
        return Proxy(
            hosts=proxy.parse(listed),
            allow=f"c.Wasmwheel.proxy = {setting} in jupyter_wasmwheel_config.py",
        )

    def packages(self, name: str) -> list[answers.Package]:
        """Return the packages that are published in a site."""
        site = self.find(name)
        rows = []
        for package in publish.list_packages(site):
            url = addresses.address(site, package.notebook)
            through = self._through(site, url)
            rows.append(answers.Package(**structs.asdict(package), url=url, through=through))
        return rows

    def remove(self, name: str, package: str) -> publish.PublishedPackage:
        """Remove a package from a site, and return it."""
        return publish.remove(self.find(name), package)

    def snippets(self, name: str, package: str, url: str | None) -> tuple[answers.Snippet, ...]:
        """Return what to paste into other front ends to use a package of a site."""
        return snippets.list_snippets(self.find(name), package, url)


def _sites_of(handler: JupyterHandler) -> Sites:
    sites: Sites = handler.settings["wasmwheel"].sites
    return sites


class SitesHandler(Handler):
    """`GET sites`: `{"sites": [Site, …]}`."""

    @protected
    async def get(self) -> None:
        """List the sites."""
        self.answer({"sites": await self.call(_sites_of(self).rows)})


class OpenHandler(Handler):
    """`POST sites/NAME/open {}`: the Site, now served, or with the error that prevents it."""

    @protected
    async def post(self, name: str) -> None:
        """Serve a site on its own origin."""
        if self.request.host_name == lite.HOST:
            self.log.warning(SAME_HOST)
        self.answer(await self.call(_sites_of(self).open, name))


class PackagesHandler(Handler):
    """`GET sites/NAME/packages`: `{"site", "packages": [Package, …]}`."""

    @protected
    async def get(self, name: str) -> None:
        """List the packages in a site."""
        packages = await self.call(_sites_of(self).packages, name)
        self.answer({"site": name, "packages": packages})


class PackageHandler(Handler):
    """`DELETE sites/NAME/packages/PACKAGE`: the package that was removed."""

    @protected
    async def delete(self, name: str, package: str) -> None:
        """Remove a package from a site."""
        self.answer(await self.call(_sites_of(self).remove, name, package))


class SnippetsHandler(Handler):
    """`GET sites/NAME/packages/PACKAGE/snippets?url=URL`: `{"snippets": [Snippet, …]}`."""

    @protected
    async def get(self, name: str, package: str) -> None:
        """Return what uses a package of a site, or of a copy of it at another address."""
        url = self.get_query_argument("url", None) or None
        found = await self.call(_sites_of(self).snippets, name, package, url)
        self.answer({"snippets": found})


def content_policy(host: str, address: str, more: str = "") -> str:
    """Return the Content-Security-Policy of a site at an address on Jupyter's host.

    A page, its workers and its frames can only fetch from that address, so that a package cannot
    use Jupyter's API. Opening Jupyter in another window does not help it: the opener policy
    separates the two.
    """
    here = f"{host}{address}" if HOST_IN_POLICY.fullmatch(host) else "'self'"
    return (
        f"default-src {here} 'unsafe-inline' 'unsafe-eval' data: blob:{more}; "
        f"base-uri {here}; form-action {here}; object-src 'none'; frame-ancestors 'self'"
    )


class _Files(server.FileHandler):
    """A site's files on another host than its own; Jupyter checks the host."""

    shared = ()

    def prepare(self) -> None:
        """Accept any host."""


class _ProxiedSite(ServiceHandler):
    """A site that Jupyter serves to users who are logged in and know its prefix."""

    def check_xsrf_cookie(self) -> None:
        """Require no token: the prefix is one, and nothing here changes anything."""

    async def site(self, name: str, prefix: str) -> Site:
        """Return a site; a 404 if its prefix is another one, or Jupyter serves no sites."""
        sites = _sites_of(self)
        if sites.through is None:
            raise web.HTTPError(404)
        site = await self.call(sites.find, name)
        if not secrets.compare_digest(prefix, site.prefix):
            raise web.HTTPError(404)
        return site


class ProxiedSiteHandler(_ProxiedSite, _Files):
    """`/wasmwheel/site/NAME/PREFIX/…`: a site's files, for users who can read."""

    def initialize(self) -> None:  # type: ignore[override]
        """Set what is not known before the site is."""
        ServiceHandler.initialize(self)
        super(JupyterHandler, self).initialize(path="", port=0, offline=True)

    async def prepare(self) -> None:  # type: ignore[override]
        """Check the host, and authenticate the user."""
        await ServiceHandler.prepare(self)

    @protected
    async def head(self, name: str, prefix: str, path: str) -> None:
        """Send the headers of a file."""
        await self._send(name, prefix, path, include_body=False)

    @protected
    async def get(self, name: str, prefix: str, path: str) -> None:
        """Send a file."""
        await self._send(name, prefix, path, include_body=True)

    async def _send(self, name: str, prefix: str, path: str, *, include_body: bool) -> None:
        # A service worker answers from a cache that the page fills, and with it without a policy.
        if "Service-Worker" in self.request.headers or (
            self.request.headers.get("Sec-Fetch-Dest") == "serviceworker"
        ):
            raise web.HTTPError(404)
        site = await self.site(name, prefix)
        self.root, self.offline = str(site.folder), site.mode == "offline"
        address = f"{_sites_of(self).through}{quote(name)}/{prefix}/"
        self.policy = content_policy(
            self.request.host, address, more="" if self.offline else CDN_HOSTS
        )
        await server.FileHandler.get(self, path, include_body)

    def set_extra_headers(self, path: str) -> None:
        """Set the headers of the site's own server, but for a page on Jupyter's origin."""
        super().set_extra_headers(path)
        self.set_header("Content-Security-Policy", self.policy)
        self.set_header("Referrer-Policy", "no-referrer")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with plain text: a page of Jupyter's could be framed."""
        server.FileHandler.write_error(self, status_code)


class SiteProxyHandler(_ProxiedSite):
    """`/wasmwheel/site/NAME/PREFIX/proxy/…`: what a site's proxy fetches, for users who can read.

    Nothing of the user's is sent to the host, and nothing of the host's becomes Jupyter's.
    """

    def get_login_url(self) -> str:
        """Refuse: a kernel would take the login page for the answer."""
        raise web.HTTPError(403, reason="You are not logged in to Jupyter.")

    @protected
    async def get(self, name: str, prefix: str, path: str) -> None:
        """Fetch from a host."""
        site = await self.site(name, prefix)
        await proxy.answer(self, path, await self.call(_sites_of(self).proxy_of, site))

    head = get

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with plain text."""
        proxy.refuse(self, status_code, str(self._reason))
