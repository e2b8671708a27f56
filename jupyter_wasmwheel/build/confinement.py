"""What a confined build can read and write."""

from __future__ import annotations

import contextlib
import os
import re
import site
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli

from .. import build_variables, store
from ..process.confine import Confinement
from ..project.copy import Copy
from ..toolchain import cargo_config, emcc, toml_writer
from ..toolchain.scripts import script
from ..toolchain.toolchain import Toolchain
from .plan import NOTES, Plan

#: The parts of cargo's home that builds read, and the names of its configuration.
CARGO_CACHES, CARGO_CONFIGURATION = ("registry", "git"), ("config.toml", "config")

#: A key of cargo's configuration with a login.
LOGIN_KEY = re.compile(r"token|secret-key|credential[\w-]*")

#: Variables with folders that have more in them than a build reads.
BROAD = (
    *("CARGO_HOME", "HOME", "NETRC", "PATH", "PIP_CONFIG_FILE", "RUSTUP_HOME", "SHELL"),
    *("TEMP", "TMP", "TMPDIR"),
)


def of_build(
    plan: Plan,
    copy: Copy,
    env: Mapping[str, str],
    temporary: Path,
    writable: Sequence[Path] = (),
) -> Confinement | None:
    """Return what a command of a build with some variables can reach, None if it is not confined.

    `temporary` is the folder for its temporary files, and `writable` are more that it writes to.
    """
    if not plan.confined:
        return None
    own = [copy.top, plan.cargo_target, plan.wheels, plan.work / NOTES]
    cargo_home = Path(env.get("CARGO_HOME") or Path.home() / ".cargo")
    readable = [
        *of_python(),
        *_of_toolchain(plan.toolchain),
        *(plan.work / name for name in ("bin", "cross", "crates", ".cargo")),
        *copy.objects,
        *(cargo_home / name for name in CARGO_CACHES),
        *cargo_config.folders_of_user(copy.top, copy.folder, env),
        *of_path(env.get("PATH", "")),
        *of_variables(plan.environ),
        plan.pyo3_config,
        *([plan.headers] if plan.headers else []),
    ]
    return Confinement(
        readable=tuple(readable),
        writable=(*own, *writable),
        hidden=(plan.work.parents[1],),
        replaced=tuple(_without_logins(cargo_home, temporary)),
        temporary=temporary,
        network=plan.request.allow_network and not plan.request.offline,
    )


def of_install(
    plan: Plan, env: Mapping[str, str], folder: Path, temporary: Path
) -> Confinement | None:
    """Return what pip can reach that installs the requirements of a build into a folder.

    It has a network, because it fetches them.
    """
    if not plan.confined:
        return None
    readable = (*of_python(), *of_path(env.get("PATH", "")), *of_variables(env))
    return Confinement(
        readable=readable,
        writable=(folder,),
        hidden=(plan.work.parents[1],),
        temporary=temporary,
        network=True,
    )


def of_python() -> Iterator[Path]:
    """Yield the folders of this Python and of our programs."""
    yield from map(Path, (sys.prefix, sys.base_prefix, sys.base_exec_prefix))
    yield Path(store.__file__).parents[1]
    yield from (script("wasmwheel-cargo").parent, script("maturin", "maturin").parent)
    users = site.getusersitepackages()
    if users in sys.path:
        yield Path(users)


def of_path(path: str) -> Iterator[Path]:
    """Yield the folders of PATH, and the virtual environments that they belong to."""
    for name in filter(os.path.isabs, path.split(os.pathsep)):
        folder = Path(name)
        yield folder
        if (folder.parent / "pyvenv.cfg").is_file():
            yield folder.parent


def of_variables(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files and folders that variables name."""
    for name, value in environ.items():
        if name not in BROAD and not name.startswith("XDG_"):
            for word in re.split(rf"[\s{os.pathsep}]+", value.replace("file://", "")):
                if os.path.isabs(word):
                    yield Path(word)


def _of_toolchain(toolchain: Toolchain | None) -> Iterator[Path]:
    """Yield the folders of the tools that compile."""
    if toolchain is None:
        return
    if rust := toolchain.rust:
        yield from (rust.sysroot, rust.rustc.parent, rust.cargo.parent)
    if toolchain.sysroot and toolchain.sysroot.folder:
        yield toolchain.sysroot.folder
    if toolchain.linker:
        program = toolchain.linker.program
        # Rust's runs rust-lld, which loads a library of its toolchain.
        yield program.parents[5] if program.parent.name == "gcc-ld" else program.parent
    if toolchain.emscripten:
        folder = toolchain.emscripten.folder
        yield folder.parents[1] if folder.match(f"*/{emcc.IN_EMSDK}") else folder


def _without_logins(cargo_home: Path, temporary: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the user's configuration of cargo, with a copy of it that has no logins."""
    for name in CARGO_CONFIGURATION:
        path = cargo_home / name
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = path.read_text(encoding="utf-8")
            shown = temporary / f"cargo-{name}"
            shown.write_text(_shown(text), encoding="utf-8")
            yield path, shown


def _shown(text: str) -> str:
    """Return a configuration of cargo without logins, an empty one if it is invalid."""
    try:
        return toml_writer.dumps(_without_login("", tomli.loads(text)))
    except (ValueError, RecursionError):
        return ""


def _without_login(key: str, value: Any) -> Any:
    """Return the value of a key without keys for logins, and without the logins in addresses."""
    if isinstance(value, dict):
        shown = {name: each for name, each in value.items() if not LOGIN_KEY.fullmatch(name)}
        return {
            build_variables.without_logins("", name): _without_login(name, each)
            for name, each in shown.items()
        }
    if isinstance(value, list):
        return [_without_login(key, each) for each in value]
    return build_variables.without_logins(key, value) if isinstance(value, str) else value
