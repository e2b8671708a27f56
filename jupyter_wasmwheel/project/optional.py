"""A requirement made optional: moved from what a package depends on to an extra of its name.

pyproject.toml is edited as PEP 621 has it, setup.cfg as setuptools reads it. All else in the file
stays as it was written.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import configupdater
import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from tomlkit.items import InlineTable

from ..api.errors import SourceError
from .manifest import load_toml

PYPROJECT, SETUP_CFG = "pyproject.toml", "setup.cfg"

#: The section of setup.cfg that has the extras.
EXTRAS = "options.extras_require"


def is_in_setup_cfg(pyproject: str, setup_cfg: str) -> bool:
    """Whether a project's requirements are in its setup.cfg rather than in its pyproject.toml."""
    return _is_elsewhere(tomllib.loads(pyproject)) and _has(_read(setup_cfg))


def _is_elsewhere(pyproject: dict[str, Any]) -> bool:
    """Whether the requirements are not in pyproject.toml, whose contents these are."""
    project = pyproject.get("project")
    return project is None or "dependencies" in project.get("dynamic", ())


def requirements(folder: Path) -> list[str]:
    """The names of what a project depends on, as far as its files say it."""
    pyproject = load_toml(folder / PYPROJECT)
    path = folder / SETUP_CFG
    setup_cfg = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    if _is_elsewhere(pyproject) and setup_cfg:
        config = _read(setup_cfg)
        lines = _lines(config["options"]["install_requires"].value or "") if _has(config) else []
    else:
        lines = pyproject.get("project", {}).get("dependencies", [])
    return list(dict.fromkeys(name for name in map(_name, lines) if name))


def move_in_pyproject(text: str, name: str) -> str:
    """A pyproject.toml with a requirement as an extra; a SourceError where it cannot be that."""
    project = tomllib.loads(text).get("project", {})
    dynamic = project.get("dynamic", ())
    if "dependencies" not in project and ("dependencies" in dynamic or not project):
        raise SourceError(
            f"{name} cannot be made optional.",
            "What the package depends on is neither in pyproject.toml nor in setup.cfg: its build "
            "backend works it out, or its setup.py says it.",
            f"List the requirements under `[project]` in pyproject.toml, or edit {name} out "
            "where they are written.",
            code="edits.dependencies-dynamic",
        )
    expected = _moved(project, name)
    if "optional-dependencies" in dynamic:
        raise SourceError(
            f"{name} cannot be made optional.",
            "pyproject.toml leaves the extras (`optional-dependencies`) to the build backend.",
            "List them under `[project.optional-dependencies]`.",
            code="edits.extras-dynamic",
        )
    document = tomlkit.parse(text)
    _edit(document["project"], name, expected["optional-dependencies"])
    edited = tomlkit.dumps(document)
    if tomllib.loads(edited).get("project") != expected:
        raise SourceError(
            f"{name} cannot be made optional.",
            "pyproject.toml is written in a way that cannot be edited: its `[project]` is in "
            "more than one place.",
            "Write it as one `[project]` table.",
            code="edits.table-split",
        )
    return edited


def _moved(project: dict[str, Any], name: str) -> dict[str, Any]:
    """A `[project]` table with a requirement as an extra, whatever its style."""
    dependencies = project.get("dependencies", [])
    wanted = [each for each in dependencies if _is(each, name)]
    if not wanted:
        raise _no_dependency(name, dependencies)
    extras = project.get("optional-dependencies", {})
    extra = _extra(name, list(extras))
    return {
        **project,
        "dependencies": [each for each in dependencies if not _is(each, name)],
        "optional-dependencies": {**extras, extra: [*extras.get(extra, ()), *wanted]},
    }


def _edit(project: Any, name: str, extras: dict[str, list[str]]) -> None:
    """Take a requirement out of tomlkit's `[project]`, and make its extras these."""
    dependencies = project["dependencies"]
    for at in reversed(range(len(dependencies))):
        if _is(dependencies[at], name):
            del dependencies[at]
    if "optional-dependencies" not in project:
        # A table of its own could end up before keys that are the project's.
        project["optional-dependencies"] = tomlkit.inline_table()
    there = project["optional-dependencies"]
    padded = isinstance(there, InlineTable) and there.as_string().endswith(" }")
    for extra, requirements in extras.items():
        if extra in there:
            there[extra].extend(requirements[len(there[extra]) :])
        elif padded:
            # tomlkit takes the space before the brace for the one behind the comma.
            there[extra] = requirements
            there.add(tomlkit.ws(" "))
        else:
            there.append(extra, requirements)


def move_in_setup_cfg(text: str, name: str) -> str:
    """A setup.cfg with a requirement as an extra; a SourceError where it is not there."""
    config = _read(text)
    option = config["options"]["install_requires"]
    lines = _lines(option.value or "")
    wanted = [each for each in lines if _is(each, name)]
    if not wanted:
        raise _no_dependency(name, lines)
    option.set_values([each for each in lines if not _is(each, name)])
    if not config.has_section(EXTRAS):
        _add_extras(config)
    extras = config[EXTRAS]
    extra = _extra(name, extras.options())
    there = _lines(extras[extra].value or "") if extra in extras else []
    extras.set(extra)
    extras[extra].set_values([*there, *wanted])
    return str(config)


def _add_extras(config: configupdater.ConfigUpdater) -> None:
    """Add the section of the extras behind the options, with an empty line on each side."""
    options = config["options"]
    is_last = config.sections()[-1] == "options"
    after = options.add_after
    if not str(options).endswith("\n\n"):
        after = after.space()
    after = after.section(EXTRAS)
    if not is_last:
        after.space()


def _read(text: str) -> configupdater.ConfigUpdater:
    try:
        return configupdater.ConfigUpdater().read_string(text)
    except configupdater.ParsingError as error:
        raise SourceError(
            f"{SETUP_CFG} cannot be read.",
            str(error).splitlines()[0],
            "Correct that line.",
            code="project.invalid-setup-cfg",
        ) from error


def _has(config: configupdater.ConfigUpdater) -> bool:
    return config.has_option("options", "install_requires")


def _lines(value: str) -> list[str]:
    """The requirements, and comments, of a value: a line each, or parted by semicolons in one."""
    parts = value.splitlines() if "\n" in value else value.split(";")
    return [part.strip() for part in parts if part.strip()]


def _is(requirement: str, name: str) -> bool:
    own = _name(requirement)
    return own is not None and canonicalize_name(own) == canonicalize_name(name)


def _name(requirement: str) -> str | None:
    try:
        return Requirement(requirement.partition(" #")[0]).name
    except InvalidRequirement:
        return None


def _extra(name: str, extras: list[str]) -> str:
    """The extra of that name as it is spelled already, else as PEP 685 spells it."""
    wanted: str = canonicalize_name(name)
    return next((extra for extra in extras if canonicalize_name(extra) == wanted), wanted)


def _no_dependency(name: str, requirements: list[str]) -> SourceError:
    names = [own for own in map(_name, requirements) if own]
    return SourceError(
        f"{name} is not a dependency of the package.",
        f"They are: {', '.join(dict.fromkeys(names))}." if names else "It has none.",
        "Name one of them with `--make-optional`." if names else "Omit `--make-optional`.",
        code="edits.unknown-dependency",
    )
