"""A site as a zip for any static web server, or for `python -m http.server` from a USB stick.

All paths in a site are relative, so a bundle has its files as they are, except private ones and
those that only open tabs still need. The same site gives the same bytes.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from msgspec import Struct

from ..api.errors import SiteError
from ..api.events import Emitter, Progress
from ..safe_paths import MAX_FILE_BYTES, is_valid_on_windows
from . import data, kernel_files, publish, wheels
from .lite import PYODIDE, Site

#: The instructions that are added to the site's files.
README_FILE = "README.txt"
README = """\
{title}

A JupyterLite site with everything it needs. Python runs in the browser, without access to other
hosts.

On one computer, or from a USB stick: run this in this folder

    python3 -m http.server --bind 127.0.0.1 8000

and open http://127.0.0.1:8000/ in a browser. Opening index.html as a file does not work.

For others: put this folder on any static web server with https. With plain http between computers
of one room (python3 -m http.server 8000), notebooks run too, but files that Python writes are lost
when the page is closed.

The browser keeps the notebooks that you write, under the address that you opened.
"""

#: The earliest time that a zip can have, for reproducible bytes.
TIME = (1980, 1, 1, 0, 0, 0)

#: The endings of files that are compressed already.
COMPRESSED = (".gz", ".png", ".whl", ".woff", ".woff2", ".zip")


class Bundle(Struct, frozen=True, kw_only=True):
    """A bundle that was written; `files` is their number, `size` that of the zip in bytes."""

    path: Path
    files: int
    size: int


def write(site: Site, out: Path, emit: Emitter) -> Bundle:
    """Write a site's bundle to a file, whole or not at all; raise a SiteError if it needs a CDN."""
    if site.mode == "cdn":
        raise SiteError(
            f"Site {site.name} requires the network.",
            "It loads Pyodide from its CDN.",
            "Create an offline site: `jupyter wasmwheel site create NAME`, without --cdn.",
            code="site.needs-network",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file, publish.locked(site, emit):
            names = sorted(_files(site))
            with zipfile.ZipFile(file, "w") as archive:
                _add(archive, f"{site.name}/{README_FILE}", README.format(title=site.name).encode())
                for count, each in enumerate(names):
                    emit(Progress(done=count, total=len(names), unit="files", label=each))
                    _add(archive, f"{site.name}/{each}", site.root.read(each, MAX_FILE_BYTES))
        temporary.chmod(0o644)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return Bundle(path=out, files=len(names) + 1, size=out.stat().st_size)


def _files(site: Site) -> list[str]:
    """Return the files that a browser may request, except those that the lock no longer names.

    Raise a SiteError if one is a link, which may point to a secret.
    """
    entries = site.read_lock().packages.values()
    named = {each.file_name for each in entries}
    named |= {place for each in entries for place in data.places(each).values()}
    named |= {f"{name}{wheels.METADATA}" for name in named}
    named |= set(kernel_files.places(site.package_root))
    named = {f"{PYODIDE}/{place}" for place in named}
    folders = (wheels.PUBLISHED, wheels.DEPENDENCIES, data.FOLDER)
    by_lock = tuple(f"{PYODIDE}/{folder}/" for folder in folders)
    found = set(site.root.walk())
    for name in found:
        # On the systems where others unpack it, a name may be more than a name.
        if not name.isprintable() or not all(map(is_valid_on_windows, name.split("/"))):
            raise SiteError(
                f"The file {name!r:.200} cannot be in a bundle.",
                "Its name is not a valid file name on every system.",
                "Rename or remove it, and bundle the site again.",
                code="site.invalid-file-name",
            )
    # Only our own server sends the compressed forms of other files.
    compressed = {name for name in found if name.endswith(".gz") and name[:-3] in found}
    return [name for name in found - compressed if name in named or not name.startswith(by_lock)]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, TIME)
    info.create_system = 3  # Unix, whichever system this is
    info.external_attr = 0o644 << 16
    packed = name.endswith(COMPRESSED)
    info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    archive.writestr(info, content)
