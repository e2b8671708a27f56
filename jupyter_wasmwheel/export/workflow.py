"""GitHub workflows that build a package's wheel with cibuildwheel, with all versions pinned."""

from __future__ import annotations

import functools
import hashlib
import shlex
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from .. import __version__
from ..api.errors import UsageError
from ..runtime.targets import TRIPLE
from .document import File, as_yaml
from .package import MATURIN_ARGUMENTS, RUSTFLAGS, SIDE_MODULE, Checkout, Commit, Package

#: The folder for a source that is not the workflow's own repository.
FOLDER = "source"


@functools.cache
def releases() -> Mapping[str, str]:
    """Return the releases of the tools that a workflow uses."""
    text = resources.files(__package__).joinpath("releases.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def files(package: Package) -> tuple[File, ...]:
    """Return the workflow."""
    if not package.has_rust:
        raise UsageError(
            f"{package.label} does not need a workflow for Pyodide.",
            "It has nothing to compile, so its pure wheel runs anywhere.",
            "Build its pure wheel with `python -m build`.",
            code="export.workflow-not-needed",
        )
    comment = (
        f"The wheel of {package.label} for Pyodide {package.target.pyodide}, by jupyter-wasmwheel "
        f"{__version__}.\nIts tag is {package.target.platform_tag} (PEP 783)."
    )
    name = f"{canonicalize_name(package.name)}-pyodide.yml"
    return (File(path=PurePosixPath(name), text=as_yaml(document(package), comment)),)


def document(package: Package) -> dict[str, Any]:
    """Return the workflow as data."""
    return {
        "name": "Pyodide wheel",
        "on": ["push", "pull_request", "workflow_dispatch"],
        "permissions": {"contents": "read"},
        "jobs": {
            "pyodide": {
                "runs-on": releases()["runner"],
                "env": {"RUSTUP_TOOLCHAIN": _rust(package)},
                "steps": [
                    *_fetch(package),
                    *_edit(package),
                    {
                        "name": "Install Rust",
                        "run": f"rustup toolchain install {_rust(package)} --profile minimal "
                        f"--target {TRIPLE}",
                    },
                    {
                        "uses": f"pypa/cibuildwheel@v{releases()['cibuildwheel']}",
                        "with": {"package-dir": str(_folder(package))},
                        "env": variables(package),
                    },
                    {
                        "uses": f"actions/upload-artifact@{releases()['upload-artifact']}",
                        "with": {"name": "pyodide-wheel", "path": "wheelhouse/*.whl"},
                    },
                ],
            }
        },
    }


def variables(package: Package) -> dict[str, str]:
    """Return the options of cibuildwheel as environment variables."""
    target = package.target
    flags = " ".join(part for part in (SIDE_MODULE, package.cfgs) if part)
    environment = {RUSTFLAGS: flags}
    if package.maturin_arguments:
        environment[MATURIN_ARGUMENTS] = package.maturin_arguments
    pyodide = Version(target.pyodide)
    options = {
        "CIBW_PLATFORM": "pyodide",
        "CIBW_BUILD": f"{target.python_tag}-pyodide_wasm32",
        "CIBW_PYODIDE_VERSION": str(pyodide),
        "CIBW_ENVIRONMENT": " ".join(f"{k}={shlex.quote(v)}" for k, v in environment.items()),
    }
    if pyodide.is_prerelease:
        options["CIBW_ENABLE"] = "cpython-prerelease"
    if package.modules:
        options["CIBW_TEST_COMMAND"] = f'python -c "import {", ".join(package.modules)}"'
    return options


def _rust(package: Package) -> str:
    return f"{package.target.rust}.0"


def _folder(package: Package) -> PurePosixPath:
    """Return the package's folder in the workflow."""
    if isinstance(package.origin, Checkout):
        return package.origin.inside
    inside = package.origin.folder if isinstance(package.origin, Commit) else PurePosixPath()
    return PurePosixPath(FOLDER) / inside


def _fetch(package: Package) -> list[dict[str, Any]]:
    """Return the step that fetches the source: the repository itself, another one, or an sdist."""
    origin = package.origin
    if isinstance(origin, Checkout):
        return [{"uses": f"actions/checkout@{releases()['checkout']}"}]
    if isinstance(origin, Commit):
        lines = [
            f"git init --quiet {FOLDER}",
            f"git -C {FOLDER} fetch --depth 1 -- {shlex.quote(origin.url)} {origin.commit}",
            f"git -C {FOLDER} checkout --quiet --detach {origin.commit}",
        ]
    else:
        file = shlex.quote(origin.file_name)
        lines = [
            f"curl --fail --silent --show-error --location --output {file} "
            f"{shlex.quote(origin.url)}",
            f"echo {shlex.quote(f'{origin.sha256}  {origin.file_name}')} | sha256sum --check",
            f"mkdir {FOLDER}",
            f"tar --extract --strip-components=1 --directory {FOLDER} --file {file}",
        ]
    return [{"name": "Fetch the source", "run": _script(lines)}]


def _edit(package: Package) -> list[dict[str, Any]]:
    """Return the step that makes the same edits as jupyter-wasmwheel."""
    if not package.patch:
        return []
    end = f"END-{hashlib.sha256(package.patch.encode()).hexdigest()[:8]}"
    folder = shlex.quote(str(_folder(package)))
    lines = [f"patch -p1 -d {folder} <<'{end}'", package.patch.rstrip("\n"), end]
    return [{"name": "Edit it for the browser", "run": _script(lines)}]


def _script(lines: list[str]) -> str:
    """Return the script of a step; GitHub would evaluate what is between ${{ and }}."""
    return "".join(f"{line}\n" for line in lines).replace("${{", "${{ '${{' }}")
