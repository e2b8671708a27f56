"""Fuzz targets: functions of bytes that may only raise errors of this package."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path

import httpx2
import msgspec
from packaging.requirements import Requirement
from unearth.fetchers import PyPIClient

from jupyter_wasmwheel import archive, wheel
from jupyter_wasmwheel.api.errors import WasmwheelError
from jupyter_wasmwheel.api.events import decode
from jupyter_wasmwheel.api.jobs import Job, apply
from jupyter_wasmwheel.api.requests import PostedRequest, parse
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import lock
from jupyter_wasmwheel.site import lite, publish
from jupyter_wasmwheel.site.lite import Site

#: The file names for an archive's bytes; the first byte selects one.
NAMES = ("x-1.zip", "x-1.tar.gz", "x-1.tar.xz", "x-1.tar.bz2", "x-1-py3-none-any.whl")

CORPUS = Path(__file__).parent / "corpus"


def archives(data: bytes) -> None:
    """Unpack an archive, or read a wheel; check that nothing is written outside its folder."""
    if not data:
        return
    folder = Path(tempfile.mkdtemp(prefix="wasmwheel-fuzz-"))
    try:
        path = folder / NAMES[data[0] % len(NAMES)]
        path.write_bytes(data[1:])
        inside = folder / "in"
        inside.mkdir()
        try:
            if path.suffix == ".whl":
                wheel.read(path)
            else:
                archive.unpack(path, inside)
        except WasmwheelError:
            pass
        assert sorted(folder.iterdir()) == sorted([inside, path])
        for each in inside.rglob("*"):
            assert each.resolve().is_relative_to(inside.resolve()), each
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def locks(data: bytes) -> None:
    """Read a lock, and write it again."""
    with tempfile.TemporaryDirectory(prefix="wasmwheel-fuzz-") as folder:
        path = Path(folder) / "pyodide-lock.json"
        path.write_bytes(data)
        try:
            found = lock.read(path)
            entries = dict(found.packages)
        except WasmwheelError:
            return
        found.write(path)
        assert dict(lock.read(path).packages) == entries


def sites(data: bytes) -> None:
    """Read a site's record, which is before the first empty line, and its lock, which is after."""
    record, _, packages = data.partition(b"\n\n")
    with tempfile.TemporaryDirectory(prefix="wasmwheel-fuzz-") as name:
        folder = Path(name)
        for place in (folder / lite.PRIVATE, folder / "static/pyodide"):
            place.mkdir(parents=True)
            (place / lock.FILE).write_bytes(packages)
        (folder / lite.RECORD).write_bytes(record)
        found = lite.check_site(folder)
        if isinstance(found, Site):
            with contextlib.suppress(WasmwheelError):
                publish.list_packages(found)


def requests(data: bytes) -> None:
    """Resolve a posted request."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return  # the server answers that it is not JSON
    with contextlib.suppress(WasmwheelError):
        found = parse(body, PostedRequest)
        assert parse(json.loads(msgspec.json.encode(found)), PostedRequest) == found


def events(data: bytes) -> None:
    """Apply the events of a worker's output to a job."""
    job = Job(id="1", kind="build", state="running", request={}, name="", version=None, created=0)
    for event, _ in decode(data.split(b"\n")):
        job = apply(job, event)
        msgspec.json.encode(job)


def index_pages(data: bytes) -> None:
    """Find packages on a page of an index, which is JSON if it starts with a brace, and fetch them.

    Each file has the page's bytes.
    """
    kind = "application/vnd.pypi.simple.v1+json" if data[:1] == b"{" else "text/html"
    answer = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"Content-Type": kind}, content=data)
    )
    index = Index()
    index._client = PyPIClient(mounts={"https://": answer, "http://": answer})
    requirement = Requirement("hello")
    with tempfile.TemporaryDirectory(prefix="wasmwheel-fuzz-") as name:
        inside = Path(name, "in")
        inside.mkdir()
        for find in (index.find_sdist, index.find_wheel):
            with contextlib.suppress(WasmwheelError):
                index.fetch(find(requirement, (3, 14)), inside)
        assert [*Path(name).iterdir()] == [inside]


TARGETS = {
    "archives": archives,
    "locks": locks,
    "sites": sites,
    "requests": requests,
    "events": events,
    "index_pages": index_pages,
}
