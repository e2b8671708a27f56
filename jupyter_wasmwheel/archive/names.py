"""Members' names and links' targets, judged by their components alone.

No path is resolved: what a path resolves to depends on what is on the disk, and beyond the longest
path that the system takes it is not known at all (CVE-2025-4517).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping

from ..safe_paths import MAX_DEPTH, is_valid_on_windows
from .errors import DamagedError, UnsafeError

Parts = tuple[str, ...]

#: Limits of a member's path: bytes of each component, and bytes of all. A file system takes
#: components of 255 bytes, and a path of 4,096 (Linux) or 1,024 (macOS) with the folder's own.
MAX_COMPONENT_BYTES, MAX_PATH_BYTES = 255, 1000

#: What some file systems leave out of names (HFS+), all of it invisible.
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def split_member_name(name: str, *, windows: bool = os.name == "nt") -> Parts:
    """Return the components of a member's name, none for the archive's top.

    An UnsafeError says why a name is refused.
    """
    parts = _split(name)
    if name.startswith("/") or ".." in parts:
        raise UnsafeError(f"its member {name!r:.200} would be written outside its folder")
    if windows and not all(map(is_valid_on_windows, parts)):
        raise UnsafeError(f"its member {name!r:.200} has a name that Windows does not take")
    return parts


def _split(path: str) -> Parts:
    if "\0" in path:
        raise UnsafeError(f"the path {path!r:.200} has a NUL in it")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    sizes = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    if len(parts) > MAX_DEPTH:
        raise UnsafeError(f"the path {path!r:.200} has more than {MAX_DEPTH} components")
    if max(sizes, default=0) > MAX_COMPONENT_BYTES or sum(sizes) + len(parts) > MAX_PATH_BYTES:
        raise UnsafeError(f"the path {path!r:.200} is too long")
    return parts


def check_links(links: Mapping[Parts, str], within: int) -> None:
    """Check that all links of an archive lead to places inside it; an UnsafeError names another.

    A link may not leave the first `within` components of its own path either. None may lead through
    another one, because its components would no longer say where it ends; it may lead to another.
    """
    known = {_key(parts) for parts in links}
    for parts, target in links.items():
        shown = f"its link {'/'.join(parts)!r:.200} to {target!r:.200}"
        if not target:
            raise DamagedError(f"{shown} leads nowhere")
        if target.startswith("/"):
            raise UnsafeError(f"{shown} leads to an absolute path")
        here = list(parts[:-1])
        floor = min(within, len(here))
        steps = _split(target)
        for step in steps[:-1]:
            _walk(here, step, floor, shown)
            if _key(here) in known:
                raise UnsafeError(f"{shown} leads through another link")
        for step in steps[-1:]:
            _walk(here, step, floor, shown)


def _walk(here: list[str], step: str, floor: int, shown: str) -> None:
    if step != "..":
        here.append(step)
    elif len(here) > floor:
        here.pop()
    else:
        raise UnsafeError(f"{shown} leads outside its folder")


def _key(parts: Iterable[str]) -> Parts:
    """Return what a path is called on a file system that ignores case and Unicode's forms."""
    visible = (_IGNORED.sub("", part) for part in parts)
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in visible)
