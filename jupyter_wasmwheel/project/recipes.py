"""Recipes: TOML files with what a package needs so that it builds for Pyodide.

docs/recipes.md documents the format: its tables are the structs here, with `-` for `_`. Bundled
recipes are in the folder `recipes/`, one for each package, and in `recipes/crates/`, one for each
crate of the registry that many packages require.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct, structs
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from ..api.errors import SourceError, UsageError
from ..api.report import CargoSettings, RecipeInfo, ShippedFile
from ..package_metadata import parse_version

#: The values of `--recipe` other than a file.
AUTO, NONE = "auto", "none"

#: The values of a replacement's `of`; a crate's name follows `dependency:`.
PROJECT, CRATE, DEPENDENCY = "project", "crate", "dependency:"

#: The settings for cargo of a build without a recipe.
NO_SETTINGS = CargoSettings()

_CFG = re.compile(r'[A-Za-z_]\w*(="[^"\\]*")?')
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CRATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

#: The part of msgspec's errors that says where a value is, as `$.replace[0].old`.
_PLACE = re.compile(r" - at `\$([^`]*)`$")

Keys = tuple[str | int, ...]


class Replacement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that occurs once in a file, and its replacement.

    `file` is relative to the folder that `of` names. `versions` are those of the package that need
    it; empty for all of the recipe's.
    """

    file: str
    old: str
    new: str
    why: str
    of: str = PROJECT
    versions: str = ""

    @property
    def dependency(self) -> str | None:
        """Return the name of the registry's crate that has the file, None for the project."""
        return self.of.removeprefix(DEPENDENCY) if self.of.startswith(DEPENDENCY) else None


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that the package fetches from `url` at run time, which the site ships instead.

    `file` is a copy of it next to the recipe, empty if it must be fetched. `versions` are as those
    of a replacement.
    """

    url: str
    sha256: str
    why: str
    file: str = ""
    versions: str = ""


class _Cargo(CargoSettings, frozen=True, forbid_unknown_fields=True):
    """The table `cargo` of a recipe."""

    default_features: bool = msgspec.field(name="default-features", default=True)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recipe's file."""

    name: str
    versions: str = ""
    cargo: _Cargo = _Cargo()
    replace: tuple[Replacement, ...] = ()
    data: tuple[Data, ...] = ()


class Recipe(Struct, frozen=True, kw_only=True):
    """The changes that some versions of a package need; empty `versions` are all of them.

    `origin` names the recipe in messages. `folder` is that of a user's recipe.
    """

    name: str
    versions: str = ""
    cargo: CargoSettings = NO_SETTINGS
    replace: tuple[Replacement, ...] = ()
    data: tuple[Data, ...] = ()
    origin: str
    folder: Path | None = None

    def fits(self, version: str | None) -> bool:
        """Return whether it is for a version of its package."""
        return _contains(self.versions, version)

    def summary(self) -> RecipeInfo:
        """Return the part of the recipe for a report that diffs do not show."""
        return RecipeInfo(
            name=self.name,
            versions=self.versions,
            origin=self.origin,
            cargo=self.cargo,
            data=tuple(ShippedFile(url=each.url, why=each.why) for each in self.data),
        )

    def replacements(self, version: str | None) -> tuple[Replacement, ...]:
        """Return the replacements that a version needs."""
        return tuple(each for each in self.replace if _contains(each.versions, version))

    def shipped(self, version: str | None) -> tuple[Data, ...]:
        """Return the files that a version fetches at run time."""
        return tuple(each for each in self.data if _contains(each.versions, version))


def bundled(name: str) -> Recipe | None:
    """Return the bundled recipe for a package of any version, if there is one."""
    place = _bundled() / f"{canonicalize_name(name)}.toml"
    return _read(place) if place.is_file() else None


def bundled_for_crates() -> dict[str, Recipe]:
    """Return the bundled recipes for crates, by the crate's name."""
    found = [_read(place) for place in (_bundled() / "crates").iterdir()]
    return {recipe.name: recipe for recipe in found}


def _bundled() -> Traversable:
    return resources.files(__package__) / "recipes"


def _read(place: Traversable) -> Recipe:
    text = place.read_text(encoding="utf-8")
    return parse(text, f"the recipe {place.name} of jupyter-wasmwheel")


def load(path: Path) -> Recipe:
    """Load a user's recipe; a UsageError or SourceError says what is wrong with it."""
    if not path.is_file():
        raise UsageError(
            f"Recipe {path} not found.",
            f"--recipe expects `{AUTO}`, `{NONE}` or a file.",
            "Check the path, or omit --recipe.",
            code="recipe.not-found",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(str(path), "It is not a text file in UTF-8.") from error
    return structs.replace(parse(text, str(path)), folder=path.absolute().parent)


def choose(wanted: str, name: str, version: str | None) -> tuple[Recipe | None, str]:
    """Return the recipe for a package by `auto`, `none` or a path, and a remark on the choice.

    A recipe that the user names must be for the package; a bundled one for other versions is
    ignored.
    """
    if wanted == NONE:
        return None, ""
    recipe = bundled(name) if wanted == AUTO else load(Path(wanted))
    if recipe is None:
        return None, ""
    label = f"{name} {version}" if version else f"{name} (unknown version)"
    if canonicalize_name(recipe.name) == canonicalize_name(name) and recipe.fits(version):
        return recipe, f"Building {label} with {recipe.origin}."
    for_what = f"{recipe.name} {recipe.versions}".rstrip()
    if wanted == AUTO:
        return None, f"The bundled recipe is for {for_what}; building {label} without it."
    raise SourceError(
        f"{recipe.origin} is not a recipe for {label}.",
        f"It is for {for_what}.",
        "Correct its `name` or `versions`, or omit --recipe.",
        code="recipe.wrong-package",
    )


def parse(text: str, origin: str) -> Recipe:
    """Parse and check a recipe; a SourceError gives the line of what is wrong."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(origin, f"It is not valid TOML: {error}.") from error
    try:
        file = msgspec.convert(table, _File)
        _check(file)
    except msgspec.ValidationError as error:
        why, keys = _parsed(str(error))
        line = line_of(text, keys) if keys else None
        raise _invalid(origin, f"Line {line}: {why}" if line else why) from error
    except _RecipeError as error:
        raise _invalid(origin, f"Line {line_of(text, error.keys)}: {error}") from error
    fields = {field: getattr(file, field) for field in _File.__struct_fields__}
    cargo = CargoSettings(**msgspec.structs.asdict(file.cargo))
    return Recipe(**fields | {"cargo": cargo}, origin=origin)


def _parsed(error: str) -> tuple[str, Keys]:
    """Return the message of one of msgspec's errors, and the keys to the value that it is about."""
    place = _PLACE.search(error)
    keys = re.findall(r"[^.\[\]]+", place[1]) if place else []
    message = error[: place.start()] if place else error
    unknown = re.search(r"unknown field `(.*)`", message)
    found = [int(key) if key.isdecimal() else key for key in keys]
    return f"{message}.", (*found, unknown[1]) if unknown else tuple(found)


class _RecipeError(Exception):
    """A mistake in a recipe, and the keys to its value."""

    def __init__(self, keys: Keys, what: str) -> None:
        super().__init__(what)
        self.keys = keys


def _invalid(origin: str, why: str) -> SourceError:
    return SourceError(
        f"{origin} is not a valid recipe.",
        why,
        "Correct it as docs/recipes.md describes.",
        code="recipe.invalid",
    )


def _check(recipe: _File) -> None:
    """Check what types do not express; a _RecipeError says what is wrong."""
    for keys, versions in _version_ranges(recipe):
        try:
            SpecifierSet(versions)
        except InvalidSpecifier:
            raise _RecipeError(keys, f"Invalid version range {versions!r} (PEP 440).") from None
    for at, cfg in enumerate(recipe.cargo.cfg):
        if not _CFG.fullmatch(cfg):
            what = f'Invalid cfg {cfg!r}: expected NAME or NAME="VALUE".'
            raise _RecipeError(("cargo", "cfg", at), what)
    for at, each in enumerate(recipe.replace):
        _check_path(each.file, ("replace", at, "file"))
        if not each.old or each.old == each.new:
            raise _RecipeError(("replace", at, "old"), "The replacement changes nothing.")
        crate = each.dependency
        if each.of not in (PROJECT, CRATE) and not (crate and _CRATE_NAME.fullmatch(crate)):
            choice = f"{PROJECT}, {CRATE} or {DEPENDENCY}NAME"
            raise _RecipeError(("replace", at, "of"), f"Expected {choice}, got {each.of!r}.")
    for at, item in enumerate(recipe.data):
        if not item.url.startswith(("http://", "https://")):
            raise _RecipeError(("data", at, "url"), f"Expected an HTTP URL, got {item.url!r}.")
        if not _SHA256.fullmatch(item.sha256):
            raise _RecipeError(("data", at, "sha256"), f"Invalid SHA-256 hash {item.sha256!r}.")
        if item.file:
            _check_path(item.file, ("data", at, "file"))


def _check_path(text: str, keys: Keys) -> None:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or not path.parts:
        raise _RecipeError(keys, f"Invalid path {text!r}: it must be relative, without `..`.")


def _version_ranges(recipe: _File) -> Iterator[tuple[Keys, str]]:
    yield ("versions",), recipe.versions
    for at, each in enumerate(recipe.replace):
        yield ("replace", at, "versions"), each.versions
    for at, item in enumerate(recipe.data):
        yield ("data", at, "versions"), item.versions


def _contains(versions: str, version: str | None) -> bool:
    if not versions:
        return True
    known = parse_version(version or "")
    return known is not None and SpecifierSet(versions).contains(known, prereleases=True)


def line_of(text: str, keys: Keys) -> int | None:
    """Return the line of a TOML text in which the value under some keys begins.

    tomllib does not tell: it is the line after the longest beginning that lacks the value.
    """
    lines = text.splitlines(keepends=True)
    before = 0
    for end in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(table, keys):
            return before + 1
        before = end
    return None


def _has(value: Any, keys: Keys) -> bool:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
