"""The settings of a build backend (PEP 517), given as to pip: `-C KEY=VALUE`."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping

#: The settings of a backend by their keys.
Settings = Mapping[str, str | list[str]]

#: maturin's keys for arguments of `maturin build`; the first one counts.
MATURIN_KEYS = ("maturin.build-args", "build-args")


def parse(entries: Iterable[str]) -> Settings:
    """Return the settings of entries `KEY=VALUE` or `KEY`; a repeated key has a list of values."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        key, _, value = entry.partition("=")
        values[key].append(value)
    return {key: each[0] if len(each) == 1 else each for key, each in values.items()}


def values(settings: Settings, key: str) -> list[str]:
    """Return all values of a key."""
    found = settings.get(key, [])
    return [found] if isinstance(found, str) else found


def maturin_arguments(settings: Settings, default: str) -> list[str]:
    """Return the arguments for `maturin build`, as its backend reads them.

    `default` are those of its variable, which a setting replaces.
    """
    key = next((each for each in MATURIN_KEYS if each in settings), None)
    found = settings[key] if key else default
    return shlex.split(found) if isinstance(found, str) else found
