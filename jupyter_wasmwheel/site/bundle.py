"""A site as one zip that any static host serves, or `python -m http.server` from a USB stick.

Everything in a site is relative, so its files are a bundle as they are: less what is this machine's
alone, and what only tabs that are open already still need. The same site makes the same bytes.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ..api.errors import SiteError
from ..api.events import Emitter, Progress
from ..safe_paths import LARGEST, is_name_on_windows
from . import data, kernel_files, publish, wheels
from .lite import PYODIDE, Site

#: What is in it besides the site, and says how it is used.
README = "README.txt"

#: A zip has no times before this one; it keeps the bytes the same.
TIME = (1980, 1, 1, 0, 0, 0)

#: The endings of files that are compressed already.
COMPRESSED = (".gz", ".png", ".whl", ".woff", ".woff2", ".zip")

ABOUT = """\
{title}

A JupyterLite site with all that it needs. Python runs in the browser, and nothing is asked of any
other host.

On one computer, or from a USB stick: in this folder, run

    python3 -m http.server --bind 127.0.0.1 8000

and open http://127.0.0.1:8000/ in a browser. To open index.html as a file does not work.

For others: put this folder on any static web server that has https. By plain http from one computer
to the others of a room (python3 -m http.server 8000) notebooks run as well, but what Python writes
into files is gone when the page is closed.

What is written in a notebook is kept by the browser, under the address that it was opened at.
"""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that was written; `files` is how many there are in it, `size` its own in bytes."""

    path: Path
    files: int
    size: int


def write(site: Site, out: Path, emit: Emitter) -> Bundle:
    """Write a site's bundle to a file, whole or not at all; a SiteError where it needs a CDN."""
    if site.mode == "cdn":
        raise SiteError(
            f"Site {site.name} requires the network.",
            "It loads Pyodide from its CDN.",
            "Create an offline site: `jupyter wasmwheel site create NAME`, without --cdn.",
            code="site.needs-network",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file, publish.locked(site, emit):
            names = sorted(_files(site))
            with zipfile.ZipFile(file, "w") as archive:
                _add(archive, f"{site.name}/{README}", ABOUT.format(title=site.name).encode())
                for count, where in enumerate(names):
                    emit(Progress(done=count, total=len(names), unit="files", label=where))
                    _add(archive, f"{site.name}/{where}", site.root.read(where, LARGEST))
        beside.chmod(0o644)
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)
    return Bundle(path=out, files=len(names) + 1, size=out.stat().st_size)


def _files(site: Site) -> list[str]:
    """Return the files that a browser may ask for, less those that the lock no longer names.

    A SiteError where one of them is a link: what it points to may be a secret, or not be there.
    """
    entries = site.read_lock().packages.values()
    named = {each.file_name for each in entries}
    named |= {place for each in entries for place in data.places(each).values()}
    named |= set(kernel_files.places(site.beside))
    named = {f"{PYODIDE}/{place}" for place in named}
    folders = (wheels.PUBLISHED, wheels.BROUGHT, data.FOLDER)
    by_lock = tuple(f"{PYODIDE}/{folder}/" for folder in folders)
    found = set(site.root.walk())
    for name in found:
        # Others unpack it on systems on which a name may mean a path.
        if not name.isprintable() or not all(map(is_name_on_windows, name.split("/"))):
            raise SiteError(
                f"The file {name!r:.200} cannot be in a bundle.",
                "Its name is not one that every system takes for a file's.",
                "Rename or remove it, and bundle the site again.",
                code="site.invalid-file-name",
            )
    # What is another one's compressed form, only our own server sends.
    compressed = {name for name in found if name.endswith(".gz") and name[:-3] in found}
    return [name for name in found - compressed if name in named or not name.startswith(by_lock)]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, TIME)
    info.create_system = 3  # Unix, whichever system this is
    info.external_attr = 0o644 << 16
    packed = name.endswith(COMPRESSED)
    info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    archive.writestr(info, content)
