"""An addon of JupyterLite's own build, for the projects and wheels that its configuration lists.

With it, `jupyter lite build` creates a site with them as `jupyter wasmwheel site create` and `build
--site` do: projects are built, wheels are checked, and `import NAME` works in its notebooks. It
does nothing if the configuration lists nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from jupyterlite_core.addons.base import BaseAddon
from traitlets import Bool, List, Unicode

from . import config, pipeline
from .api.errors import UsageError, WasmwheelError
from .api.events import Event, Log, Phase
from .api.requests import BuildRequest
from .api.sanitize import redact
from .process.supervisor import hide_memory
from .runtime import node
from .runtime.context import RunContext
from .site import lite, publish


class WasmwheelAddon(BaseAddon):  # type: ignore[misc]
    """An addon that builds and publishes `packages` after JupyterLite's own build."""

    #: The phases of JupyterLite's build that it adds to.
    __all__ = ("pre_init", "post_build", "status")

    packages = List(
        Unicode(),
        help="Packages to publish: folders of projects, sdists and wheels (relative to the lite "
        "folder), `pypi:NAME[==VERSION]`, `git+URL[@REV][#subdirectory=DIR]`.",
    ).tag(config=True)
    with_packages = List(
        Unicode(), help="Packages of Pyodide or the package index to add, such as `attrs`."
    ).tag(config=True)
    with_dependencies = Bool(
        False, help="Whether to also build dependencies that have no Pyodide wheel."
    ).tag(config=True)
    cdn = Bool(
        False, help="Whether to load Pyodide from its CDN: a small site that needs the network."
    ).tag(config=True)

    def status(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Print what would be built and published."""
        yield self.task(
            name="packages", actions=[lambda: print("  packages:", *map(redact, self.packages))]
        )

    def pre_init(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Fail before the build if another addon writes the lock, too."""
        if self.packages or self.with_packages:
            yield self.task(name="lock", actions=[self._action(self._refuse_other_lock)])

    def post_build(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Turn the output into a site, then publish each package to it."""
        if not (self.packages or self.with_packages):
            return
        hide_memory()  # from builds: JupyterLite has the variables of a terminal or of CI
        yield self.task(name="site", actions=[self._action(self._create_site)])
        for number, source in enumerate(self.packages, start=1):
            action = self._action(self._publish, source)
            yield self.task(name=f"publish:{number}", doc=redact(source), actions=[action])

    def _refuse_other_lock(self) -> None:
        locker = self.manager._addons.get("jupyterlite-pyodide-kernel-lock")
        if locker and locker.enabled:
            raise UsageError(
                "PyodideLockAddon and WasmwheelAddon cannot be used in one build.",
                "Each of them writes the lock that the kernels of the output read.",
                "Disable one of them. PyodideLockAddon can extend the lock of another site: see "
                "docs/front-ends.md.",
                code="site.other-lock-addon",
            )

    def _create_site(self) -> None:
        store, output = config.load().store(), Path(self.manager.output_dir).absolute()
        context = RunContext(store=store, emit=self._emit)
        site = lite.from_lite_build(
            output,
            metadata.version("jupyterlite-core"),
            metadata.version("jupyterlite-pyodide-kernel"),
            node.ensure_node(store, self._emit),
            context,
            cdn=self.cdn,
        )
        publish.add_packages(site, self.with_packages, context)
        self.log.info(f"[wasmwheel] {output} runs Pyodide {site.pyodide}")

    def _publish(self, source: str) -> None:
        settings = config.load()
        site = lite.read_site(Path(self.manager.output_dir).absolute())
        store, limits = settings.store(), settings.resource_limits()
        if not source.startswith(("pypi:", "git+")):
            source = str((Path(self.manager.lite_dir) / Path(source).expanduser()).resolve())
        if source.endswith(".whl"):
            (done,) = pipeline.publish_wheels(
                [Path(source)], site, store, self._emit, limits=limits
            )
            name, version = done.package.name, done.package.version
        else:
            request = BuildRequest(
                source=source,
                site=str(site.folder),
                with_dependencies=self.with_dependencies,
            )
            report = pipeline.run_build(
                request,
                store,
                self._emit,
                limits=limits,
                out=Path(self.manager.cache_dir) / "wasmwheel",
                variables=settings.build_variables(),
            )
            name, version = report.name, report.version
        self.log.info(f"[wasmwheel] {name} {version} is in the site")

    def _emit(self, event: Event) -> None:
        """Write notes and phases to JupyterLite's log."""
        if isinstance(event, Log) and event.stream == "note":
            self.log.info(f"[wasmwheel] {event.text}")
        elif isinstance(event, Phase) and event.state == "started":
            self.log.info(f"[wasmwheel] {event.name} ...")

    def _action(self, act: Callable[..., None], *arguments: str) -> Callable[[], bool]:
        """Return a task's action, which logs our errors and fails."""

        def action() -> bool:
            try:
                act(*arguments)
            except WasmwheelError as error:
                self.log.error(f"[wasmwheel] {error.what}\n  {error.why}\n  {error.fix}")
                return False
            return True

        return action
