"""Attacks on archives and sites by people who did not write the defense."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import stat
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel import archive, wheel
from jupyter_wasmwheel.api.errors import CheckError, SiteError, SourceError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.archive.errors import UnsafeError
from jupyter_wasmwheel.archive.names import split_member_name
from jupyter_wasmwheel.runtime import lock
from jupyter_wasmwheel.site import bundle, lite, publish
from jupyter_wasmwheel.site.lite import DamagedSite, Site
from tests.fixtures import site_server
from tests.fixtures.archive_factory import folder, link, tar_of
from tests.fixtures.site_factory import publish_one, small_site, tiny_wheel


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return small_site(tmp_path / "site")


def zip_with_link(path: Path, target: str) -> Path:
    info = zipfile.ZipInfo("x/link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(info, target)
    return path


# Archives


def test_dangling_link_is_rejected(tmp_path: Path) -> None:
    for path in (
        tar_of(tmp_path / "x.tar.gz", [link("x/link", "")]),
        zip_with_link(tmp_path / "x.zip", ""),
    ):
        with pytest.raises(SourceError, match="has no target"):
            archive.unpack(path, tmp_path / "in")


@pytest.mark.parametrize("mark", ["\u200c", "\u202e", "\ufeff", "\u206f"])
def test_link_through_name_with_invisible_mark_is_rejected(tmp_path: Path, mark: str) -> None:
    # HFS+ drops the mark from the name, so the second link leads through the first.
    entries = [
        folder("x/d/e"),
        link(f"x/d/e/i{mark}n", "../.."),
        link("x/over", "d/e/in/../../precious"),
    ]
    with pytest.raises(SourceError, match="through another link"):
        archive.unpack(tar_of(tmp_path / "x.tar.gz", entries), tmp_path / "in")


def test_many_pax_records_are_rejected_quickly(tmp_path: Path) -> None:
    records = b"5 a=\n" * 52_000
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    block = info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)
    path = tmp_path / "x.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as made:
        for _ in range(400):
            made.write(block)
    begin = time.process_time()
    with pytest.raises(SourceError, match="records"):
        archive.unpack(path, tmp_path / "in")
    assert time.process_time() - begin < 20


@pytest.mark.parametrize("name", ["COM¹", "lpt².txt", "nul .txt", "AUX  .h", "Lpt³.tar.gz"])
def test_windows_device_name_is_rejected(name: str) -> None:
    with pytest.raises(UnsafeError, match="Windows"):
        split_member_name(f"x/{name}", windows=True)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["tiny.py", "./tiny.py", "tiny-1.0.dist-info//WHEEL"])
def test_wheel_with_duplicate_member_is_rejected(tmp_path: Path, again: str) -> None:
    path = tiny_wheel(tmp_path).path
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(again, "evil")
    with pytest.raises(CheckError, match="twice"):
        wheel.read(path)


# Sites


@pytest.mark.parametrize(
    "tool",
    [
        None,
        {"wasmwheel": None},
        {"wasmwheel": {"published": "\x1b]0;evil\x07", "size": 1}},
        {"wasmwheel": {"published": "\u202egnp", "size": 1}},
        {"wasmwheel": {"published": "today", "size": 1, "data": None}},
    ],
)
def test_foreign_table_in_lock_is_rejected(site: Site, tool: object) -> None:
    text = json.loads(site.lock.read_bytes())
    text["packages"]["attrs"]["tool"] = tool
    site.lock.write_text(json.dumps(text))
    assert isinstance(lite.check_site(site.folder), DamagedSite)
    with pytest.raises(SiteError):
        publish.list_packages(site)


@pytest.mark.parametrize(
    "name", [b"\xff.txt", b"a\\..\\..\\evil", b"C:evil", b"NUL.txt", b"a\x1b[2J"]
)
def test_bundle_rejects_ambiguous_names(site: Site, tmp_path: Path, name: bytes) -> None:
    try:
        os.close(os.open(os.fsencode(site.folder) + b"/files/" + name, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system does not take the name")
    with pytest.raises(SiteError, match="cannot be in a bundle"):
        bundle.write(site, tmp_path / "out.zip", ignore)
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize(
    "name",
    [
        "bootstrap.js",
        ".wasmwheel/own-files",
        "files/try-tiny-1.0.ipynb",
        "api/contents/all.json",
        "static/pyodide/kernel-start.mjs",
    ],
)
def test_folder_in_place_of_file_is_rejected(site: Site, tmp_path: Path, name: str) -> None:
    publish_one(site, tiny_wheel(tmp_path, version="0.5"))
    place = site.folder / name
    place.unlink(missing_ok=True)
    (site.private.path("own-files")).unlink(missing_ok=True)
    place.mkdir(parents=True)
    before = site.lock.read_bytes()
    with pytest.raises(SiteError, match=place.name):
        publish_one(site, tiny_wheel(tmp_path))
    if name.startswith(("files", "api")):
        assert site.lock.read_bytes() == before


def big(keys: str) -> str:
    return keys.replace("[]", "[" + "[]," * 2_000_000 + "[]]")


@pytest.mark.parametrize(
    ("name", "text", "act"),
    [
        ("jupyter-lite.json", '{"jupyter-config-data": {}, "x": []}', "publish"),
        ("api/contents/all.json", '{"content": [], "x": 1}', "publish"),
        (f"static/pyodide/{lock.FILE}", '{"info": {}, "x": []}', "list"),
        ("static/pyodide/kernel-files.json", '{"x": []}', "bundle"),
    ],
)
def test_huge_text_file_is_rejected(
    site: Site, tmp_path: Path, name: str, text: str, act: str
) -> None:
    (site.folder / name).write_text(big(text))
    acts: dict[str, Callable[[], Any]] = {
        "publish": lambda: publish_one(site, tiny_wheel(tmp_path)),
        "list": lambda: publish.list_packages(site),
        "bundle": lambda: bundle.write(site, tmp_path / "out.zip", ignore),
    }
    with pytest.raises(SiteError, match="bytes"):
        acts[act]()


def test_server_sends_file_that_was_checked(site: Site, tmp_path: Path) -> None:
    """Replace a folder by a link and back thousands of times while it is served."""
    public, secret = site.folder / "files", tmp_path / "home"
    secret.mkdir()
    (public / "a.txt").write_bytes(b"public")
    (secret / "a.txt").write_bytes(b"secret")
    over = threading.Event()

    def swap() -> None:
        aside = site.folder / "aside"
        while not over.is_set():
            public.rename(aside)
            public.symlink_to(secret)
            public.unlink()
            aside.rename(public)

    swapping = threading.Thread(target=swap)
    found = set()
    with site_server.serving(site):
        swapping.start()
        try:
            until = time.monotonic() + 5
            while time.monotonic() < until:
                connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=10)
                connection.request("GET", f"/{site.prefix}/files/a.txt")
                answer = connection.getresponse()
                found.add((answer.status, answer.read()[:6]))
                connection.close()
        finally:
            over.set()
            swapping.join()
    assert (200, b"public") in found
    assert (200, b"secret") not in found
    assert {status for status, _ in found} <= {200, 403, 404}
