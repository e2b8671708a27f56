"""Lock files of cargo with versions that the registry lacks or that Rust no longer compiles."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from .. import text_files
from ..api.errors import SiteError, SourceError
from ..safe_paths import Root
from ..store import replace_file
from .cargo_resolver import Resolver

#: Matches cargo's error for a locked version that it cannot get.
_LOCKED = re.compile(r"requirement `(?P<name>[\w-]+) = [^`]*` \(locked to (?P<version>[^)]+)\)")

#: Matches a package in a lock file.
_PACKAGE = re.compile(r'^name = "(?P<name>[^"]+)"\nversion = "(?P<version>[^"]+)"$', re.M)

#: Versions of crates that current Rust does not compile, according to its own error messages.
TOO_OLD = {"time": ">=0.3,<0.3.35", "wasm-bindgen": ">=0.2,<0.2.88"}


def locked_packages(lock: Path) -> list[dict[str, Any]]:
    """Return the packages in a lock file with name and version, none if it is not a valid one.

    A build could have replaced the file by a pipe, or by an endless one.
    """
    try:
        table = text_files.parse_toml(Root(lock.parent).read(lock.name), lock)
    except (OSError, SiteError, SourceError):
        return []  # cargo says what is wrong with it
    packages = table.get("package")
    return [
        each
        for each in (packages if isinstance(packages, list) else [])
        if isinstance(each, dict)
        and isinstance(each.get("name"), str)
        and isinstance(each.get("version"), str)
    ]


def replace_unusable(lock: Path, resolver: Resolver, kept: Path, *, offline: bool = False) -> None:
    """Replace the versions in a Cargo.lock that the registry lacks or Rust does not compile.

    No others are replaced. If cargo does not accept the result, the file is removed, and cargo
    selects all versions. The result is kept in the folder `kept`, as cargo needs seconds for it.
    Cargo does not read a lock without a manifest beside it.
    """
    manifest = lock.with_name("Cargo.toml")
    if not manifest.is_file():
        return
    text = text_files.read_text(lock)
    result = kept / hashlib.sha256(f"{TOO_OLD}{text}".encode()).hexdigest()
    if not result.is_file():
        for found in _PACKAGE.finditer(text):
            if found["version"] in SpecifierSet(TOO_OLD.get(found["name"], "<0")):
                text = _without(text, found["name"], found["version"])
        lock.write_text(text, encoding="utf-8")
        command = ["update", "--workspace", f"--manifest-path={manifest}"]
        command += ["--offline"] if offline else []
        while (missing := _missing(resolver, command)) is not None:
            shorter = _without(text, *missing) if missing else text
            if shorter == text:
                lock.unlink()
                return
            text = shorter
            lock.write_text(text, encoding="utf-8")
        kept.mkdir(parents=True, exist_ok=True)
        replace_file(result, lock.read_bytes())
    lock.write_bytes(result.read_bytes())


def _missing(resolver: Resolver, command: list[str]) -> tuple[str, ...] | None:
    """Return name and version of a missing crate, nothing for other errors, None for success."""
    done = resolver.run(*command)
    if done.returncode == 0:
        return None
    found = _LOCKED.search(done.stderr)
    return (found["name"], found["version"]) if found else ()


def _without(text: str, name: str, version: str) -> str:
    """Return a lock file without a package; cargo leaves out what still refers to it."""
    head = f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
    return re.sub(rf"{re.escape(head)}(.+\n)*\n?", "", text.replace("\r\n", "\n"))
