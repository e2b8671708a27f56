"""The server extension: its settings, its routes, its start and its end."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jupyter_server._tz import utcnow
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback
from traitlets import Bool, Enum, Integer, List, Unicode, Union, default
from traitlets import Callable as Function

from ..api.errors import WasmwheelError
from ..config import Wasmwheel
from ..jobs import cluster
from ..jobs.executors import Executor, LocalExecutor, environment
from ..jobs.preview import Previews
from ..jobs.queue import Queue, QueueLimits
from ..jobs.resolve import AllowedPaths
from ..site import proxy, site_assets
from ..store import Store
from . import events, idle_seed_builder, jobs, sites, toolchain
from .handler import NotFoundHandler
from .threads import Threads

T = TypeVar("T")

API, PROXIED_SITES = "wasmwheel/api", "wasmwheel/site/"

#: How many calls of one route that can block run at once.
MAX_THREADS = 4

#: Milliseconds between two reports of running builds as activity, and two checks for idleness.
ACTIVITY_INTERVAL_MS, IDLE_CHECK_INTERVAL_MS = 20_000, 5_000

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
    (rf"/{API}/sites/{NAME}/packages/{NAME}/snippets", sites.SnippetsHandler),
    (
        rf"/{PROXIED_SITES}{NAME}/{PREFIX}/({site_assets.HOSTS}|{proxy.FETCH})",
        sites.SiteProxyHandler,
    ),
    (rf"/{PROXIED_SITES}{NAME}/{PREFIX}/(.*)", sites.ProxiedSiteHandler),
)


class WasmwheelApp(ExtensionApp):
    """Build Rust-based Python packages for Pyodide from JupyterLab."""

    name = "wasmwheel"
    extension_url = "/"
    load_other_extensions = True
    classes = [Wasmwheel]  # noqa: RUF012 - as traitlets expects it

    executor = Enum(
        ("local", "dask"),
        "local",
        help="Where builds run: on this machine or on the workers of a cluster (docs/dask.md).",
    ).tag(config=True)

    dask = Union(
        [Unicode(), Function()],
        default_value="",
        help="The cluster to run builds on: the address of its scheduler, the path of its "
        "scheduler file, or a function that returns a `distributed.Client`.",
    ).tag(config=True)

    max_running = Integer(
        2,
        min=1,
        help="How many builds run at the same time. By default 2, or 16 on a cluster, where they "
        "wait for a worker.",
    ).tag(config=True)

    @default("max_running")
    def _default_max_running(self) -> int:
        return 2 if self.executor == "local" else 16

    max_waiting = Integer(50, min=0, help="How many builds can wait in the queue.").tag(config=True)

    max_kept = Integer(
        100,
        min=1,
        help="How many finished builds are kept, with their logs and wheels. The oldest are "
        "deleted.",
    ).tag(config=True)

    max_log = Integer(
        10_000_000,
        min=10_000,
        help="How many bytes of a build's log are kept. The rest is omitted, but never the build's "
        "phases, its report or its error.",
    ).tag(config=True)

    jobs_folder = Unicode(
        help="The folder for the records, logs and wheels of builds. By default one in the store "
        "for each root folder; servers with the same root use NAME-0, NAME-1 and so on."
    ).tag(config=True)

    allowed_folders = List(
        Unicode(),
        help="Folders outside the server's root from which packages can be built too. None by "
        "default: only what the file browser shows can be built.",
    ).tag(config=True)

    site_folders = List(
        Unicode(),
        help="Folders of JupyterLite sites to publish to, in addition to those in the store. A "
        "site has the name of its folder.",
    ).tag(config=True)

    serve_sites = Bool(
        True,
        help="Whether the Jupyter server serves a site's files if a browser cannot reach the "
        "site's own origin, as behind JupyterHub. The packages in the site then run on Jupyter's "
        "origin, with the rights of the user who opens it.",
    ).tag(config=True)

    prepare_seeds = Bool(
        True,
        help="Whether to compile pyo3 while the server is idle, for quick first builds. It takes "
        "half a minute of processor time, once, after the panel was opened for the first time.",
    ).tag(config=True)

    _activity_timer: PeriodicCallback | None = None
    _idle_timer: PeriodicCallback | None = None
    _queue: Queue | None = None

    def initialize_settings(self) -> None:
        """Read the settings; the first request opens the database."""
        shared = Wasmwheel(parent=self)
        self.store: Store = shared.store()
        self.limits = shared.resource_limits()
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
        self._threads: dict[str, Threads] = defaultdict(partial(Threads, MAX_THREADS))
        self.previews = Previews(self._environment)
        self._activity_timer = PeriodicCallback(self._report_activity, ACTIVITY_INTERVAL_MS)
        self._idle = idle_seed_builder.IdleSeedBuilder(self.store, self.paths)
        self._idle_timer = PeriodicCallback(self._check_idle, IDLE_CHECK_INTERVAL_MS)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend([*ROUTES, (r"/wasmwheel/.*", NotFoundHandler)])

    async def in_thread(self, function: Callable[[], T], route: str = "") -> T:
        """Call a function that can block, without blocking the server or another route."""
        return await self._threads[route].call(function)

    def queue(self) -> Queue:
        """Return the jobs, opened by the first call, which can block."""
        with self._opening:
            if self._queue is None:
                root = hashlib.sha256(os.fsencode(self.paths.root)).hexdigest()[:12]
                folder = self.jobs_folder or self.store.home / "jobs" / root
                self._queue = Queue(
                    Path(folder).expanduser().absolute(),
                    self._executor(),
                    self.paths,
                    self._environment(),
                    QueueLimits(
                        running=self.max_running,
                        waiting=self.max_waiting,
                        kept=self.max_kept,
                        log=self.max_log,
                    ),
                    self.stream.push,
                )
            return self._queue

    def _environment(self) -> dict[str, str]:
        """Return the environment of jobs and previews."""
        return environment(os.environ, self.store, self.build_variables) | {
            "WASMWHEEL_LIMITS": " ".join(self.limits.settings)
        }

    def _executor(self) -> Executor:
        if self.executor == "local":
            return LocalExecutor()
        connect = self.dask if callable(self.dask) else partial(cluster.connect, self.dask)
        return cluster.DaskExecutor(connect, self.store)

    def current_activity(self) -> int:
        """Return how many jobs wait or run; a server that shuts down when idle calls this."""
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
                await self.in_thread(partial(self._idle.check, self._queue))
        if self._idle.over:
            self._idle_timer.stop()

    def _report_activity(self) -> None:
        # /api/status reports it, and JupyterHub's culler reads that.
        if self.serverapp and self.current_activity():
            self.serverapp.web_app.settings["last_activity_times"]["wasmwheel"] = utcnow()

    async def stop_extension(self) -> None:
        """Interrupt all builds, and stop the servers and the timers."""
        if self._activity_timer is None or self._idle_timer is None:
            return  # not started
        self._activity_timer.stop()
        self._idle_timer.stop()
        self.stream.end()
        self.previews.close()
        if self._queue:
            await self.in_thread(self._queue.close)
        await self.in_thread(self.sites.servers.close)


def _folders(paths: list[str]) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser().absolute() for path in paths)
