"""Cargo that resolves and fetches crates, outside the confinement of builds.

It has a network, the user's logins and all of the user's files. Cargo takes its configuration from
the folder that it runs in and from those above: a project's could preload a library into rustc by
`[env]`, or name programs. So cargo never runs in a project, but in a folder of ours with only those
of the project's settings that select crates. No other module runs cargo for a project outside the
confinement.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ..process.run import Command
from . import cargo_config, cargo_policy, toml_writer
from .rust import Rust

#: The folder that cargo runs in, beside the private copy of a project.
FOLDER = "resolution"

#: The variables with programs that cargo runs instead of rustc; empty ones replace the user's.
WRAPPERS = (
    *("RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"),
    *("CARGO_BUILD_RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"),
)


class Resolver(Struct, frozen=True, kw_only=True):
    """Cargo, the folder that it runs in, its variables, and the options that select crates."""

    cargo: Path
    folder: Path
    env: Mapping[str, str]
    options: tuple[str, ...] = ()

    def command(self, *words: str) -> Command:
        """Return the command that runs cargo with some words."""
        return Command(words=[str(self.cargo), *words], cwd=self.folder, env=self.env)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run cargo with some words, and return its output."""
        command = self.command(*words)
        return subprocess.run(
            command.words,
            cwd=command.cwd,
            env=command.env,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )


def for_project(
    rust: Rust,
    top: Path,
    folder: Path,
    env: Mapping[str, str],
    options: Sequence[str] = (),
    *,
    is_own: bool,
) -> Resolver:
    """Return the cargo for a project in a folder of its private copy `top`.

    One that is not the user's own can only name public hosts. Of cargo's `options`, those with
    paths are translated for the folder that cargo runs in.
    """
    named, others = cargo_policy.split_options(options, top, folder)
    if not is_own:
        cargo_policy.require_public(top, folder, env)
    settings = cargo_policy.allowed_settings(top, folder, env, named)
    place = top.parent / FOLDER
    (place / ".cargo").mkdir(parents=True, exist_ok=True)
    (place / ".cargo/config.toml").write_text(toml_writer.dumps(settings), encoding="utf-8")
    return _resolver(rust, place, env, others)


def for_user(rust: Rust, folder: Path, env: Mapping[str, str]) -> Resolver:
    """Return the cargo with only the user's configuration; it runs in an empty folder."""
    cargo_policy.require_trusted(folder, env)
    return _resolver(rust, folder, env)


def _resolver(
    rust: Rust, folder: Path, env: Mapping[str, str], options: Sequence[str] = ()
) -> Resolver:
    # Of the compiler's flags, only those that crates can be required for.
    flags = env.get(cargo_config.ENCODED, "").split(cargo_config.SEPARATOR)
    flags = [each for each in flags if each.startswith("--cfg=")]
    own = {
        **dict.fromkeys(WRAPPERS, ""),
        cargo_config.ENCODED: cargo_config.SEPARATOR.join(flags),
        "RUSTC": str(rust.rustc),
    }
    return Resolver(cargo=rust.cargo, folder=folder, env={**env, **own}, options=tuple(options))
