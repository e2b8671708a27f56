"""Optional requirements: moves a dependency to an extra of its name.

pyproject.toml is edited as PEP 621 defines it, setup.cfg as setuptools reads it. The rest of the
file is unchanged.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import configupdater
import tomlkit
from packaging.requirements import InvalidRequirement
from packaging.utils import canonicalize_name
from tomlkit.items import InlineTable

from .. import text_files
from ..api.errors import SourceError
from ..package_metadata import parse_requirement
from .manifest import load_pyproject

PYPROJECT, SETUP_CFG = "pyproject.toml", "setup.cfg"

#: The section of setup.cfg with the extras.
EXTRAS = "options.extras_require"


def is_in_setup_cfg(pyproject: str, setup_cfg: str) -> bool:
    """Return whether a project's requirements are in its setup.cfg, not its pyproject.toml."""
    return _is_elsewhere(_parse(pyproject)) and _has(_read(setup_cfg))


def _parse(pyproject: str) -> dict[str, Any]:
    return text_files.parse_toml(pyproject.encode(), Path(PYPROJECT))


def _is_elsewhere(pyproject: dict[str, Any]) -> bool:
    """Return whether the requirements are not in this pyproject.toml."""
    project = pyproject.get("project")
    return project is None or "dependencies" in project.get("dynamic", ())


def requirements(folder: Path) -> list[str]:
    """Return the names of a project's static dependencies."""
    pyproject = load_pyproject(folder)
    path = folder / SETUP_CFG
    setup_cfg = text_files.read_text(path) if path.is_file() else None
    if _is_elsewhere(pyproject) and setup_cfg:
        config = _read(setup_cfg)
        lines = _lines(config["options"]["install_requires"].value or "") if _has(config) else []
    else:
        lines = pyproject.get("project", {}).get("dependencies", [])
    return list(dict.fromkeys(name for name in map(_name, lines) if name))


def move_in_pyproject(text: str, name: str) -> str:
    """Return a pyproject.toml with a requirement as an extra."""
    project = _parse(text).get("project", {})
    dynamic = project.get("dynamic", ())
    if "dependencies" not in project and ("dependencies" in dynamic or not project):
        raise SourceError(
            f"Could not make {name} optional.",
            "The dependencies are neither in pyproject.toml nor in setup.cfg, but come from the "
            "build backend or setup.py.",
            "List them under `[project]` in pyproject.toml.",
            code="edits.dependencies-dynamic",
        )
    expected = _moved(project, name)
    if "optional-dependencies" in dynamic:
        raise SourceError(
            f"Could not make {name} optional.",
            "The extras (`optional-dependencies`) in pyproject.toml are dynamic.",
            "List them under `[project.optional-dependencies]`.",
            code="edits.extras-dynamic",
        )
    document = tomlkit.parse(text)
    _edit(document["project"], name, expected["optional-dependencies"])
    edited = tomlkit.dumps(document)
    if _parse(edited).get("project") != expected:
        raise SourceError(
            f"Could not make {name} optional.",
            "The table `[project]` in pyproject.toml is split.",
            "Write it as one `[project]` table.",
            code="edits.table-split",
        )
    return edited


def _moved(project: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a `[project]` table with a requirement as an extra."""
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
    """Remove a requirement from tomlkit's `[project]`, and set its extras."""
    dependencies = project["dependencies"]
    for at in reversed(range(len(dependencies))):
        if _is(dependencies[at], name):
            del dependencies[at]
    if "optional-dependencies" not in project:
        # A separate table could end up before other keys of the project.
        project["optional-dependencies"] = tomlkit.inline_table()
    table = project["optional-dependencies"]
    padded = isinstance(table, InlineTable) and table.as_string().endswith(" }")
    for extra, requirements in extras.items():
        if extra in table:
            table[extra].extend(requirements[len(table[extra]) :])
        elif padded:
            # tomlkit moves the space before the brace behind the comma.
            table[extra] = requirements
            table.add(tomlkit.ws(" "))
        else:
            table.append(extra, requirements)


def move_in_setup_cfg(text: str, name: str) -> str:
    """Return a setup.cfg with a requirement as an extra."""
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
    before = _lines(extras[extra].value or "") if extra in extras else []
    extras.set(extra)
    extras[extra].set_values([*before, *wanted])
    return str(config)


def _add_extras(config: configupdater.ConfigUpdater) -> None:
    """Add the section of the extras after the options, with empty lines around it."""
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
    except configparser.Error as error:
        raise SourceError(
            f"Could not read {SETUP_CFG}.",
            str(error).splitlines()[0],
            "Correct that line.",
            code="project.invalid-setup-cfg",
        ) from error


def _has(config: configupdater.ConfigUpdater) -> bool:
    return config.has_option("options", "install_requires")


def _lines(value: str) -> list[str]:
    """Return the requirements and comments of a value, one per line or separated by semicolons."""
    parts = value.splitlines() if "\n" in value else value.split(";")
    return [part.strip() for part in parts if part.strip()]


def _is(requirement: str, name: str) -> bool:
    own = _name(requirement)
    return own is not None and canonicalize_name(own) == canonicalize_name(name)


def _name(requirement: str) -> str | None:
    try:
        return parse_requirement(requirement.partition(" #")[0]).name
    except InvalidRequirement:
        return None


def _extra(name: str, extras: list[str]) -> str:
    """Return the name of an existing extra, else the normalized one (PEP 685)."""
    wanted: str = canonicalize_name(name)
    return next((extra for extra in extras if canonicalize_name(extra) == wanted), wanted)


def _no_dependency(name: str, requirements: list[str]) -> SourceError:
    names = [own for own in map(_name, requirements) if own]
    return SourceError(
        f"{name} is not a dependency of the package.",
        f"They are: {', '.join(dict.fromkeys(names))}." if names else "It has none.",
        "Pass one of them with --make-optional." if names else "Omit --make-optional.",
        code="edits.unknown-dependency",
    )
