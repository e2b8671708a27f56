"""Exported files, and readable YAML."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import yaml
from msgspec import Struct


class File(Struct, frozen=True, kw_only=True):
    """An exported file; its path is relative to the output folder."""

    path: PurePosixPath
    text: str


class _Dumper(yaml.SafeDumper):
    """A dumper with multi-line texts as blocks, and lists indented below their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(data: dict[str, Any], comment: str) -> str:
    """Return a document as YAML in the order of its keys, after a comment."""
    lines = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return lines + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96)
