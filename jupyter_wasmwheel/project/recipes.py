"""Recipes: what a package needs so that it builds for the browser, declared in TOML.

The format is public, and docs/recipes.md tells it: a file's tables are the dataclasses here, key by
key, a `_` in a name being a `-` in the file. The recipes that come with this package are in the
folder `recipes/`, one a package.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..api.errors import SourceError, UsageError
from ..api.report import CargoSettings, RecipeInfo, ShippedFile

#: What `--recipe` takes beside a file.
AUTO, NONE = "auto", "none"

#: What a replacement's file may be of; `dependency:` goes before the name of a crate.
PROJECT, CRATE, DEPENDENCY = "project", "crate", "dependency:"

#: What is passed to cargo where there is no recipe.
NO_SETTINGS = CargoSettings()

_CFG = re.compile(r'[A-Za-z_]\w*(="[^"\\]*")?')
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CRATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """A text that a file has exactly once, and the one that takes its place.

    `file` is a path of the project's folder, of its crate's (the one with Cargo.toml) or of a
    dependency's, as `of` says. `versions` are those of the package that it is for; empty means
    all of the recipe's.
    """

    file: str
    old: str
    new: str
    why: str
    of: str = PROJECT
    versions: str = ""

    @property
    def dependency(self) -> str | None:
        """The crate of the registry whose file it is, or None for a file of the project's own."""
        return self.of.removeprefix(DEPENDENCY) if self.of.startswith(DEPENDENCY) else None


@dataclass(frozen=True, kw_only=True)
class Data:
    """A file that the package fetches from `url` while it runs, to be shipped with the site.

    `file` is where it is already, beside the recipe; empty where it is to be fetched. `versions`
    are as those of a replacement.
    """

    url: str
    sha256: str
    why: str
    file: str = ""
    versions: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a package in these versions needs; empty versions are all of them.

    `origin` is where that is written, and `folder` where other files of the user's recipe are.
    """

    name: str
    versions: str = ""
    cargo: CargoSettings = NO_SETTINGS
    replace: tuple[Replacement, ...] = ()
    data: tuple[Data, ...] = ()
    origin: str = dataclasses.field(metadata={"written": False})
    folder: Path | None = dataclasses.field(default=None, metadata={"written": False})

    def fits(self, version: str | None) -> bool:
        """Whether it is for a version of its package."""
        return _within(version, self.versions)

    def summary(self) -> RecipeInfo:
        """Return the recipe as a report has it: what no diff shows."""
        return RecipeInfo(
            name=self.name,
            versions=self.versions,
            origin=self.origin,
            cargo=self.cargo,
            data=tuple(ShippedFile(url=each.url, why=each.why) for each in self.data),
        )

    def replacements(self, version: str | None) -> tuple[Replacement, ...]:
        """The replacements that a version needs."""
        return tuple(each for each in self.replace if _within(version, each.versions))

    def shipped(self, version: str | None) -> tuple[Data, ...]:
        """The files that a version fetches while it runs."""
        return tuple(each for each in self.data if _within(version, each.versions))


def bundled(name: str) -> Recipe | None:
    """The recipe that comes with this package for a package of that name, whatever its version."""
    file = f"{canonicalize_name(name)}.toml"
    place = resources.files(__package__) / "recipes" / file
    if not place.is_file():
        return None
    return parse(place.read_text(encoding="utf-8"), f"the recipe {file} of jupyter-wasmwheel")


def load(path: Path) -> Recipe:
    """The recipe in a file of the user's; a UsageError where there is none."""
    if not path.is_file():
        raise UsageError(
            f"Recipe {path} not found.",
            f"--recipe takes {AUTO}, {NONE}, or a recipe's file.",
            "Check the path, or omit the option.",
            code="recipe.not-found",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(str(path), "It is no text.") from error
    return dataclasses.replace(parse(text, str(path)), folder=path.absolute().parent)


def choose(wanted: str, name: str, version: str | None) -> tuple[Recipe | None, str]:
    """The recipe that is wanted for a package, and what there is to say of that, if anything.

    `wanted` is `auto`, `none` or a path. A recipe that somebody names has to be for the package;
    one that comes along is left aside where it is for other versions.
    """
    if wanted == NONE:
        return None, ""
    recipe = bundled(name) if wanted == AUTO else load(Path(wanted))
    if recipe is None:
        return None, ""
    label = f"{name} {version}" if version else f"{name}, whose version is not known,"
    if canonicalize_name(recipe.name) == canonicalize_name(name) and recipe.fits(version):
        return recipe, f"{label} is built by {recipe.origin}."
    for_what = f"{recipe.name} {recipe.versions}".rstrip()
    if wanted == AUTO:
        return None, f"There is a recipe for {for_what}; {label} is built without one."
    raise SourceError(
        f"{recipe.origin} is not for {label}.",
        f"It says that it is for {for_what}.",
        "Correct its `name` or `versions`, or omit `--recipe`.",
        code="recipe.wrong-package",
    )


def parse(text: str, origin: str) -> Recipe:
    """The recipe in a TOML text; a SourceError with the line where it is none."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(origin, f"It is not valid TOML: {error}.") from error
    try:
        return _check(Recipe(**_fields(Recipe, table, ()), origin=origin))
    except _RecipeError as fault:
        line = line_of(text, fault.path)
        raise _invalid(origin, f"Line {line}: {fault}" if line else str(fault)) from fault


class _RecipeError(Exception):
    """What is wrong with a recipe, and the keys that lead there."""

    def __init__(self, path: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        self.path = path


def _invalid(origin: str, why: str) -> SourceError:
    return SourceError(
        f"{origin} is not a valid recipe.",
        why,
        "Correct it; docs/recipes.md tells what a recipe may hold.",
        code="recipe.invalid",
    )


def _fields(kind: type, table: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The values for a dataclass or a struct, out of a table that has its keys and no others."""
    known = {field.name.replace("_", "-"): field for field in _declared(kind)}
    types = get_type_hints(kind)
    for key in table:
        if key not in known:
            there = ", ".join(known)
            raise _RecipeError((*path, key), f"there is no key {key!r}; there are: {there}.")
    for key, field in known.items():
        if key not in table and field.default in (dataclasses.MISSING, msgspec.NODEFAULT):
            raise _RecipeError(path, f"the key {key!r} is missing.")
    return {
        known[key].name: _value(types[known[key].name], value, (*path, key))
        for key, value in table.items()
    }


def _declared(kind: type) -> list[dataclasses.Field[Any] | msgspec.structs.FieldInfo]:
    """Return the fields that a recipe's text may have."""
    if issubclass(kind, msgspec.Struct):
        return list(msgspec.structs.fields(kind))
    assert dataclasses.is_dataclass(kind)
    return [each for each in dataclasses.fields(kind) if each.metadata.get("written", True)]


def _value(kind: Any, value: Any, path: tuple[str | int, ...]) -> Any:
    """A value as a dataclass has it: a text, a switch, a list, a table."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _RecipeError(path, f"{path[-1]!r} is no list.")
        (inner, _) = get_args(kind)
        return tuple(_value(inner, each, (*path, at)) for at, each in enumerate(value))
    if dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct):
        if not isinstance(value, dict):
            raise _RecipeError(path, f"{path[-1]!r} is no table.")
        assert isinstance(kind, type)
        return kind(**_fields(kind, value, path))
    if not isinstance(value, kind):
        said = {str: "no text", bool: "neither true nor false"}[kind]
        raise _RecipeError(path, f"{value!r:.60} is {said}.")
    return value


def _check(recipe: Recipe) -> Recipe:
    """Check what a type cannot say of a recipe."""
    for place, versions in _version_ranges(recipe):
        try:
            SpecifierSet(versions)
        except InvalidSpecifier:
            raise _RecipeError(place, f"{versions!r} is no range of versions (PEP 440).") from None
    for at, cfg in enumerate(recipe.cargo.cfg):
        if not _CFG.fullmatch(cfg):
            raise _RecipeError(
                ("cargo", "cfg", at), f'{cfg!r} is no cfg, which is NAME or NAME="VALUE".'
            )
    for at, each in enumerate(recipe.replace):
        _check_path(each.file, ("replace", at, "file"))
        if not each.old or each.old == each.new:
            raise _RecipeError(("replace", at, "old"), "it replaces nothing.")
        crate = each.dependency
        if each.of not in (PROJECT, CRATE) and not (crate and _CRATE_NAME.fullmatch(crate)):
            choice = f"{PROJECT}, {CRATE} or {DEPENDENCY}NAME"
            raise _RecipeError(("replace", at, "of"), f"{each.of!r} is none of {choice}.")
    for at, item in enumerate(recipe.data):
        if not item.url.startswith(("http://", "https://")):
            raise _RecipeError(("data", at, "url"), f"{item.url!r} is no address of http or https.")
        if not _SHA256.fullmatch(item.sha256):
            raise _RecipeError(
                ("data", at, "sha256"), f"{item.sha256!r} is no SHA-256 in hexadecimal."
            )
        if item.file:
            _check_path(item.file, ("data", at, "file"))
    return recipe


def _check_path(text: str, place: tuple[str | int, ...]) -> None:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or not path.parts:
        raise _RecipeError(place, f"{text!r} is no path inside of a folder.")


def _version_ranges(recipe: Recipe) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield ("versions",), recipe.versions
    for at, each in enumerate(recipe.replace):
        yield ("replace", at, "versions"), each.versions
    for at, item in enumerate(recipe.data):
        yield ("data", at, "versions"), item.versions


def _within(version: str | None, versions: str) -> bool:
    if not versions:
        return True
    try:
        return SpecifierSet(versions).contains(Version(version or ""), prereleases=True)
    except InvalidVersion:
        return False


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line of a TOML text in which the value that these keys lead to begins.

    It is the line after the longest beginning of the text that is TOML without that value; the
    parser itself does not tell.
    """
    lines = text.splitlines(keepends=True)
    before = 0
    for end in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(table, path):
            return before + 1
        before = end
    return None


def _has(value: Any, path: tuple[str | int, ...]) -> bool:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
