"""What may be asked for: the words of the command line, as a JSON object, checked one by one.

Nothing of a request gets into the command line that is not in the tables here, and a value is never
where an option could be: it is joined to its option by `=`, or comes after `--`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from packaging.requirements import Requirement

from .. import archive
from ..api.errors import SourceError, UsageError
from ..api.requests import EditsRequest
from ..api.sanitize import redact
from ..project import git, manifest, recipes
from ..project import source as sources
from ..runtime import targets
from ..site import lite
from ..site.http_policy import POLICIES
from ..site.lite import Site
from ..store import Store
from ..toolchain import doctor

#: The longest text, and the most entries of a list, that a request may hold.
LONGEST, MOST = 4096, 256


class OutsideError(SourceError):
    """A source, or a folder, is outside of those that the server allows."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a request: its type, its option on the command line, the values it may have."""

    type: Literal["text", "switch", "texts"]
    option: str = ""
    choices: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of job: the words that its command line begins with, and its fields."""

    command: tuple[str, ...]
    fields: Mapping[str, Field] = field(default_factory=dict)


#: What can be asked of a build before it is ordered.
EDITS = Kind(
    command=(),
    fields={
        "source": Field(type="text", needed=True),
        "target": Field(type="text"),
        "make_optional": Field(type="texts"),
        "recipe": Field(type="text"),
    },
)

#: What is built, and how, whatever becomes of it.
_CHOICES: Mapping[str, Field] = {
    "source": Field(type="text", needed=True),
    "target": Field(type="text", option="--target"),
    "profile": Field(type="text", option="--profile", choices=("release", "draft")),
    "linker": Field(type="text", option="--linker", choices=("auto", "wasm-ld", "emcc")),
    "features": Field(type="texts", option="--features"),
    "no_default_features": Field(type="switch", option="--no-default-features"),
    "cargo_args": Field(type="texts", option="--cargo-arg"),
    "ignore_lock": Field(type="switch", option="--ignore-lock"),
    "make_optional": Field(type="texts", option="--make-optional"),
    "recipe": Field(type="text"),
    "with_dependencies": Field(type="switch", option="--with-dependencies"),
    "no_cache": Field(type="switch", option="--no-cache"),
    "offline": Field(type="switch", option="--offline"),
}

#: The kinds of jobs there are; a field without an option is put into the command by `_place`.
KINDS: Mapping[str, Kind] = {
    "build": Kind(
        command=("build",),
        fields={
            **_CHOICES,
            "site": Field(type="text"),
            "no_smoke": Field(type="switch", option="--no-smoke"),
        },
    ),
    "test": Kind(
        command=("test",),
        fields={**_CHOICES, "select": Field(type="text", option="--select")},
    ),
    "install": Kind(
        command=("doctor", "--fix"),
        fields={
            "extras": Field(type="texts", option="--fix", choices=doctor.EXTRAS),
            "target": Field(type="text", option="--target"),
        },
    ),
    "site": Kind(
        command=("site", "create"),
        fields={
            "site": Field(type="text", needed=True),
            "target": Field(type="text", option="--target"),
            "cdn": Field(type="switch", option="--cdn"),
            "with": Field(type="texts", option="--with"),
            "http": Field(type="text", option="--http", choices=tuple(POLICIES)),
        },
    ),
    "bundle": Kind(command=("site", "bundle"), fields={"site": Field(type="text", needed=True)}),
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that is in order: what was posted, and the words of its command line.

    `name` and `version` are what a person calls it, as far as is known beforehand.
    """

    posted: dict[str, Any]
    name: str
    version: str | None
    arguments: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of the job."""
        return str(self.posted["kind"])


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a server looks: its root, other folders that sources may be in, its sites."""

    root: Path
    allowed: tuple[Path, ...]
    store: Store
    find_site: Callable[[str], Site]

    def resolve(self, path: str) -> Path:
        """The folder or file that a path of the contents API names.

        An OutsideError where it is, or a link leads, outside of what is allowed.
        """
        if "\0" in path or "\\" in path:
            raise UsageError(
                f"{path!r} is no path.",
                "It has a character that no path here may have.",
                "Write it as Jupyter's file browser shows it, with `/` between folders.",
            )
        # Jupyter's front ends write paths with and without a slash at the beginning.
        named = Path(path)
        inside = self.root / str(PurePosixPath(path)).lstrip("/")
        place = named if named.is_absolute() and self._allows(named) else inside
        return self.inside(place)

    def inside(self, place: Path) -> Path:
        """Where a path really is; an OutsideError where that is outside of what is allowed."""
        real = Path(os.path.realpath(place))
        if not self._allows(real):
            raise OutsideError(
                f"{place} is outside of the folders that this server may build from.",
                "They are its root folder and those that its configuration adds.",
                "Copy it under the root, or add its folder to `WasmwheelApp.allowed_folders`.",
            )
        return real

    def _allows(self, path: Path) -> bool:
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(os.path.realpath(top)) for top in (self.root, *self.allowed))

    def name(self, path: Path) -> str | None:
        """What the contents API calls a path; None where it is not under the root."""
        real, root = Path(os.path.realpath(path)), Path(os.path.realpath(self.root))
        return real.relative_to(root).as_posix() if real.is_relative_to(root) else None


def parse(body: object, places: Places) -> Request:
    """The request that a posted body is; one of our errors where it is none.

    Looks into the file system, so it may take a moment.
    """
    if not isinstance(body, dict):
        raise UsageError(
            "That is no request.", "It is not a JSON object.", "Post an object such as {kind: …}."
        )
    name = body.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UsageError(
            f"There is no job of the kind {name!r:.80}.",
            f"There are: {', '.join(KINDS)}.",
            "Set `kind` to one of them.",
        )
    given = {key: value for key, value in body.items() if key != "kind" and value is not None}
    _check(given, kind)
    if "target" in given:
        targets.find(given["target"])
    # What is kept of it has no logins; the words of the command line, in memory only, do.
    posted = {"kind": name} | {key: _redacted(value) for key, value in given.items()}
    label, version, last = _place(str(name), given, places)
    arguments = [*kind.command, "--events", *_options(given, kind), *last]
    return Request(posted=posted, name=label, version=version, arguments=tuple(arguments))


def parse_edits(body: object, places: Places) -> EditsRequest:
    """The build whose edits a posted body asks for; one of our errors where it is none."""
    if not isinstance(body, dict):
        raise UsageError(
            "That is no request.", "It is not a JSON object.", "Post an object: {source: …}."
        )
    given = {key: value for key, value in body.items() if value is not None}
    _check(given, EDITS)
    _, _, source = _source(given["source"], places)
    return EditsRequest(
        source=source,
        target=given.get("target"),
        make_optional=tuple(given.get("make_optional", ())),
        recipe=_recipe(given.get("recipe", recipes.AUTO), places),
    )


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [redact(each) for each in value]
    return redact(value) if isinstance(value, str) else value


def _check(given: Mapping[str, Any], kind: Kind) -> None:
    """Refuse fields that are unknown, missing, or not what they should be."""
    for name, value in given.items():
        known = kind.fields.get(name)
        if known is None:
            raise UsageError(
                f"There is no field {name!r:.80}.",
                f"There are: {', '.join(kind.fields)}.",
                "Leave it away.",
            )
        if not _fits(value, known):
            wanted = {"text": "a text", "switch": "true or false", "texts": "a list of texts"}
            said = " or ".join(known.choices) or wanted[known.type]
            if known.choices and known.type == "texts":
                said = f"a list of {said}"
            raise UsageError(
                f"{value!r:.80} is no value for {name}.",
                f"It has to be {said}.",
                "Correct it, or leave the field away.",
            )
    for name, known in kind.fields.items():
        if known.needed and name not in given:
            raise UsageError(
                f"The field {name} is missing.", "It says what this is about.", f"Give a {name}."
            )


def _fits(value: object, known: Field) -> bool:
    if known.type == "switch":
        return isinstance(value, bool)
    if known.type == "texts":
        return (
            isinstance(value, list)
            and len(value) <= MOST
            and all(each and _is_one_of(each, known.choices) for each in value)
        )
    return _is_one_of(value, known.choices)


def _is_one_of(value: object, choices: tuple[str, ...]) -> bool:
    return _is_text(value) and (not choices or value in choices)


def _is_text(value: object) -> bool:
    # Control characters are in no name; a zero could not even be handed to a process.
    return isinstance(value, str) and len(value) <= LONGEST and value.isprintable()


def _options(given: Mapping[str, Any], kind: Kind) -> list[str]:
    """The options of the command line that the fields stand for."""
    options = []
    for name, value in given.items():
        option = kind.fields[name].option
        if not option or value is False:
            continue
        if value is True:
            options.append(option)
        else:
            values = value if isinstance(value, list) else [value]
            options += [f"{option}={each}" for each in values]
    return options


def _place(
    kind: str, given: Mapping[str, Any], places: Places
) -> tuple[str, str | None, list[str]]:
    """Name and version of what a job is about, and the words that say where it is."""
    if kind == "install":
        return "toolchain", None, []
    if kind == "site":
        folder = _new_site(given["site"], places)
        return folder.name, None, ["--", folder.name]
    if kind == "bundle":
        # Beside the user's files, where the file browser shows it and can download it.
        site = places.find_site(given["site"])
        out = places.root / f"{site.name}-site.zip"
        return site.name, None, [f"--out={out}", "--", str(site.folder)]
    more = []
    if "site" in given:
        more.append(f"--site={places.find_site(given['site']).folder}")
    if "recipe" in given:
        more.append(f"--recipe={_recipe(given['recipe'], places)}")
    name, version, source = _source(given["source"], places)
    return name, version, [*more, "--", source]


def _new_site(name: str, places: Places) -> Path:
    folder = places.store.home / "sites" / name
    if not lite.NAME.fullmatch(name) or len(name) > 64:
        raise UsageError(
            f"{name!r} cannot be the name of a site.",
            "A name has letters, digits, `-`, `_` and single dots, and begins with a letter or "
            "a digit.",
            "Choose another name.",
        )
    if folder.exists():
        raise UsageError(
            f"There is a site {name} already.",
            "Making it anew would lose what is published there.",
            "Publish to it as it is, or choose another name.",
        )
    return folder


def _recipe(text: str, places: Places) -> str:
    """What `--recipe` takes: a file's full path, or the word that stands for none or ours."""
    return text if text in (recipes.AUTO, recipes.NONE) else str(places.resolve(text))


def _source(text: str, places: Places) -> tuple[str, str | None, str]:
    """Name, version and full spelling of a source."""
    if text.startswith("pypi:"):
        sources.parse(text)
        wanted = Requirement(text.removeprefix("pypi:"))
        exact = [each.version for each in wanted.specifier if each.operator == "=="]
        return wanted.name, exact[0] if exact else None, text
    if text.startswith("git+"):
        address = git.parse(text, places.root)
        place = address.local and places.inside(address.local)
        return address.name, None, address.at(place) if place else text
    path = places.resolve(text)
    sources.parse(str(path))
    if path.is_dir():
        project = manifest.read(path)
        return project.name, project.version, str(path)
    stem = path.name.removesuffix(next(e for e in archive.ENDINGS if path.name.endswith(e)))
    name, _, version = stem.rpartition("-")
    return (name, version, str(path)) if name else (stem, None, str(path))
