"""The output of JupyterLite's own build for a release of its kernel, which every site is a copy of.

`jupyter lite build` runs once for a release, in a private environment of pinned packages, so that
none of the user's labextensions, versions or settings get into a site.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import msgspec
from msgspec import Struct
from packaging.requirements import Requirement

from .. import archive, build_variables
from ..api.errors import Retry, SiteError
from ..api.events import Emitter, note
from ..index import Index
from ..runtime import targets
from ..runtime.targets import JupyterLite
from ..safe_paths import Root
from ..store import Store
from . import precompressed, site_assets

#: The options of JupyterLite's build; with other options, the template is built again.
BUILD_OPTIONS = {
    "apps": ["lab", "notebooks", "tree", "edit", "consoles"],
    "ignore_sys_prefix": True,
    "no_sourcemaps": True,
    "no_unused_shared_packages": True,
}


class Release(Struct, frozen=True, kw_only=True):
    """The requirements of a release of the kernel; see `releases.toml`."""

    environment: tuple[str, ...]
    entry: str
    comm: str
    preload: tuple[str, ...]

    @property
    def is_module(self) -> bool:
        """Return whether the kernel's worker is a module, and can import others."""
        return self.entry.endswith(".mjs")


@functools.cache
def release(kernel: str) -> Release:
    """Return the requirements of a release of jupyterlite-pyodide-kernel.

    A release that is not listed gets those of its series, such as 0.8. Raise a SiteError if there
    are none.
    """
    text = resources.files(__package__).joinpath("releases.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)
    series = [rows[name] for name in rows if targets.series(name) == targets.series(kernel)]
    row = rows.get(kernel) or next(iter(series), None)
    if row is None:
        raise SiteError(
            f"jupyterlite-pyodide-kernel {kernel} is not supported.",
            "Another version of jupyter-wasmwheel created the site.",
            "Create it again with `jupyter wasmwheel site create`, or use that version.",
            code="site.other-version",
        )
    return msgspec.convert(row, Release)


def get(lite: JupyterLite, store: Store, index: Index, emit: Emitter) -> Path:
    """Return the output of JupyterLite's own build for a release of the kernel; build it once."""
    known = release(lite.kernel)
    recipe = json.dumps(
        [known.environment, BUILD_OPTIONS, site_assets.BOOTSTRAP, precompressed.ENDINGS]
    ).encode()
    key = f"lite/{lite.core}-{lite.kernel}-{hashlib.sha256(recipe).hexdigest()[:12]}"

    def fill(folder: Path) -> None:
        note(emit, f"Building the front end of JupyterLite {lite.core}, once.")
        work = folder.parent / "work"
        build(environment(known, index, work), work, folder, BUILD_OPTIONS)
        site_assets.import_bootstrap(Root(folder))
        precompressed.add(folder)

    return store.install(key, fill, emit)


def environment(known: Release, index: Index, work: Path) -> Path:
    """Fetch and unpack the packages that JupyterLite's build runs on; return their folder."""
    folder = work / "environment"
    work.mkdir(parents=True, exist_ok=True)
    for requirement in known.environment:
        archive.unpack(index.fetch(index.find_wheel(Requirement(requirement)), work), folder)
    return folder


def build(environment: Path, work: Path, output: Path, options: Mapping[str, object]) -> None:
    """Run `jupyter lite build` with the packages of an environment and no settings of the user.

    Its input, if any, is in the folder `lite` in `work`.
    """
    source = work / "lite"
    source.mkdir(parents=True, exist_ok=True)
    extensions = environment.glob("*.data/data/share/jupyter/labextensions")
    config = {
        "LiteBuildConfig": {
            **options,
            "lite_dir": str(source),
            "cache_dir": str(work / "cache"),
            "output_dir": str(output),
        },
        "FederatedExtensionAddon": {"extra_labextensions_path": [str(e) for e in extensions]},
    }
    settings = work / "jupyter_lite_config.json"
    settings.write_text(json.dumps(config))
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); "
        "from jupyterlite_core.app import main; main()"
    )
    variables = build_variables.for_build(os.environ)
    variables.pop("SOURCE_DATE_EPOCH", None)
    variables |= {"JUPYTER_NO_CONFIG": "1", "JUPYTER_PLATFORM_DIRS": "1"}
    variables |= {f"JUPYTER_{kind}_DIR": str(work) for kind in ("CONFIG", "DATA", "RUNTIME")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, environment, "build", "--config", settings],
        cwd=source,
        env=variables,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode or not (output / "jupyter-lite.json").is_file():
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise SiteError(
            "The build of JupyterLite failed.",
            " ".join(lines[-3:]) or "It gave no reason.",
            "Run it again. If it fails again, report it with the lines above.",
            code="site.lite-build-failed",
            remedies=[Retry()],
        )
