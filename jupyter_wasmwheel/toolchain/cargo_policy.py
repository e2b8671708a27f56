"""What of a project's configuration of cargo counts when crates are fetched, and what is refused.

Crates are fetched with a network and with the user's logins, before a build is confined.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli

from .. import text_files
from ..api.errors import SourceError, UsageError
from ..api.sanitize import redact
from ..public_hosts import leads_to_public
from ..safe_paths import is_of_other_user
from . import cargo_files, toml_writer
from .cargo_files import ConfigFile, table_of

#: The settings that select crates, by their tables, whole tables of them, and those of a registry.
#: Cargo runs no program and sends no login for these.
_SELECTING = {
    "http": ("low-speed-limit", "multiplexing", "timeout", "user-agent"),
    "net": ("git-fetch-with-cli", "offline", "retry"),
}
_SELECTING_TABLES = ("patch", "resolver", "source", "unstable")
_REGISTRY_KEYS = ("index", "protocol", "token")

#: The keys of these settings with paths, which are relative to the folder with `.cargo`.
_PATHS = ("directory", "local-registry", "path")

#: The keys of addresses in manifests and in cargo's configuration, and those that are accepted in a
#: fetched source. Other ways to write a host can have another meaning for cargo than for us.
_ADDRESS_KEYS = ("git", "index", "registry", "registry-index")
_PUBLIC = re.compile(
    r"((registry|sparse|git)\+)?https://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?([/?#].*)?",
    re.DOTALL,
)

#: The files with logins in cargo's home, and the variables of the user's registries.
CREDENTIALS = ("credentials", "credentials.toml")
_REGISTRY_VARIABLE = re.compile(
    r"CARGO_REGISTRIES_(?P<name>.+)_(?P<setting>INDEX|TOKEN|SECRET_KEY|CREDENTIAL_PROVIDER)"
)


def require_harmless(copy: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Refuse a project's configuration by which cargo would run programs or send logins.

    Cargo fetches crates with a network and with the user's logins, before a build is confined.
    """
    _require_harmless(cargo_files.find(folder, environ), copy, environ)


def require_public(copy: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Refuse addresses of this machine, of local networks and without https in a fetched source.

    Otherwise cargo would connect to them. Those of the user's own registries are accepted.
    """
    files = cargo_files.find(folder, environ)
    own = {*map(str, _indexes([f for f in files if not f.is_in(copy)], environ).values())}
    tables = [(Path(file.origin), file.table) for file in files if file.is_in(copy)]
    for place, names, file_names in os.walk(copy):
        names[:] = [name for name in names if name != ".git"]
        path = Path(place, "Cargo.toml")
        if path.name in file_names and path.is_file():
            tables.append((path, _without_metadata(text_files.read_toml(path))))
    found = {address: path for path, table in tables for address in _addresses(table)}
    for address, path in found.items():
        public = _PUBLIC.fullmatch(address)
        if address not in own and not (public and leads_to_public(public["host"])):
            raise SourceError(
                f"{os.path.relpath(path, copy)} of the fetched source names "
                f"{redact(address):.200}.",
                "Crates of a fetched source are only fetched by https, and from public hosts.",
                "If you trust it, clone or unpack it yourself and pass that folder.",
                code="source.address-not-public",
            )


def _without_metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Cargo.toml without what is for other programs than cargo."""
    tables = {name: table_of(manifest, name) for name in ("package", "project", "workspace")}
    kept = {
        name: {key: value for key, value in table.items() if key != "metadata"}
        for name, table in tables.items()
    }
    return {**manifest, **kept}


def _addresses(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses that cargo can fetch from, in all tables of a file."""
    yield from (name for name in table_of(table, "patch") if ":" in name)
    waiting: list[Any] = [table]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            named = [value.get(key) for key in _ADDRESS_KEYS]
            yield from (each for each in named if isinstance(each, str) and ":" in each)
        elif isinstance(value, list):
            waiting += value


def require_trusted(folder: Path, environ: Mapping[str, str]) -> None:
    """Refuse configuration of another user in a folder above one of ours, as in `/tmp`."""
    _require_trusted(cargo_files.find(folder, environ), environ)


def allowed_settings(
    copy: Path, folder: Path, environ: Mapping[str, str], named: Sequence[Path] = ()
) -> dict[str, Any]:
    """Return the settings of a project that select crates, with absolute paths.

    `named` are more files in the project, which cargo prefers. Harmful settings are refused.
    """
    files = [*cargo_files.find(folder, environ)]
    for path in named:
        files += cargo_files.with_included(path, path, set())
    _require_harmless(files, copy, environ)
    found: dict[str, Any] = {}
    for file in files:
        if file.is_in(copy):
            found = _merged(found, _selecting(file))
    return found


def split_options(options: Sequence[str], copy: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Return the files of a project that `--config=FILE` names, and the other options.

    Paths in these begin in a folder, and become absolute.
    """
    files, others = [], []
    for option in options:
        name, _, text = option.partition("=")
        path = Path(os.path.normpath(folder / text))
        if name != "--config":
            others.append(option)
        elif not os.path.exists(path):
            others.append(f"{name}={_with_absolute_path(text, folder)}")
        elif path.is_relative_to(copy) or path.resolve().is_relative_to(copy.resolve()):
            files.append(path)
        else:
            others.append(f"{name}={path}")
    return files, others


def _with_absolute_path(text: str, folder: Path) -> str:
    """Return a `KEY=VALUE` with an absolute path, if it has one that begins in a folder."""
    try:
        table = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return text  # cargo reports it
    absolute = _with_absolute_paths(table, folder)
    return text if absolute == table or len(table) > 1 else toml_writer.dotted(absolute)


def _require_harmless(files: Sequence[ConfigFile], copy: Path, environ: Mapping[str, str]) -> None:
    others = [file for file in files if not file.is_in(copy)]
    _require_trusted(others, environ)
    indexes = _indexes(others, environ)
    for file in [file for file in files if file.is_in(copy)]:
        for found in _harmful(file, copy, indexes):
            place = os.path.relpath(file.origin, copy)
            raise SourceError(
                f"Cargo's configuration in the project contains {found}.",
                f"Cargo would use it to fetch crates, with your rights and logins ({place}).",
                f"If you trust the project, move the setting from {place} to the configuration "
                "in your home, `~/.cargo/config.toml`. Otherwise, remove it.",
                code="project.cargo-configuration",
            )


def _require_trusted(files: Iterable[ConfigFile], environ: Mapping[str, str]) -> None:
    """Refuse files of another user, except in cargo's home, which the user chooses."""
    for path in (file.root for file in files if file.root):
        if path.parent != cargo_files.home(environ) and is_of_other_user(path):
            raise UsageError(
                f"Cargo's configuration {path} is not used.",
                "It belongs to another user, and cargo would run the programs that it names.",
                f"Remove {path.parent}, or set WASMWHEEL_HOME to a folder that is not below it.",
                code="config.untrusted-cargo",
            )


def _indexes(files: Iterable[ConfigFile], environ: Mapping[str, str]) -> dict[str, object]:
    """Return the addresses of the user's own registries, None where only a login is known.

    Their names are those in variables, which are the same for several registries.
    """
    found: dict[str, object] = {}
    logins = [cargo_files.load(cargo_files.home(environ) / name)[0] for name in CREDENTIALS]
    for table in (*logins, *(file.table for file in files)):
        for name, registry in table_of(table, "registries").items():
            index = registry.get("index") if isinstance(registry, dict) else None
            found[_in_variable(name)] = index or found.get(_in_variable(name))
    for variable, value in environ.items():
        if match := _REGISTRY_VARIABLE.fullmatch(variable):
            is_index = match["setting"] == "INDEX"
            found[match["name"]] = value if is_index else found.get(match["name"])
    return found


def _in_variable(name: str) -> str:
    """Return the name of a registry as it is in variables."""
    return re.sub(r"[.-]", "_", name).upper()


def _selecting(file: ConfigFile) -> dict[str, Any]:
    """Return the settings of a file that select crates, with absolute paths."""
    found: dict[str, Any] = {
        name: _chosen(file.table, name, keys) for name, keys in _SELECTING.items()
    }
    found |= {name: table_of(file.table, name) for name in _SELECTING_TABLES}
    registries = table_of(file.table, "registries")
    found["registries"] = {name: _chosen(registries, name, _REGISTRY_KEYS) for name in registries}
    paths = file.table.get("paths")
    found["paths"] = paths if isinstance(paths, list) else []
    return _with_absolute_paths(found, Path(file.origin).parent.parent)


def _chosen(table: Mapping[str, Any], name: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return only some keys of the table with a name in another one."""
    return {key: value for key, value in table_of(table, name).items() if key in keys}


def _with_absolute_paths(table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return settings with absolute paths of crates; relative ones begin in a folder."""

    def absolute(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: absolute(each, name) for name, each in value.items()}
        return os.path.join(base, value) if key in _PATHS and isinstance(value, str) else value

    found = {name: absolute(table[name]) for name in ("patch", "source") if name in table}
    if isinstance(table.get("paths"), list):
        found["paths"] = [absolute(each, "path") for each in table["paths"]]
    return {**table, **found}


def _merged(first: Any, second: Any) -> Any:
    """Merge settings as cargo does: it prefers the second ones, and joins lists."""
    if isinstance(first, dict) and isinstance(second, dict):
        both = {name: _merged(first[name], second[name]) for name in first if name in second}
        return {**first, **second, **both}
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    return second


def _harmful(file: ConfigFile, copy: Path, indexes: Mapping[str, object]) -> Iterator[str]:
    """Yield what cargo must not use of a project's file of configuration when it fetches crates.

    `indexes` are the addresses of the user's own registries by their names in variables.
    """
    if file.problem:
        yield f"an error: {file.problem}"
    if not Path(os.path.realpath(file.origin)).is_relative_to(os.path.realpath(copy)):
        yield "a file outside the project"
    if "credential-alias" in file.table:
        yield "`[credential-alias]`"
    for name in table_of(file.table, "registry"):
        if "credential" in name:
            yield f"`registry.{name}`"
    for name in table_of(file.table, "http"):
        if "proxy" in name or "cainfo" in name:
            yield f"`http.{name}`"
    registries = table_of(file.table, "registries")
    for name in registries:
        table = table_of(registries, name)
        yield from (f"`registries.{name}.{each}`" for each in table if "credential" in each)
        own = indexes.get(_in_variable(name), table.get("index"))
        if own is None and "index" in table:
            yield f"the address of the registry {name}, for which you have a login"
        elif table.get("index", own) != own:
            yield f"another address for your registry {name}"
