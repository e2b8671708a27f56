"""A project's own tests: their paths and requirements, from its files.

pytest's configuration is read as its reference documents, dependency groups as PEP 735 defines
them. None of the project's code is run.
"""

from __future__ import annotations

import configparser
import functools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .. import text_files
from ..api.errors import SourceError
from ..package_metadata import parse_requirement
from .manifest import Project, load_pyproject, load_toml
from .sources import is_source

#: The names of dependency groups for tests, and those that include other tools.
TESTING, DEVELOPMENT = ("test", "tests", "testing"), ("dev",)

#: The requirements files of each.
TESTING_FILES = (
    "test*/requirements*.txt",
    "requirements/test*.txt",
    "requirements[-_]test*.txt",
    "test*[-_]requirements*.txt",
)
DEVELOPMENT_FILES = (
    "requirements/dev*.txt",
    "requirements[-_]dev*.txt",
    "dev*[-_]requirements*.txt",
)

#: The folders of tests if none are configured.
DEFAULT_FOLDERS = ("tests", "test")

#: The files with pytest's configuration in its order, and the section in each.
INI_FILES = (
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)
TOML_FILES = ("pytest.toml", ".pytest.toml", "pyproject.toml")


class Companion(Struct, frozen=True, kw_only=True):
    """A package that tests often need besides pytest.

    `sign` matches tests or pytest's configuration that use it. `arguments` are passed to pytest to
    disable what a browser does not support.
    """

    name: str
    sign: re.Pattern[str] | None
    arguments: tuple[str, ...]


class Suite(Struct, frozen=True, kw_only=True):
    """The tests of a project; paths are relative to its folder.

    `paths` are pytest's arguments, empty if its configuration has them; `import_paths` are the
    first ones of `sys.path`. `requirements` are those of tests alone, `development` those with
    other tools, and `companions` the packages that tests are seen to use. `sources` are the Python
    files of the tests.
    """

    folder: Path
    paths: tuple[str, ...]
    import_paths: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    development: tuple[Requirement, ...]
    companions: tuple[Companion, ...]
    sources: tuple[Path, ...]


def find(project: Project) -> Suite:
    """Find the tests of a project; a SourceError if it has none."""
    folder = project.folder
    settings = _settings(folder)
    configured = _glob(folder, settings["testpaths"])
    usual = [name for name in DEFAULT_FOLDERS if any(_test_files(folder / name))]
    places = configured or usual or _folders_with_tests(folder)
    if not places:
        raise SourceError(
            f"{project.label} has no tests in this source.",
            "pytest's configuration does not name an existing folder, and no file is called "
            "test_….py. Many sdists do not include tests.",
            "Pass a folder that has them, for example a clone of its repository.",
            code="tests.not-in-source",
        )
    groups = _groups(folder)
    sources = tuple(_sources(folder, places))
    return Suite(
        folder=folder,
        paths=() if configured else tuple(places),
        import_paths=(".", *settings["pythonpath"]),
        requirements=(*_of_groups(groups, TESTING), *_of_files(folder, TESTING_FILES)),
        development=(*_of_groups(groups, DEVELOPMENT), *_of_files(folder, DEVELOPMENT_FILES)),
        companions=tuple(_used(folder, sources)),
        sources=sources,
    )


@functools.cache
def companions() -> tuple[Companion, ...]:
    """Return the known companions of tests."""
    text = (resources.files(__package__) / "companions.toml").read_text(encoding="utf-8")
    return tuple(
        Companion(
            name=name,
            sign=re.compile(row["sign"]) if "sign" in row else None,
            arguments=tuple(row.get("arguments", ())),
        )
        for name, row in tomllib.loads(text).items()
    )


def _settings(folder: Path) -> Mapping[str, Sequence[str]]:
    """Return `testpaths` and `pythonpath` of the first file with pytest's configuration."""
    found: Mapping[str, Any] = {}
    for name in TOML_FILES:
        path = folder / name
        data = load_toml(path) if path.is_file() else {}
        tool = data.get("tool", {}) if name == "pyproject.toml" else data
        table = tool.get("pytest", {})
        found = found or table.get("ini_options") or table
    for name, section in INI_FILES:
        path = folder / name
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(text_files.read_text(path) if path.is_file() else "")
        except configparser.Error:
            continue  # pytest reports the error
        found = found or (parser[section] if parser.has_section(section) else {})
    return {name: _words(found.get(name)) for name in ("testpaths", "pythonpath")}


def _words(value: object) -> list[str]:
    """Return the words of a setting, which is a text or a list; anything else has none."""
    words = value.split() if isinstance(value, str) else value
    return [each for each in words if isinstance(each, str)] if isinstance(words, list) else []


def _folders_with_tests(folder: Path) -> list[str]:
    """Return the outermost folders with tests, preferring the default names."""
    found = {path.parent for path in _test_files(folder)}
    found = {
        place for place in found if {*place.relative_to(folder).parts} & {*DEFAULT_FOLDERS}
    } or found
    return sorted(
        place.relative_to(folder).as_posix()
        for place in found
        if not any(other in found for other in place.parents)
    )


def _test_files(top: Path) -> Iterator[Path]:
    """Give the files that pytest collects by default."""
    for path in files(top):
        if path.suffix == ".py" and (path.name.startswith("test_") or path.stem.endswith("_test")):
            yield path


def files(top: Path) -> Iterator[Path]:
    """Give the files of a project's folder without the output of tools."""
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if is_source(Path(folder) / name))
        yield from (path for name in sorted(files) if (path := Path(folder) / name).is_file())


def _groups(folder: Path) -> Mapping[str, Sequence[Any]]:
    groups = load_pyproject(folder).get("dependency-groups", {})
    return {canonicalize_name(name): entries for name, entries in groups.items()}


def _of_groups(
    groups: Mapping[str, Sequence[Any]], names: Sequence[str], seen: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """Give the requirements of dependency groups, and of those that they include."""
    for name in names:
        for entry in groups.get(name, ()) if name not in seen else ():
            if isinstance(entry, str):
                yield from _requirement(entry)
            elif isinstance(entry, dict) and "include-group" in entry:
                included = canonicalize_name(str(entry["include-group"]))
                yield from _of_groups(groups, [included], seen | {name})


def _of_files(folder: Path, patterns: Sequence[str]) -> Iterator[Requirement]:
    for path in _glob(folder, patterns):
        yield from _of_file(folder / path, folder, frozenset())


def _of_file(path: Path, top: Path, seen: frozenset[Path]) -> Iterator[Requirement]:
    """Give the requirements of a requirements file, and of those that it names with `-r`."""
    if path in seen or not path.is_file() or not path.resolve().is_relative_to(top):
        return
    text = text_files.read_text(path).replace("\\\n", " ")
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*", "", line).strip()
        nested = re.match(r"(?:-r|--requirement)[\s=]*(.+)", words)
        if nested:
            inner = text_files.named(path.parent, nested[1], path)
            yield from _of_file(inner, top, seen | {path})
        else:
            yield from _requirement(re.split(r"\s--?\w", words)[0])


def _requirement(text: str) -> Iterator[Requirement]:
    """Give the requirement in a line, nothing for a path, an option or an empty line."""
    try:
        requirement = parse_requirement(text)
    except InvalidRequirement:
        return
    if not requirement.url:
        yield requirement


def _glob(folder: Path, patterns: Sequence[str]) -> list[str]:
    """Return the paths in a folder that match patterns."""
    found = text_files.match(folder, patterns, folder / "pyproject.toml")
    return [os.path.relpath(path, folder) for path in found if path.is_relative_to(folder)]


def _sources(folder: Path, places: Sequence[str]) -> Iterator[Path]:
    """Give the Python files of tests, and conftest.py."""
    for path in (folder / "conftest.py", *(folder / place for place in places)):
        for file in files(path) if path.is_dir() else (path,):
            if file.suffix == ".py" and file.is_file():
                yield file


def _used(folder: Path, sources: Sequence[Path]) -> Iterator[Companion]:
    """Give the companions whose sign is in the tests or pytest's configuration."""
    settings = [folder / name for name in (*TOML_FILES, *(name for name, _ in INI_FILES))]
    text = "\n".join(
        text_files.read_start(path) for path in (*settings, *sources) if path.is_file()
    )
    for companion in companions():
        if companion.sign and companion.sign.search(text):
            yield companion
