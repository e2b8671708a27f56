"""Pyodide recipes: the build of a package in Pyodide's distribution (pyodide-build's meta.yaml)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from .. import __version__
from ..api.errors import UsageError
from .document import File, as_yaml
from .package import MATURIN_ARGUMENTS, RUSTFLAGS, Checkout, Commit, Package

#: The file with the edits, next to the recipe.
PATCH = "patches/0001-Build-for-Pyodide.patch"


def files(package: Package) -> tuple[File, ...]:
    """Return the recipe, and its patch if there are edits."""
    name = canonicalize_name(package.name)
    recipe = File(
        path=PurePosixPath(name, "meta.yaml"), text=as_yaml(document(package), _comment(package))
    )
    if not package.patch:
        return (recipe,)
    return recipe, File(path=PurePosixPath(name, PATCH), text=package.patch)


def document(package: Package) -> dict[str, Any]:
    """Return the recipe as data, without empty values."""
    source = _source(package)
    if package.patch:
        source["patches"] = [PATCH]
    whole = {
        "package": {
            "name": canonicalize_name(package.name),
            "version": package.version,
            "tag": ["rust"] if package.has_rust else [],
            "top-level": list(package.modules),
        },
        "source": source,
        "build": {"script": _script(package)},
        "requirements": {
            "executable": ["rustup"] if package.has_rust else [],
            "run": [canonicalize_name(name) for name in package.requires],
        },
        "test": {"imports": list(package.modules)},
        "about": {
            "home": package.home,
            "PyPI": f"https://pypi.org/project/{canonicalize_name(package.name)}",
            "summary": package.summary,
            "license": package.license,
        },
    }
    filled = {
        section: {key: value for key, value in table.items() if value}
        for section, table in whole.items()
    }
    return {section: table for section, table in filled.items() if table}


def _source(package: Package) -> dict[str, Any]:
    origin = package.origin
    if isinstance(origin, Commit):
        raise UsageError(
            f"Could not export a recipe for {package.label} from a git repository.",
            "A recipe requires an archive and its hash.",
            f"Use `pypi:{package.name}=={package.version}` if it is on PyPI. Otherwise clone it "
            "and use the folder.",
            code="export.git-source",
        )
    if not isinstance(origin, Checkout):
        return {"url": origin.url, "sha256": origin.sha256}
    if package.patch:
        raise UsageError(
            f"Could not export a recipe for {package.label} from a folder with edits.",
            "A recipe cannot edit a folder.",
            "Make the edits in the folder, and export it with `--recipe none`.",
            code="export.edited-folder",
        )
    return {"path": str(origin.folder)}


def _script(package: Package) -> str:
    lines = []
    if package.maturin_arguments:
        lines.append(f'export {MATURIN_ARGUMENTS}="{package.maturin_arguments}"')
    if package.cfgs:
        flags = package.cfgs.replace('"', '\\"')
        lines.append(f'export {RUSTFLAGS}="${RUSTFLAGS} {flags}"')
    return "".join(f"{line}\n" for line in lines)


def _comment(package: Package) -> str:
    name = canonicalize_name(package.name)
    lines = [f"A Pyodide recipe for {package.label}, by jupyter-wasmwheel {__version__}."]
    if isinstance(package.origin, Checkout):
        lines.append(
            "It builds a folder of this machine. For pyodide-recipes, replace `path` with the\n"
            "`url` and `sha256` of the sdist on PyPI."
        )
    else:
        lines.append(f"In pyodide-recipes it is packages/{name}/meta.yaml.")
    if package.lacking:
        lacking = ", ".join(package.lacking)
        lines.append(
            f"Pyodide {package.target.pyodide} does not have {lacking}: add recipes first."
        )
    return "\n".join(lines)
