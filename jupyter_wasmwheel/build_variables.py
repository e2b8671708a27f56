"""Environment variables of builds: an allow-list (build_variables.toml) and a setting.

The environment of a terminal or a server is full of tokens. So a package's code gets only variables
that builds need, and those that the user names. Our own code that fetches gets more; it passes
logins to git and pip by files.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import resources

from .api.sanitize import REDACTED, redact

#: The groups that are hidden from builds.
HIDDEN_GROUPS = PIP, OURS, SECRET, NEVER = "pip", "ours", "secret", "never"

#: The group whose values can have a proxy's login.
NETWORK = "network"

_SCHEME = re.compile(r"\w[\w+.-]*:/+")


@functools.cache
def groups() -> Mapping[str, tuple[str, ...]]:
    """Return the names and patterns of each group."""
    text = (resources.files(__package__) / "build_variables.toml").read_text(encoding="utf-8")
    return {name: tuple(table["names"]) for name, table in tomllib.loads(text).items()}


def for_build(environ: Mapping[str, str], named: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables of a build; `named` are the names and patterns of the setting.

    Logins are removed from the values of variables that the setting does not name in full.
    """
    known = [
        pattern
        for group, patterns in groups().items()
        if group not in HIDDEN_GROUPS
        for pattern in patterns
    ]
    return _chosen(environ, [*known, *named], named, redacted=True)


def for_download(environ: Mapping[str, str], named: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables of a download, which include the login of a proxy."""
    proxies = _chosen(environ, groups()[NETWORK], (), redacted=False)
    return for_build(environ, named) | proxies


def for_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that pip reads, without logins."""
    return _chosen(environ, groups()[PIP], (), redacted=True)


def for_own_code(environ: Mapping[str, str], named: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables of our own processes that fetch and start builds."""
    own = {
        name: value
        for name, value in environ.items()
        if _matches(name, groups()[OURS]) and not _matches(name.upper(), groups()[NEVER])
    }
    known = [pattern for patterns in groups().values() for pattern in patterns]
    known = [pattern for pattern in known if pattern not in groups()[SECRET]]
    return _chosen(environ, [*known, *named], named, redacted=False) | own


def named_variables(environ: Mapping[str, str], named: Sequence[str]) -> dict[str, str]:
    """Return the variables that the setting names."""
    return {name: value for name, value in environ.items() if _matches(name, named)}


def _chosen(
    environ: Mapping[str, str], known: Sequence[str], named: Sequence[str], *, redacted: bool
) -> dict[str, str]:
    secret, never = groups()[SECRET], groups()[NEVER]
    found = {}
    for name, value in environ.items():
        if _matches(name.upper(), never) or not _matches(name, known):
            continue
        if name in named:
            found[name] = value
        elif not _matches(name.upper(), secret):
            found[name] = without_logins(name, value) if redacted else value
    return found


def without_logins(name: str, value: str) -> str:
    """Return a setting's value without the logins of its URLs; a proxy's can lack `://`."""
    if name.lower().endswith("proxy") and "@" in value:
        scheme = _SCHEME.match(value)
        return (scheme[0] if scheme else "") + value.rpartition("@")[2]
    return redact(value).replace(f"/{REDACTED}@", "/")


def _matches(name: str, patterns: Sequence[str]) -> bool:
    exact, starts, others = _sorted(tuple(patterns))
    return name in exact or name.startswith(starts) or any(fnmatchcase(name, e) for e in others)


@functools.cache
def _sorted(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """Return the names, the starts of `START*`, and other patterns, which are slow to compile."""
    wild = {each for each in patterns if set("*?[") & set(each)}
    starts = {each for each in wild if each.endswith("*") and not set("*?[") & set(each[:-1])}
    exact = frozenset(patterns) - wild
    return exact, tuple(each[:-1] for each in sorted(starts)), tuple(sorted(wild - starts))
