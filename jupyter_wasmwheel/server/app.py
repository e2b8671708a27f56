"""The extension itself: its settings, its routes, and when it starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from jupyter_server._tz import utcnow
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback
from traitlets import Bool, Enum, Integer, List, Unicode, Union, default
from traitlets import Callable as Function

from ..api.errors import WasmwheelError
from ..config import Wasmwheel
from ..jobs import cluster
from ..jobs.executors import Executor, LocalExecutor, environment
from ..jobs.queue import Queue, QueueLimits
from ..jobs.resolve import AllowedPaths
from ..site import proxy, site_assets
from ..store import Store
from . import events, idle_seed_builder, jobs, sites, toolchain

P = ParamSpec("P")
T = TypeVar("T")

API, PROXIED_SITES = "wasmwheel/api", "wasmwheel/site/"

#: How many things that may block are done at once, how often a build is told to be activity, and
#: how often it is looked whether there is nothing to do, in milliseconds.
MAX_THREADS, ACTIVITY_INTERVAL_MS, IDLE_CHECK_INTERVAL_MS = 8, 20_000, 5_000

JOB, NAME, PREFIX = r"([0-9A-Za-z]+)", r"([^/]+)", r"([0-9a-f]+)"

ROUTES: tuple[tuple[str, type], ...] = (
    (rf"/{API}/?", toolchain.RootHandler),
    (rf"/{API}/toolchain", toolchain.ToolchainHandler),
    (rf"/{API}/targets", toolchain.TargetsHandler),
    (rf"/{API}/project", toolchain.ProjectHandler),
    (rf"/{API}/edits", toolchain.EditsHandler),
    (rf"/{API}/templates", toolchain.TemplatesHandler),
    (rf"/{API}/new", toolchain.NewHandler),
    (rf"/{API}/events", events.EventsHandler),
    (rf"/{API}/jobs", jobs.JobsHandler),
    (rf"/{API}/jobs/{JOB}", jobs.JobHandler),
    (rf"/{API}/jobs/{JOB}/cancel", jobs.CancelHandler),
    (rf"/{API}/jobs/{JOB}/events", jobs.JobEventsHandler),
    (rf"/{API}/jobs/{JOB}/log", jobs.LogHandler),
    (rf"/{API}/jobs/{JOB}/wheel", jobs.WheelHandler),
    (rf"/{API}/sites", sites.SitesHandler),
    (rf"/{API}/sites/{NAME}/open", sites.OpenHandler),
    (rf"/{API}/sites/{NAME}/packages", sites.PackagesHandler),
    (rf"/{API}/sites/{NAME}/packages/{NAME}", sites.PackageHandler),
    (rf"/{PROXIED_SITES}{NAME}/{PREFIX}/({site_assets.HOSTS}|{proxy.FETCH})", sites.FetchedHandler),
    (rf"/{PROXIED_SITES}{NAME}/{PREFIX}/(.*)", sites.ProxiedSiteHandler),
)


class WasmwheelApp(ExtensionApp):
    """Builds Python packages with Rust in them for Pyodide, from JupyterLab."""

    name = "wasmwheel"
    extension_url = "/"
    load_other_extensions = True
    classes = [Wasmwheel]  # noqa: RUF012 - traitlets' own way

    executor = Enum(
        ("local", "dask"),
        "local",
        help="Where builds run: on this machine, or on the workers of a cluster (docs/dask.md).",
    ).tag(config=True)

    dask = Union(
        [Unicode(), Function()],
        default_value="",
        help="The cluster that builds are sent to: the address of its scheduler, the path of its "
        "scheduler file, or a function that gives a `distributed.Client` of it.",
    ).tag(config=True)

    max_running = Integer(
        2,
        min=1,
        help="How many builds run at the same time; others wait for their turn. By default 2, or "
        "16 on a cluster, whose scheduler has them wait for a worker.",
    ).tag(config=True)

    @default("max_running")
    def _default_max_running(self) -> int:
        return 2 if self.executor == "local" else 16

    max_waiting = Integer(50, min=0, help="How many builds may wait; one more is refused.").tag(
        config=True
    )

    max_kept = Integer(
        100,
        min=1,
        help="How many builds that have ended are kept, with their logs and wheels; the oldest "
        "are deleted.",
    ).tag(config=True)

    max_log = Integer(
        10_000_000,
        min=10_000,
        help="How many bytes of a build's log are kept. What comes after that is left out, but "
        "never the build's phases, its report or its error.",
    ).tag(config=True)

    jobs_folder = Unicode(
        help="Where the records, logs and wheels of builds are kept. By default in the store, a "
        "folder for each root of a server; servers with the same root count up: NAME-0, NAME-1.",
    ).tag(config=True)

    allowed_folders = List(
        Unicode(),
        help="Folders outside of the server's root from which packages may be built too. None by "
        "default: what cannot be seen in the file browser cannot be built.",
    ).tag(config=True)

    site_folders = List(
        Unicode(),
        help="Folders of JupyterLite sites to publish to, besides those kept in the store. A "
        "site is called by its folder's name.",
    ).tag(config=True)

    serve_sites = Bool(
        True,
        help="Whether the Jupyter server itself gives out a site's files where a browser cannot "
        "reach the site's own origin, as behind JupyterHub. The packages in the site then run on "
        "Jupyter's origin, with the rights of the user who opens it.",
    ).tag(config=True)

    prepare_seeds = Bool(
        True,
        help="Whether pyo3 is compiled for quick first builds while there is nothing else to do. "
        "It takes half a minute of the processor, once, after somebody has opened the panel.",
    ).tag(config=True)

    _activity_timer: PeriodicCallback | None = None
    _idle_timer: PeriodicCallback | None = None
    _queue: Queue | None = None

    def initialize_settings(self) -> None:
        """Read the settings; the database is opened when somebody asks for it."""
        shared = Wasmwheel(parent=self)
        self.store: Store = shared.store()
        self.limits = shared.allowed()
        self.build_variables = shared.build_variables()
        self.stream = events.Stream()
        base_url: str = self.settings["base_url"]
        self.sites = sites.Sites(
            store=self.store,
            configured=_folders(self.site_folders),
            through=f"{base_url}{PROXIED_SITES}" if self.serve_sites else None,
            servers=sites.SiteServers(),
            proxy=shared.proxy,
        )
        assert self.serverapp
        self.paths = AllowedPaths(
            root=Path(self.serverapp.root_dir).expanduser().absolute(),
            allowed=_folders(self.allowed_folders),
            store=self.store,
            find_site=self.sites.find,
        )
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="wasmwheel")
        self._activity_timer = PeriodicCallback(self._report_activity, ACTIVITY_INTERVAL_MS)
        self._idle = idle_seed_builder.IdleSeedBuilder(self.store, self.paths)
        self._idle_timer = PeriodicCallback(self._check_idle, IDLE_CHECK_INTERVAL_MS)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(ROUTES)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that may block, without blocking the server."""
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def queue(self) -> Queue:
        """The jobs, opened at the first call, which may block."""
        with self._opening:
            if self._queue is None:
                root = hashlib.sha256(os.fsencode(self.paths.root)).hexdigest()[:12]
                kept = self.store.home / "jobs" / root
                self._queue = Queue(
                    Path(self.jobs_folder).expanduser().absolute() if self.jobs_folder else kept,
                    self._executor(),
                    self.paths,
                    environment(os.environ, self.store, self.build_variables)
                    | {"WASMWHEEL_LIMITS": " ".join(self.limits.settings)},
                    QueueLimits(
                        running=self.max_running,
                        waiting=self.max_waiting,
                        kept=self.max_kept,
                        log=self.max_log,
                    ),
                    self.stream.tell,
                )
            return self._queue

    def _executor(self) -> Executor:
        if self.executor == "local":
            return LocalExecutor()
        named = self.dask
        connect = named if callable(named) else functools.partial(cluster.connect, named)
        return cluster.DaskExecutor(connect, self.store)

    def current_activity(self) -> int:
        """Return how many jobs wait or run; a server that ends when no one uses it asks."""
        return self._queue.active if self._queue else 0

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        assert self._activity_timer
        assert self._idle_timer
        self._activity_timer.start()
        if self.prepare_seeds and self.executor == "local":
            self._idle_timer.start()

    async def _check_idle(self) -> None:
        assert self._idle_timer
        if self._queue:
            with contextlib.suppress(WasmwheelError):
                await self.in_thread(self._idle.check, self._queue)
        if self._idle.over:
            self._idle_timer.stop()

    def _report_activity(self) -> None:
        # What /api/status says, and what JupyterHub's culler goes by.
        if self.current_activity():
            self.settings_of_server["last_activity_times"]["wasmwheel"] = utcnow()

    @property
    def settings_of_server(self) -> dict[str, Any]:
        """The settings of the web application."""
        assert self.serverapp
        settings: dict[str, Any] = self.serverapp.web_app.settings
        return settings

    async def stop_extension(self) -> None:
        """Stop what runs; builds are interrupted by it."""
        if self._activity_timer is None:
            return  # it was never started
        self._activity_timer.stop()
        if self._idle_timer:
            self._idle_timer.stop()
        self.stream.end()
        if self._queue:
            await self.in_thread(self._queue.close)
        await self.in_thread(self.sites.servers.close)
        self._threads.shutdown(wait=False)


def _folders(paths: list[str]) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser().absolute() for path in paths)
