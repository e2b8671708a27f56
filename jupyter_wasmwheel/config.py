"""The settings that the command line and the server extension share, as traitlets.

They are read from `jupyter_wasmwheel_config.py` or `.json` in Jupyter's configuration path, for
example `c.Wasmwheel.home = "/srv/wasmwheel"`. Environment variables override the files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jupyter_core.paths
from msgspec import Struct
from traitlets import Dict, Float, Int, List, Unicode, default
from traitlets.config import Configurable
from traitlets.config.loader import (
    Config,
    ConfigFileNotFound,
    JSONFileConfigLoader,
    PyFileConfigLoader,
)

from .api.errors import UsageError
from .process.limits import DEFAULT, Limits
from .store import Store, permissions

#: The repository of emsdk, and a revision that has the versions of all targets.
EMSDK = "https://github.com/emscripten-core/emsdk.git@e5bd3d0874e302a18f13c5b41f5bacf9a40c8e59"


class Downloads(Struct, frozen=True, kw_only=True):
    """Settings for the installers of other projects.

    `emsdk` is the address of a git repository with `@` and a revision; `timeout` is how many
    seconds a server can send nothing.
    """

    emsdk: str = EMSDK
    timeout: float = 60.0


#: The name of the configuration files, without extension.
CONFIG_NAME = "jupyter_wasmwheel_config"


class Wasmwheel(Configurable):
    """Settings of jupyter-wasmwheel."""

    home = Unicode(
        help="The folder for toolchains, runtimes, work folders and sites. WASMWHEEL_HOME sets it "
        "too."
    ).tag(config=True)

    path = List(
        Unicode(),
        help="Read-only stores that are searched before the home, such as an administrator's for "
        "all users. WASMWHEEL_PATH sets it too, with the separator of PATH.",
    ).tag(config=True)

    emsdk = Unicode(
        EMSDK,
        help="The git repository of emsdk, for example a mirror, with `@` and a revision. "
        "WASMWHEEL_EMSDK sets it too.",
    ).tag(config=True)

    download_timeout = Float(
        Downloads().timeout,
        help="Seconds without data from a server after which rustup or emsdk is stopped.",
    ).tag(config=True)

    limit = Int(2_000_000_000, help="The size limit of the wheel cache in bytes.").tag(config=True)

    limits = List(
        Unicode(),
        help="Limits for builds, for the import that checks a wheel (`import`, also `smoke`) and "
        'for tests, each with all child processes: ["build.memory=8GB", "import.time=5m"]. '
        f"By default: {' '.join(DEFAULT.settings)}; 0 means no limit. `--limit` and "
        "WASMWHEEL_LIMITS (separated by spaces) set them too.",
    ).tag(config=True)

    build_env = List(
        Unicode(),
        help="Names of environment variables that builds get in addition to those listed in "
        'docs/limits.md: ["MYPKG_FEATURE"]. `*` matches any characters, but not secrets such as '
        "`MY_TOKEN`, which must be spelled out. WASMWHEEL_BUILD_ENV adds more (separated by "
        "spaces).",
    ).tag(config=True)

    proxy = Dict(
        key_trait=Unicode(),
        value_trait=List(Unicode()),
        help="The hosts that a site's server fetches from for the site's notebooks, by the site's "
        'name: {"workshop": ["data.example.org"]}. Hosts without CORS headers cannot be read '
        "otherwise. None by default. A host without a port means its ports 80 and 443. "
        "Addresses that are not public (loopback, private) must be listed themselves.",
    ).tag(config=True)

    @default("home")
    def _default_home(self) -> str:
        return str(Path(jupyter_core.paths.jupyter_data_dir()) / "wasmwheel")

    def store(self) -> Store:
        """Return the store."""
        home = os.environ.get("WASMWHEEL_HOME") or self.home
        listed = os.environ.get("WASMWHEEL_PATH")
        path = listed.split(os.pathsep) if listed else self.path
        # Another user could change a link later.
        shared = tuple(Path(os.path.realpath(Path(entry).expanduser())) for entry in path if entry)
        for folder in shared:
            _require_trusted(folder)
        return Store(home=Path(home).expanduser().absolute(), read_only=shared, limit=self.limit)

    def resource_limits(self) -> Limits:
        """Return the limits of builds, imports and tests."""
        return DEFAULT.with_settings(
            [*self.limits, *os.environ.get("WASMWHEEL_LIMITS", "").split()]
        )

    def build_variables(self) -> tuple[str, ...]:
        """Return the names of the additional environment variables of builds."""
        return (*self.build_env, *os.environ.get("WASMWHEEL_BUILD_ENV", "").split())

    def downloads(self) -> Downloads:
        """Return the settings for the installers of other projects."""
        emsdk = os.environ.get("WASMWHEEL_EMSDK") or self.emsdk
        return Downloads(emsdk=emsdk, timeout=self.download_timeout)


def _require_trusted(folder: Path) -> None:
    """Raise a UsageError for a shared store whose programs another user can change."""
    writable = permissions.find_writable(folder)
    if writable is None:
        return
    how = (
        f"Run `chown -R root {folder} && chmod -R go-w {folder}` as root"
        if writable.is_relative_to(folder)
        else "Move it to a folder that only root can write to, such as /opt"
    )
    raise UsageError(
        f"The shared store {folder} is not used.",
        f"Another user can write to {writable}, and builds would run that user's files.",
        f"{how}, or remove the store from WASMWHEEL_PATH or `c.Wasmwheel.path`.",
        code="config.untrusted-store",
    )


def load() -> Wasmwheel:
    """Read the settings from Jupyter's configuration path; the nearest file wins."""
    merged = Config()
    for folder in reversed(jupyter_core.paths.jupyter_config_path()):
        loaders: list[Any] = [
            PyFileConfigLoader(f"{CONFIG_NAME}.py", path=folder),
            JSONFileConfigLoader(f"{CONFIG_NAME}.json", path=folder),
        ]
        for loader in loaders:
            try:
                merged.merge(loader.load_config())
            except ConfigFileNotFound:
                continue
    return Wasmwheel(config=merged)
