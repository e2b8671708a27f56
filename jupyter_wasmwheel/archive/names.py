"""Names of members and targets of links, checked by their components alone.

No path is resolved: the result would depend on the disk, and is unknown for paths that are longer
than the system's limit (CVE-2025-4517).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping

from ..safe_paths import MAX_DEPTH, is_valid_on_windows
from .errors import DamagedError, UnsafeError

Parts = tuple[str, ...]

#: Limits of a member's path: bytes of each component, and bytes of all. File systems accept
#: components of 255 bytes, and whole paths of 4,096 (Linux) or 1,024 (macOS).
MAX_COMPONENT_BYTES, MAX_PATH_BYTES = 255, 1000

#: Invisible characters that some file systems ignore in names (HFS+).
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def split_member_name(name: str, *, windows: bool = os.name == "nt") -> Parts:
    """Return the components of a member's name, which are empty for the archive's top."""
    parts = _split(name)
    if name.startswith("/") or ".." in parts:
        raise UnsafeError(f"its member {name!r:.200} would be written outside its folder")
    if windows and not all(map(is_valid_on_windows, parts)):
        raise UnsafeError(f"its member {name!r:.200} has a name that is invalid on Windows")
    return parts


def _split(path: str) -> Parts:
    if "\0" in path:
        raise UnsafeError(f"the path {path!r:.200} contains NUL")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    sizes = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    if len(parts) > MAX_DEPTH:
        raise UnsafeError(f"the path {path!r:.200} has more than {MAX_DEPTH} components")
    if max(sizes, default=0) > MAX_COMPONENT_BYTES or sum(sizes) + len(parts) > MAX_PATH_BYTES:
        raise UnsafeError(f"the path {path!r:.200} is too long")
    return parts


def check_links(links: Mapping[Parts, str], within: int) -> None:
    """Check that all links of an archive lead to places inside it.

    A link must not leave the first `within` components of its own path either. It can lead to
    another link, but not through one, as its components would not show where it ends.
    """
    known = {_key(parts) for parts in links}
    for parts, target in links.items():
        shown = f"its link {'/'.join(parts)!r:.200} to {target!r:.200}"
        if not target:
            raise DamagedError(f"{shown} has no target")
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
    """Return the path as a file system compares it that ignores case and Unicode forms."""
    visible = (_IGNORED.sub("", part) for part in parts)
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in visible)
