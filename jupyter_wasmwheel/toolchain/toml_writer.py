"""A writer of TOML for cargo's configuration, as tomlkit takes too long to import.

Tables are written inline, which is the same to cargo.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def dumps(table: Mapping[str, Any]) -> str:
    """Return a table that was read from TOML as a file, with a line for each of its keys."""
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in table.items())


def dotted(table: Mapping[str, Any]) -> str:
    """Return a table with one value as `KEY.KEY=VALUE`, which `--config` requires."""
    ((key, value),) = table.items()
    if isinstance(value, dict) and len(value) == 1:
        return f"{_text(key)}.{dotted(value)}"
    return f"{_text(key)}={_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        pairs = [f"{_text(key)} = {_value(each)}" for key, each in value.items()]
        return f"{{ {', '.join(pairs)} }}"
    return str(value)  # numbers and dates


def _text(text: str) -> str:
    """Return a text as a basic string: JSON's, but TOML allows no raw DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
