"""What there is to build with, and from, before a build: the toolchain, targets, projects."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from .. import __version__, pipeline
from ..api.errors import UsageError
from ..api.events import Event, Log
from ..jobs import execute
from ..jobs.resolve import resolve_edits
from ..project import manifest, optional, starter
from ..runtime import targets
from .handler import Handler, RefusedError


class RootHandler(Handler):
    """`GET` of the API's root: `{"schema": 1, "version"}`, of the extension that is installed."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Say which version answers."""
        self.answer({"schema": 1, "version": __version__})


class ToolchainHandler(Handler):
    """`GET toolchain?target=ABI`: `{"schema", "ok", "target", "findings": [Finding, …]}`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Look at what there is to build with; nothing is installed."""
        abi = self.get_argument("target", targets.default_abi())

        def examine() -> dict[str, Any]:
            return execute.examine(targets.find(abi), self.app.store).document

        self.answer(await self.call(examine))


class TargetsHandler(Handler):
    """`GET targets`: `{"schema", "default", "targets": [Target with platform_tag, …]}`."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """List the ABIs that wheels can be built for."""
        rows = [
            dataclasses.asdict(target) | {"platform_tag": target.platform_tag}
            for target in targets.all_targets()
        ]
        self.answer({"schema": 1, "default": targets.default_abi(), "targets": rows})


class ProjectHandler(Handler):
    """`GET project?source=PATH`: `{"name", "version", "backend", "features", "requirements"}`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Say what is in a folder; 400 where nothing can be built of it."""
        source = self.get_argument("source", "", strip=False)

        def look() -> dict[str, Any]:
            project = manifest.read(self.app.paths.resolve(source))
            crate = manifest.load_toml(project.crate) if project.crate else {}
            return {
                "name": project.name,
                "version": project.version,
                "backend": project.backend,
                "features": sorted(crate.get("features", {})),
                "requirements": optional.requirements(project.folder),
            }

        self.answer(await self.call(look))


class EditsHandler(Handler):
    """`POST edits {source, target?, make_optional?, recipe?}`: what a build would change of it."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Fetch a source where it is not a folder, and say what would be changed; run nothing."""
        body = self.body()

        def look() -> dict[str, Any]:
            edits = resolve_edits(body, self.app.paths)
            told: list[Event] = []
            preview = pipeline.preview_edits(edits, self.app.store, told.append)
            recipe = preview.edits.recipe
            return {
                "name": preview.project.name,
                "version": preview.project.version,
                "recipe": recipe and msgspec.to_builtins(recipe.summary()),
                "patches": msgspec.to_builtins(preview.patches),
                "notes": [
                    event.text
                    for event in told
                    if isinstance(event, Log) and event.stream == "note"
                ],
            }

        self.answer(await self.call(look))


class TemplatesHandler(Handler):
    """`GET templates`: `{"default", "templates": [{"name", "about"}, …]}`."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """List the templates of starter crates."""
        rows = [dataclasses.asdict(each) for each in starter.templates()]
        self.answer({"default": starter.DEFAULT, "templates": rows})


class NewHandler(Handler):
    """`POST new {name, template?, folder?}`: 201 and `{"path", "name", "module"}`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a starter crate in a folder under the server's root."""
        body = self.fields("name", "template", "folder")
        name, template = body.get("name"), body.get("template") or starter.DEFAULT
        folder = body.get("folder") or ""
        if not all(isinstance(value, str) for value in (name, template, folder)):
            raise RefusedError(
                UsageError(
                    "Invalid request: `name`, `template` and `folder` must be strings.",
                    "A value has another type.",
                    "Correct it.",
                    code="request.invalid",
                )
            )

        def make() -> dict[str, Any]:
            module = starter.module_name(str(name))
            where = self.app.paths.resolve(folder)
            made = starter.create(str(name), where, template)
            return {"path": self.app.paths.name(made), "name": name, "module": module}

        self.answer(await self.call(make), 201)
