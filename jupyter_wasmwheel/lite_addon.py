"""An addon of JupyterLite's own build: the projects and wheels that its configuration lists.

With `jupyter-wasmwheel` installed, `jupyter lite build` makes a site that has them, as `jupyter
wasmwheel site create` and `build --site` would: what has to be built is built, all is checked, and
`import NAME` works in its notebooks. It does nothing where the configuration names nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from jupyterlite_core.addons.base import BaseAddon
from traitlets import Bool, List, Unicode

from . import config, pipeline
from .api.errors import WasmwheelError
from .api.events import Event, Log, Phase
from .api.requests import BuildRequest
from .api.sanitize import redact
from .process.supervisor import hide_memory
from .runtime import node
from .runtime.context import RunContext
from .site import lite, publish
from .site.lite import Site
from .store import Store


class WasmwheelAddon(BaseAddon):  # type: ignore[misc]
    """Builds and publishes what `packages` lists, once JupyterLite has built the site."""

    #: The phases of JupyterLite's that it takes part in.
    __all__ = ("post_build", "status")

    packages = List(
        Unicode(),
        help="What the site has: folders of projects, sdists and wheels (relative to the lite "
        "folder), `pypi:NAME[==VERSION]`, `git+URL[@REV][#subdirectory=DIR]`.",
    ).tag(config=True)
    with_packages = List(
        Unicode(), help="Packages of Pyodide or of the package index to bring along, as `attrs`."
    ).tag(config=True)
    with_dependencies = Bool(
        False, help="Whether to build along what a package needs and nobody has for the browser."
    ).tag(config=True)
    cdn = Bool(
        False, help="Whether Pyodide comes from its CDN; the site is small then, and not offline."
    ).tag(config=True)

    def status(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Say what would be built and published."""
        yield self.task(
            name="packages", actions=[lambda: print("  packages:", *map(redact, self.packages))]
        )

    def post_build(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Make a site of the output, then bring each package into it."""
        if not (self.packages or self.with_packages):
            return
        hide_memory()  # from what is built: JupyterLite's variables are those of a terminal or CI
        yield self.task(name="site", actions=[self._told(self._adopt)])
        for number, source in enumerate(self.packages, start=1):
            action = self._told(self._publish, source)
            yield self.task(name=f"publish:{number}", doc=redact(source), actions=[action])

    def _adopt(self) -> None:
        store, output = _store(), self._output
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
        settings, site = config.load(), self._site
        store, limits = settings.store(), settings.allowed()
        spelled = self._spelled(source)
        if spelled.endswith(".whl"):
            (done,) = pipeline.publish_wheels(
                [Path(spelled)], site, store, self._emit, limits=limits
            )
            name, version = done.package.name, done.package.version
        else:
            request = BuildRequest(
                source=spelled,
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

    @property
    def _output(self) -> Path:
        return Path(self.manager.output_dir).absolute()

    @property
    def _site(self) -> Site:
        return lite.read_site(self._output)

    def _spelled(self, source: str) -> str:
        """A source as the command line would be given it from anywhere."""
        if source.startswith(("pypi:", "git+")):
            return source
        return str((Path(self.manager.lite_dir) / Path(source).expanduser()).resolve())

    def _emit(self, event: Event) -> None:
        """Say in JupyterLite's log what a person wants to know of a build."""
        if isinstance(event, Log) and event.stream == "note":
            self.log.info(f"[wasmwheel] {event.text}")
        elif isinstance(event, Phase) and event.state == "started":
            self.log.info(f"[wasmwheel] {event.name} ...")

    def _told(self, act: Callable[..., None], *arguments: str) -> Callable[[], bool]:
        """An action that tells an error of ours in our words, and fails its task."""

        def action() -> bool:
            try:
                act(*arguments)
            except WasmwheelError as error:
                self.log.error(f"[wasmwheel] {error.what}\n  {error.why}\n  {error.fix}")
                return False
            return True

        return action


def _store() -> Store:
    return config.load().store()
