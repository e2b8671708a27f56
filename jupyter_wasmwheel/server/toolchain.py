"""The routes about what a build needs: the toolchain, targets, projects, and starter crates."""

from __future__ import annotations

from typing import Any

import msgspec

from .. import __version__
from ..api import answers
from ..api.requests import EditsRequest, StarterRequest
from ..jobs import execute
from ..jobs.preview import Kind, Preview
from ..jobs.resolve import resolve_edits
from ..project import starter
from ..runtime import targets
from .handler import Handler, protected


class RootHandler(Handler):
    """`GET` of the API's root: `{"schema": 1, "version"}`, of the extension."""

    @protected
    def get(self) -> None:
        """Return the version."""
        self.answer({"schema": 1, "version": __version__})


class ToolchainHandler(Handler):
    """`GET toolchain?target=ABI`: a Toolchain."""

    @protected
    async def get(self) -> None:
        """Examine the toolchain; nothing is installed."""
        abi = self.get_argument("target", targets.default_abi())

        def examine() -> dict[str, Any]:
            return execute.examine(targets.find(abi), self.app.store).document

        self.answer(await self.call(examine))


class TargetsHandler(Handler):
    """`GET targets`: `{"schema", "default", "targets": [Target, …]}`."""

    @protected
    def get(self) -> None:
        """List the ABIs that wheels can be built for."""
        rows = [
            msgspec.to_builtins(target) | {"platform_tag": target.platform_tag}
            for target in targets.all_targets()
        ]
        self.answer({"schema": 1, "default": targets.default_abi(), "targets": rows})


class _PreviewHandler(Handler):
    """A handler whose answer another process gives."""

    _preview: Preview | None = None

    async def preview(self, request: EditsRequest, kind: Kind) -> None:
        """Answer with a preview."""
        with self.app.previews.new(request, kind) as self._preview:
            self.answer(await self.call(self._preview.result))

    def on_connection_close(self) -> None:
        """Stop the preview when its client has gone."""
        super().on_connection_close()
        if self._preview:
            self._preview.stop()


class ProjectHandler(_PreviewHandler):
    """`GET project?source=PATH`: a Project; 400 if the folder cannot be built."""

    @protected
    async def get(self) -> None:
        """Describe the project in a folder."""
        source = self.get_argument("source", "", strip=False)
        request = await self.call(resolve_edits, {"source": source}, self.app.paths)
        await self.preview(request, "project")


class EditsHandler(_PreviewHandler):
    """`POST edits {source, target?, make_optional?, recipe?}`: the Edits of a build."""

    @protected
    async def post(self) -> None:
        """Fetch the source if needed and preview its edits; none of its code is run."""
        request = await self.call(resolve_edits, self.body(), self.app.paths)
        await self.preview(request, "edits")


class TemplatesHandler(Handler):
    """`GET templates`: `{"default", "templates": [Template, …]}`."""

    @protected
    def get(self) -> None:
        """List the templates of starter crates."""
        self.answer({"default": starter.DEFAULT, "templates": starter.templates()})


class NewHandler(Handler):
    """`POST new {name, template?, folder?}`: 201 and a Starter; 409 if the folder exists."""

    @protected
    async def post(self) -> None:
        """Create a starter crate in a folder under the server's root."""
        request = self.posted(StarterRequest)

        def create() -> answers.Starter:
            paths = self.app.paths
            module = starter.module_name(request.name)
            template = request.template or starter.DEFAULT
            folder = starter.create(request.name, paths.resolve(request.folder), template)
            path = paths.name(folder) or str(folder)
            return answers.Starter(path=path, name=request.name, module=module)

        self.answer(await self.call(create), 201)
