"""The settings that the command line and the server extension share, as traitlets.

They are read from `jupyter_wasmwheel_config.py` or `.json` in Jupyter's configuration path, for
example `c.Wasmwheel.home = "/srv/wasmwheel"`; the environment variables win over the files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupyter_core.paths
from traitlets import Dict, Float, Int, List, Unicode, default
from traitlets.config import Configurable
from traitlets.config.loader import (
    Config,
    ConfigFileNotFound,
    JSONFileConfigLoader,
    PyFileConfigLoader,
)

from .process.limits import DEFAULT, Limits
from .store import Store

#: Where emsdk comes from: its repository, and a revision that knows the version of every target.
EMSDK = "https://github.com/emscripten-core/emsdk.git@e5bd3d0874e302a18f13c5b41f5bacf9a40c8e59"


@dataclass(frozen=True, kw_only=True)
class Downloads:
    """How other projects' installers are run.

    `emsdk` is the address of a git repository with `@` and a revision; a server may be silent for
    `timeout` seconds.
    """

    emsdk: str = EMSDK
    timeout: float = 60.0


#: The name of the configuration files, without their endings.
CONFIG_NAME = "jupyter_wasmwheel_config"


class Wasmwheel(Configurable):
    """Settings of jupyter-wasmwheel."""

    home = Unicode(
        help="The folder where toolchains, runtimes, work folders and sites are kept. "
        "WASMWHEEL_HOME sets it too."
    ).tag(config=True)

    path = List(
        Unicode(),
        help="Read-only stores to look in before the home, an administrator's for all users. "
        "WASMWHEEL_PATH sets it too, its folders separated as those of PATH.",
    ).tag(config=True)

    emsdk = Unicode(
        EMSDK,
        help="The git repository of emsdk, with `@` and the revision that is taken, for example a "
        "mirror's. WASMWHEEL_EMSDK sets it too.",
    ).tag(config=True)

    download_timeout = Float(
        Downloads.timeout,
        help="Seconds that a server may send nothing before rustup or emsdk is stopped.",
    ).tag(config=True)

    limit = Int(
        2_000_000_000,
        help="How many bytes the finished wheels that are kept for the next build may take.",
    ).tag(config=True)

    limits = List(
        Unicode(),
        help="What a build, the import that proves a wheel (`smoke`) and a run of tests may take, "
        'for all that they start together: ["build.memory=8GB", "smoke.time=5m"]. '
        f"By default: {' '.join(DEFAULT.settings)}; 0 is no limit. `--limit` and WASMWHEEL_LIMITS, "
        "with spaces between them, set them too.",
    ).tag(config=True)

    build_env = List(
        Unicode(),
        help="Variables that a build sees besides those of the list in docs/limits.md, by their "
        'names: ["MYPKG_FEATURE"]; `*` stands for any characters, and never for a secret such as '
        "`MY_TOKEN`, which has to be spelled out. WASMWHEEL_BUILD_ENV names more, with spaces "
        "between them.",
    ).tag(config=True)

    proxy = Dict(
        key_trait=Unicode(),
        value_trait=List(Unicode()),
        help="The hosts that a site's server fetches from for the site's notebooks, by the site's "
        'name: {"workshop": ["data.example.org"]}. A host that sends no CORS headers cannot be '
        "read otherwise. None by default. A host without a port stands for its ports 80 and 443. "
        "An address that is not public (loopback, private) is used only if it is listed itself.",
    ).tag(config=True)

    @default("home")
    def _default_home(self) -> str:
        return str(Path(jupyter_core.paths.jupyter_data_dir()) / "wasmwheel")

    def store(self) -> Store:
        """The store that these settings and the environment name."""
        home = os.environ.get("WASMWHEEL_HOME") or self.home
        listed = os.environ.get("WASMWHEEL_PATH")
        path = listed.split(os.pathsep) if listed else self.path
        return Store(
            home=Path(home).expanduser().absolute(),
            read_only=tuple(Path(entry).expanduser().absolute() for entry in path if entry),
            limit=self.limit,
        )

    def allowed(self) -> Limits:
        """What these settings and the environment let builds, imports and tests take."""
        return DEFAULT.with_settings(
            [*self.limits, *os.environ.get("WASMWHEEL_LIMITS", "").split()]
        )

    def build_variables(self) -> tuple[str, ...]:
        """Return the names of the variables that these settings let builds see besides the list."""
        return (*self.build_env, *os.environ.get("WASMWHEEL_BUILD_ENV", "").split())

    def downloads(self) -> Downloads:
        """How these settings and the environment have other projects' installers run."""
        emsdk = os.environ.get("WASMWHEEL_EMSDK") or self.emsdk
        return Downloads(emsdk=emsdk, timeout=self.download_timeout)


def load() -> Wasmwheel:
    """The settings as the files of Jupyter's configuration path give them, nearest file last."""
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
