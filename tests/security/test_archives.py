"""Hostile archives: none writes outside its folder or exhausts memory or disk.

`ATTACKS` are tried on every path by which an archive comes in.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import json
import lzma
import os
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse

from jupyter_wasmwheel import archive, safe_paths, wheel
from jupyter_wasmwheel.api.errors import CheckError, SourceError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.archive import limits, names, zip_reader
from jupyter_wasmwheel.archive.errors import UnsafeError
from jupyter_wasmwheel.jobs import payload
from jupyter_wasmwheel.project import source
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.archive_factory import Entry, folder, link, tar_of
from tests.fixtures.commands import Command, error_of
from tests.fixtures.git_server import Repository

Fetch = Callable[..., Awaitable[HTTPResponse]]

PROJECT = (
    b"[project]\nname = 'x'\nversion = '1'\n"
    b"[build-system]\nrequires = []\nbuild-backend = 'own'\nbackend-path = ['.']\n"
)


# Attacks: the members of a tar, whose top folder is x-1


def hard(name: str, target: str) -> Entry:
    return Entry(name, kind=tarfile.LNKTYPE, target=target)


def nested(component: str) -> list[Entry]:
    """Return nested links that resolve to more than the longest path (CVE-2025-4517).

    `x-1/escape` leads out of the folder that the archive is unpacked in, by more folders
    than a test's folder is deep.
    """
    made, path, steps = [], "x-1", "abcdefghijklmnop"
    for step in steps:
        made += [folder(f"{path}/{component}"), link(f"{path}/{step}", component)]
        path = f"{path}/{component}"
    short = f"x-1/{'/'.join(steps)}/{'l' * 254}"
    up = "../" * len(steps)
    return [*made, link(short, up), link("x-1/escape", f"{short.removeprefix('x-1/')}/../..")]


EVIL = b"evil"

#: By name; `precious` is a file next to the folder that the archive is unpacked in.
ATTACKS: dict[str, list[Entry]] = {
    "nested-links-write": [*nested("d" * 247), Entry("x-1/escape/written", EVIL)],
    "nested-links-overwrite": [
        *nested("d" * 247),
        hard("x-1/handle", "x-1/escape/precious"),
        Entry("x-1/handle", EVIL),
    ],
    "nested-links-hard-link": [*nested("d" * 247), hard("x-1/handle", "x-1/escape/precious")],
    "nested-short-links": [*nested("d" * 8), Entry("x-1/escape/precious", EVIL)],
    "link-to-a-file-outside": [
        link("x-1/handle", "../../precious"),
        Entry("x-1/handle", EVIL),
    ],
    "link-to-its-folder": [link("x-1/up", ".."), link("x-1/over", "up/../precious")],
    "link-through-a-later-link": [
        folder("x-1/a/b/c"),
        link("x-1/over", "in/../../../precious"),
        link("x-1/in", "a/b/c"),
    ],
    "link-through-one-in-other-case": [
        folder("x-1/a/b/c"),
        link("x-1/IN", "a"),
        link("x-1/over", "in/../../precious"),
    ],
    "folder-becomes-a-link": [
        folder("x-1/here"),
        link("x-1/here", "../.."),
        Entry("x-1/here/precious", EVIL),
    ],
    "link-becomes-a-folder": [
        link("x-1/here", "../.."),
        folder("x-1/here"),
        Entry("x-1/here/precious", EVIL),
    ],
    "link-as-the-top": [link("x-1", ".."), Entry("x-1/precious", EVIL)],
    "link-in-the-place-of-a-file": [Entry("x-1/a"), link("x-1/a", "../../precious")],
    "hard-link-outside": [hard("x-1/handle", "x-1/../../precious"), Entry("x-1/handle", EVIL)],
    "hard-link-to-an-absolute-path": [hard("x-1/handle", "/etc/hostname")],
    "hard-link-to-a-link": [link("x-1/a", "../../precious"), hard("x-1/b", "x-1/a")],
    "hard-link-to-a-folder": [folder("x-1/a"), hard("x-1/b", "x-1/a")],
    "hard-link-to-what-comes-later": [hard("x-1/b", "x-1/a"), Entry("x-1/a")],
    "up-in-the-middle": [Entry("x-1/a/../../../precious", EVIL)],
    "long-name-up": [Entry(f"x-1/{'n' * 200}/../../../precious", EVIL)],
    "long-target-up": [link("x-1/a", f"{'n' * 200}/../../../precious")],
    "absolute": [Entry("/tmp/wasmwheel-written", EVIL)],
    "too-deep": [Entry("x-1" + "/d" * (names.MAX_DEPTH), EVIL)],
    "component-too-long": [Entry(f"x-1/{'n' * 256}", EVIL)],
    "path-too-long": [Entry("x-1" + f"/{'n' * 200}" * 6, EVIL)],
    "target-too-long": [link("x-1/a", "./" * 10 + "n" * 2000)],
    "device": [Entry("x-1/null", kind=tarfile.CHRTYPE)],
    "block-device": [Entry("x-1/disk", kind=tarfile.BLKTYPE)],
    "pipe": [Entry("x-1/pipe", kind=tarfile.FIFOTYPE)],
    "sparse": [Entry("x-1/sparse", kind=tarfile.GNUTYPE_SPARSE)],
    "unknown-type": [Entry("x-1/unknown", kind=b"Z")],
}


def project_with(entries: Iterable[Entry]) -> list[Entry]:
    """Return the members of an sdist that would build without some of them."""
    return [Entry("x-1/pyproject.toml", PROJECT), *entries]


@dataclass(frozen=True)
class Decoy:
    """A folder whose files must not change."""

    folder: Path

    def state(self) -> dict[str, tuple[Any, ...]]:
        return {
            str(path.relative_to(self.folder)): (
                path.lstat().st_mode,
                path.lstat().st_nlink,
                path.lstat().st_ino,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.folder.rglob("*"))
            if "in" not in path.relative_to(self.folder).parts
        }

    def room(self) -> Path:
        """Return a new folder deep in it, to unpack into."""
        made = self.folder / "in"
        made.mkdir()
        return made


@pytest.fixture
def decoy(tmp_path: Path) -> Iterator[Decoy]:
    """Create a folder with precious files; check at the end that they are unchanged."""
    place = tmp_path / "decoy"
    place.mkdir()
    for name in ("precious", ".ssh/authorized_keys"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("as it was")
    made = Decoy(place)
    before = made.state()
    yield made
    assert made.state() == before
    assert not Path("/tmp/wasmwheel-written").exists()


def assert_no_link_leads_out(inside: Path) -> None:
    for path in inside.rglob("*"):
        assert path.resolve().is_relative_to(inside.resolve()), path


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_tar_is_rejected(tmp_path: Path, decoy: Decoy, name: str, form: int) -> None:
    path = tar_of(tmp_path / "x-1.tar.gz", ATTACKS[name], form)
    room = decoy.room()
    with pytest.raises(SourceError) as raised:
        archive.unpack(path, room)
    assert "x-1.tar.gz" in raised.value.what
    assert_no_link_leads_out(room)


@pytest.mark.parametrize("name", [name for name in ATTACKS if "link" in name])
def test_hostile_links_of_any_length_are_rejected(
    tmp_path: Path, decoy: Decoy, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_PATH_BYTES", 10**6)
    with pytest.raises(SourceError):
        archive.unpack(tar_of(tmp_path / "x-1.tar.gz", ATTACKS[name]), decoy.room())


BY_ZIP = [
    name
    for name, entries in ATTACKS.items()
    if {entry.kind for entry in entries} <= {tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE}
]


def zip_of(path: Path, entries: Iterable[Entry]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for entry in entries:
            is_folder, is_link = entry.kind == tarfile.DIRTYPE, entry.kind == tarfile.SYMTYPE
            info = zipfile.ZipInfo(entry.name + "/" * is_folder)
            info.create_system = 3
            kind = stat.S_IFDIR if is_folder else stat.S_IFLNK if is_link else stat.S_IFREG
            info.external_attr = (kind | 0o755) << 16
            made.writestr(info, entry.target.encode() if is_link else entry.data)
    return path


@pytest.mark.parametrize("name", BY_ZIP)
@pytest.mark.parametrize("ending", [".zip", "-py3-none-any.whl"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_zip_is_rejected(tmp_path: Path, decoy: Decoy, name: str, ending: str) -> None:
    path = zip_of(tmp_path / f"x-1{ending}", ATTACKS[name])
    room = decoy.room()
    with pytest.raises(SourceError):
        archive.unpack(path, room)
    assert_no_link_leads_out(room)


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_zip_with_special_files_is_rejected(tmp_path: Path, decoy: Decoy, kind: int) -> None:
    info = zipfile.ZipInfo("x-1/null")
    info.external_attr = (kind | 0o666) << 16
    with zipfile.ZipFile(tmp_path / "x-1.zip", "w") as made:
        made.writestr(info, b"")
    with pytest.raises(SourceError, match="not safe"):
        archive.unpack(tmp_path / "x-1.zip", decoy.room())


# Every entry point

THROUGH_ALL = ("nested-links-write", "nested-links-overwrite", "nested-links-hard-link")


@pytest.mark.parametrize("name", [*THROUGH_ALL, "link-through-a-later-link", "up-in-the-middle"])
def test_hostile_sdist_is_rejected_by_build_and_export(
    wasmwheel: Command, tmp_path: Path, decoy: Decoy, name: str
) -> None:
    path = tar_of(tmp_path / "x-1.tar.gz", project_with(ATTACKS[name]))
    env: dict[str, str | None] = {"WASMWHEEL_HOME": str(decoy.folder / "in")}
    error_of(wasmwheel("export", "recipe", path, "--json", env=env), 3)
    error_of(wasmwheel("build", path, "--json", "--out", tmp_path / "dist", env=env), 3)
    assert_no_link_leads_out(decoy.folder / "in")


@pytest.mark.parametrize("name", [*THROUGH_ALL, "link-through-a-later-link", "up-in-the-middle"])
def test_hostile_bundle_is_rejected(
    wasmwheel: Command, tmp_path: Path, decoy: Decoy, name: str
) -> None:
    good = [folder("crates/0123"), Entry("crates/0123/config.toml")]
    path = tar_of(tmp_path / "store.tar.gz", [*good, *ATTACKS[name]])
    env: dict[str, str | None] = {"WASMWHEEL_HOME": str(decoy.folder / "in")}
    error_of(wasmwheel("cache", "unpack", path, "--json", env=env), 3)
    assert not (decoy.folder / "in/crates").exists()


@pytest.mark.parametrize("target", ["../other", "../../jobs", "a/../../other", "../../.."])
def test_bundle_links_stay_in_their_entries(
    wasmwheel: Command, tmp_path: Path, decoy: Decoy, target: str
) -> None:
    entries = [Entry("crates/0123/a/b"), link("crates/0123/link", target)]
    path = tar_of(tmp_path / "store.tar.gz", entries)
    env: dict[str, str | None] = {"WASMWHEEL_HOME": str(decoy.folder / "in")}
    error = error_of(wasmwheel("cache", "unpack", path, "--json", env=env), 3)
    assert "leads outside its folder" in error["why"]


@pytest.mark.parametrize("name", [*THROUGH_ALL, "link-through-a-later-link", "up-in-the-middle"])
def test_hostile_npm_archive_is_rejected(
    tmp_path: Path, store: Store, decoy: Decoy, name: str
) -> None:
    about = Entry("package/package.json", json.dumps({"name": "x", "version": "1.0.0"}).encode())
    path = tar_of(tmp_path / "evil.tgz", [about, *ATTACKS[name]])
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    with pytest.raises(SourceError):
        node.fetch_npm_package(
            node.ensure_node(store, ignore), f"file:{path}", f"sha512-{digest}", decoy.room()
        )


@pytest.mark.parametrize("name", [*THROUGH_ALL, "link-through-a-later-link", "up-in-the-middle"])
def test_hostile_job_payload_is_rejected(tmp_path: Path, decoy: Decoy, name: str) -> None:
    packed = tar_of(tmp_path / "source.tar.gz", ATTACKS[name]).read_bytes()
    sent = payload.JobPayload(
        job="1",
        request=BuildRequest(source="."),
        archive=packed,
        recipe=None,
        key="key",
        secret=b"",
    )
    with pytest.raises(SourceError):
        payload.unpack(sent, decoy.room())


@pytest.mark.parametrize(
    "links",
    [
        {"link": "../../../precious"},
        {"link": "/etc/hostname"},
        {"in": "a/b", "link": "in/../../../precious"},
        {"a/b/link": "../../../../precious"},
    ],
    ids=["upwards", "absolute", "through-another", "from-below"],
)
def test_hostile_git_tree_is_rejected(tmp_path: Path, decoy: Decoy, links: dict[str, str]) -> None:
    repository = Repository(tmp_path / "project")
    (repository.folder / "a/b").mkdir(parents=True)
    (repository.folder / "a/b/kept").write_text("")
    (repository.folder / "pyproject.toml").write_bytes(PROJECT)
    for place, target in links.items():
        (repository.folder / place).symlink_to(target)
    repository.commit("Begin")
    parsed = source.parse(f"git+file://{repository.folder}")
    home = Store(home=decoy.room())
    with pytest.raises(SourceError, match="not safe"):
        source.fetch(parsed, targets.find(targets.default_abi()), home, ignore)
    assert_no_link_leads_out(home.home)


@pytest.fixture
def jp_server_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("WASMWHEEL_HOME", str(tmp_path / "decoy/in"))
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_wasmwheel": True, "jupyter_server_terminals": False},
            "reraise_server_extension_failures": True,
        },
        "WasmwheelApp": {"prepare_seeds": False},
    }


async def preview_error(jp_fetch: Fetch, file_name: str) -> dict[str, Any]:
    """Return the error of a preview of an sdist under Jupyter's root."""
    body = json.dumps({"source": file_name})
    with pytest.raises(HTTPClientError) as raised:
        await jp_fetch("wasmwheel", "api", "edits", method="POST", body=body, request_timeout=120)
    assert raised.value.code == 400
    assert raised.value.response
    answer: dict[str, Any] = json.loads(raised.value.response.body)
    return answer


@pytest.mark.parametrize("name", [*THROUGH_ALL, "link-through-a-later-link", "up-in-the-middle"])
async def test_hostile_sdist_is_rejected_by_preview(
    decoy: Decoy, jp_fetch: Fetch, jp_root_dir: Path, name: str
) -> None:
    tar_of(jp_root_dir / "x-1.tar.gz", project_with(ATTACKS[name]))
    error = await preview_error(jp_fetch, "x-1.tar.gz")
    assert error["what"].startswith("x-1.tar.gz ")
    assert_no_link_leads_out(decoy.folder / "in")


async def test_server_answers_while_archive_is_unpacked(jp_fetch: Fetch, jp_root_dir: Path) -> None:
    members = gzip.compress(FILE, 1) * 15_000
    (jp_root_dir / "x-1.tar.gz").write_bytes(members)
    body = json.dumps({"source": "x-1.tar.gz"})
    preview = asyncio.ensure_future(
        jp_fetch("wasmwheel", "api", "edits", method="POST", body=body, request_timeout=120)
    )
    for _ in range(5):
        await jp_fetch("wasmwheel", "api", "targets")
    assert not preview.done()
    with pytest.raises(HTTPClientError):
        await preview


# Headers

HUGE = 300_000_000


def header(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def huge_header(path: Path, kind: bytes, begin: bytes = b"") -> Path:
    """Write an archive with a header of 300 MB, as a member of a few hundred kB."""
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header("h", kind, HUGE) + begin)
        left = HUGE - len(begin)
        while left:
            left -= stream.write(bytes(min(left, 2**20)))
        stream.write(header("x-1/pyproject.toml", tarfile.REGTYPE, 0))
    return path


def sparse_map(path: Path) -> Path:
    """Write a sparse file's map that has no end."""
    head = bytearray(header("x-1/sparse", tarfile.GNUTYPE_SPARSE, 0))
    head[482] = 1
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    block = (b"%011o\0" % 1) * 42 + b"\1" + bytes(7)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(bytes(head))
        for _ in range(HUGE // len(block) // 64):
            stream.write(block * 64)
    return path


HEADERS: dict[str, Callable[[Path], Path]] = {
    "pax": lambda path: huge_header(path, tarfile.XHDTYPE, b"299999999 comment="),
    "pax-of-digits": lambda path: huge_header(path, tarfile.XHDTYPE, b"1" * 10_000_000),
    "pax-global": lambda path: huge_header(path, tarfile.XGLTYPE, b"299999999 comment="),
    "long-name": lambda path: huge_header(path, tarfile.GNUTYPE_LONGNAME, b"n" * 1000),
    "long-link": lambda path: huge_header(path, tarfile.GNUTYPE_LONGLINK, b"n" * 1000),
    "sparse-map": sparse_map,
}

#: Unpack in little more memory than the import took, and print the error.
IN_LITTLE_MEMORY = """
import os, resource, sys
from pathlib import Path
from jupyter_wasmwheel import archive, wheel
from jupyter_wasmwheel.api.errors import WasmwheelError
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * os.sysconf("SC_PAGESIZE") + 64 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
path = Path(sys.argv[1])
try:
    wheel.read(path) if path.suffix == ".whl" else archive.unpack(path, Path(sys.argv[2]))
except WasmwheelError as error:
    sys.exit(str(error))
"""

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="limits the memory by Linux's /proc"
)


def in_little_memory(path: Path, into: Path) -> str:
    """Return the error for an archive in a process with 64 MiB to spare."""
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, path, into], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


@linux_only
@pytest.mark.parametrize("name", HEADERS)
def test_huge_header_uses_little_memory(tmp_path: Path, name: str) -> None:
    path = HEADERS[name](tmp_path / "x-1.tar.gz")
    said = in_little_memory(path, tmp_path / "in")
    assert "x-1.tar.gz" in said
    assert "sparse" in said if name == "sparse-map" else "300,000,000 bytes" in said


async def test_huge_header_is_rejected_by_preview(jp_fetch: Fetch, jp_root_dir: Path) -> None:
    HEADERS["pax"](jp_root_dir / "x-1.tar.gz")
    assert "extended header" in (await preview_error(jp_fetch, "x-1.tar.gz"))["why"]


def pax(*records: bytes) -> bytes:
    data = b"".join(records)
    return header("h", tarfile.XHDTYPE, len(data)) + data + bytes(-len(data) % 512)


def record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    size = len(rest)
    while size != len(rest) + len(str(size)):
        size = len(rest) + len(str(size))
    return str(size).encode() + rest


FILE = header("x-1/file", tarfile.REGTYPE, 0)


def negative(size: int) -> bytes:
    """Return a header with a negative size, in base 256 (CVE-2025-8194)."""
    head = bytearray(FILE)
    head[124:136] = size.to_bytes(12, "big", signed=True)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


BROKEN_HEADERS = {
    "negative-size": negative(-512),
    "very-negative-size": negative(-(2**90)),
    "pax-size-is-negative": pax(record(b"size", b"-512")) + FILE,
    "pax-size-is-huge": pax(record(b"size", b"9" * 5000)) + FILE,
    "pax-size-is-no-number": pax(record(b"size", "²".encode())) + FILE,
    "pax-name-with-nul": pax(record(b"path", b"x-1/a\0b")) + FILE,
    "pax-name-up": pax(record(b"path", b"x-1/../../precious")) + FILE,
    "pax-without-length": pax(b"path=x\n") + FILE,
    "pax-length-of-nothing": pax(record(b"a", b"b") + b"0 a=b\n") + FILE,
    "pax-length-too-long": pax(b"99 path=x\n") + FILE,
    "pax-of-no-text": pax(b"\xff" * 100) + FILE,
    "pax-sparse": pax(record(b"GNU.sparse.major", b"1")) + FILE,
    "global-name": pax(record(b"path", b"x")).replace(b"\0x\0", b"\0g\0", 1)[:156]
    + b"g"
    + pax(record(b"path", b"x"))[157:],
    "checksum": FILE.replace(b"x-1", b"y-1", 1),
    "digits": FILE[:124] + b"99999999999\0" + FILE[136:],
    "cut": header("x-1/file", tarfile.REGTYPE, 1000) + b"cut",
    "cut-header": FILE[:300],
    "empty": b"",
}


@pytest.mark.parametrize("name", BROKEN_HEADERS)
@pytest.mark.parametrize("compressed", [True, False])
def test_broken_header_is_rejected(
    tmp_path: Path, decoy: Decoy, name: str, compressed: bool
) -> None:
    path = tmp_path / "x-1.tar.gz"
    data = BROKEN_HEADERS[name]
    path.write_bytes(gzip.compress(data) if compressed else data)
    with pytest.raises(SourceError):
        archive.unpack(path, decoy.room())


# Bombs


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MIN_ALLOWED_BYTES", 2**20)
    monkeypatch.setattr(limits, "MAX_ENTRIES", 100)
    monkeypatch.setattr(zip_reader, "MAX_ENTRIES", 100)


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def lying_zip(path: Path, size: int) -> Path:
    """Write a zip with a member that is larger than declared."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x-1/a", bytes(size))
    data = path.read_bytes()
    path.write_bytes(data.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    return path


def overlapping_zip(path: Path) -> Path:
    """Write a zip whose members share the same compressed data."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x-1/a00", bytes(500_000))
    data = path.read_bytes()
    row = data[data.index(b"PK\1\2") : data.index(b"PK\5\6")]
    rows = b"".join(row.replace(b"a00", b"a%02d" % number) for number in range(50))
    begin = data.index(b"PK\1\2")
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 50, 50, len(rows), begin, 0)
    path.write_bytes(data[:begin] + rows + end)
    return path


SIZE_BOMBS: dict[str, Callable[[Path], Path]] = {
    "one-file": lambda path: tar_of(path / "x-1.tar.gz", [Entry("x-1/a", bytes(10**7))]),
    "many-files": lambda path: tar_of(
        path / "x-1.tar.gz", [Entry(f"x-1/{n}", bytes(10**6)) for n in range(10)]
    ),
    "one-name": lambda path: tar_of(path / "x-1.tar.gz", [Entry("x-1/a", bytes(10**6))] * 10),
    "hard-links": lambda path: tar_of(
        path / "x-1.tar.gz",
        [Entry("x-1/a", bytes(500_000)), *(hard(f"x-1/{n}", "x-1/a") for n in range(10))],
    ),
    "pax-headers": lambda path: tar_of(
        path / "x-1.tar.gz", [Entry("x-1/" + "d/" * 20 + "n" * 200)] * 5000
    ),
    "zip": lambda path: zip_of_zeros(path / "x-1.zip"),
    "overlapping-zip": lambda path: overlapping_zip(path / "x-1.zip"),
}


def zip_of_zeros(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(10):
            made.writestr(f"x-1/{number}", bytes(10**6))
    return path


@pytest.mark.parametrize("name", SIZE_BOMBS)
@pytest.mark.usefixtures("small_limits")
def test_bomb_is_rejected_before_disk_is_full(tmp_path: Path, decoy: Decoy, name: str) -> None:
    path = SIZE_BOMBS[name](tmp_path)
    room = decoy.room()
    with pytest.raises(SourceError):
        archive.unpack(path, room)
    assert used(room) <= max(2**20, 20 * path.stat().st_size)


def test_member_larger_than_declared_is_rejected(tmp_path: Path, decoy: Decoy) -> None:
    room = decoy.room()
    with pytest.raises(SourceError):
        archive.unpack(lying_zip(tmp_path / "x-1.zip", 10**7), room)
    assert used(room) <= 10


def test_extreme_compression_ratio_is_rejected_early(tmp_path: Path, decoy: Decoy) -> None:
    path = tmp_path / "x-1.tar.gz"
    size = limits.MIN_ALLOWED_BYTES + 1
    path.write_bytes(gzip.compress(header("x-1/a", tarfile.REGTYPE, size) + bytes(10**6)))
    room = decoy.room()
    with pytest.raises(SourceError, match="too large"):
        archive.unpack(path, room)
    assert used(room) == 0


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(f"x-1/{number}") for number in range(150)],
        [folder(f"x-1/{number}") for number in range(150)],
        [Entry(f"x-1/{number}" + "/d" * 30) for number in range(4)],
        [link(f"x-1/{number}", "nowhere") for number in range(150)],
        [Entry("x-1/a")] * 150,
    ],
    ids=["files", "folders", "folders-on-the-way", "links", "one-name"],
)
@pytest.mark.parametrize("form", ["tar.gz", "zip"])
@pytest.mark.usefixtures("small_limits")
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archive_with_too_many_members_is_rejected(
    tmp_path: Path, decoy: Decoy, entries: list[Entry], form: str
) -> None:
    path = tmp_path / f"x-1.{form}"
    (zip_of if form == "zip" else tar_of)(path, entries)
    room = decoy.room()
    with pytest.raises(SourceError, match="too large"):
        archive.unpack(path, room)
    assert len(list(room.rglob("*"))) <= 101


@pytest.mark.usefixtures("small_limits")
def test_headers_without_members_are_counted(tmp_path: Path, decoy: Decoy) -> None:
    path = tmp_path / "x-1.tar.gz"
    path.write_bytes(gzip.compress(pax(record(b"a", b"b")) * 200 + FILE))
    with pytest.raises(SourceError, match="too large"):
        archive.unpack(path, decoy.room())


@pytest.mark.usefixtures("small_limits")
def test_empty_streams_are_counted(tmp_path: Path, decoy: Decoy) -> None:
    path = tmp_path / "x-1.tar.gz"
    path.write_bytes(gzip.compress(b"") * 1000 + gzip.compress(FILE))
    with pytest.raises(SourceError, match="too large"):
        archive.unpack(path, decoy.room())


@linux_only
def test_xz_archive_with_huge_dictionary_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "x-1.tar.xz"
    # The header declares the dictionary's size; writing so little does not need it.
    packed = bytearray(lzma.compress(FILE, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**16}]))
    place = packed.index(b"\x21\x01") + 2
    packed[place] = 38
    start = 12
    size = (packed[start] + 1) * 4
    packed[start + size - 4 : start + size] = struct.pack(
        "<L", zlib.crc32(bytes(packed[start : start + size - 4]))
    )
    path.write_bytes(packed)
    assert "emory" in in_little_memory(path, tmp_path / "in")


# Wheels


def test_wheel_with_huge_metadata_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "handmade-1.0-py3-none-any.whl"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("handmade-1.0.dist-info/METADATA", "w", force_zip64=True) as stream,
    ):
        stream.write(b"Metadata-Version: 2.1\nName: handmade\nVersion: 1.0\n\n")
        for _ in range(400):
            stream.write(bytes(2**20))
    if sys.platform == "linux":
        assert "METADATA has more than" in in_little_memory(path, tmp_path / "in")
    with pytest.raises(CheckError):
        wheel.read(path)


def test_wheel_with_link_is_rejected(tmp_path: Path) -> None:
    path = wheel_factory.wheel(tmp_path, "py3-none-any", {})
    info = zipfile.ZipInfo("handmade.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(info, b"/etc/hostname")
    with pytest.raises(CheckError, match="not a wheel"):
        wheel.read(path)


@pytest.mark.parametrize("member", ["", ".", "./", "a/" * 70 + "b", "n" * 300, "a\0/../../b"])
def test_wheel_with_invalid_member_name_is_rejected(tmp_path: Path, member: str) -> None:
    path = wheel_factory.wheel(tmp_path, "py3-none-any", {})
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("placeholder", b"1")
        made.filelist[-1].filename = made.filelist[-1].orig_filename = member
    with contextlib.suppress(CheckError):
        assert all(names.split_member_name(each) for each in wheel.read(path).members)
        assert member == "a\0/../../b", "zipfile itself ends a name at a NUL"


def test_wheel_with_too_many_members_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "MAX_MEMBERS", 50)
    path = wheel_factory.wheel(tmp_path, "py3-none-any", {f"{n}.py": b"" for n in range(51)})
    with pytest.raises(CheckError) as raised:
        wheel.read(path)
    assert "more than 50 members" in raised.value.why


# Valid archives


def snapshot(folder: Path, *, times: bool = True) -> dict[str, tuple[Any, ...]]:
    """Return a folder's entries: kind, content, executable bit and time."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder",)
        else:
            state = path.stat()
            time = int(state.st_mtime) if times else 0
            found[name] = ("file", path.read_bytes(), state.st_mode & 0o100 != 0, time)
    return found


def by_tar(path: Path, into: Path) -> dict[str, tuple[Any, ...]]:
    into.mkdir()
    subprocess.run(["tar", "-xf", path, "-C", into], check=True)
    return snapshot(into)


REAL = ["rpds-py==0.30.0", "orjson==3.11.4", "tiktoken==0.12.0", "tokenizers==0.22.1"]


@pytest.mark.parametrize("requirement", REAL)
def test_real_sdist_unpacks_like_tar(tmp_path: Path, store: Store, requirement: str) -> None:
    parsed = source.parse(f"pypi:{requirement}")
    given = source.fetch(parsed, targets.find(targets.default_abi()), store, ignore)
    assert given.archive
    archive.unpack(given.archive, tmp_path / "ours", within=1)
    assert snapshot(tmp_path / "ours") == by_tar(given.archive, tmp_path / "theirs")


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_tar_links_modes_and_long_names_are_kept(tmp_path: Path, form: int, ending: str) -> None:
    top = tmp_path / "made/x-1"
    (top / "a" / ("n" * 90) / ("m" * 60)).mkdir(parents=True)
    (top / "a" / ("n" * 90) / ("m" * 60) / "Zürich 日本.txt").write_text("text")
    (top / "run.sh").write_text("#!/bin/sh\n")
    (top / "run.sh").chmod(0o4755)
    (top / "large").write_bytes(os.urandom(300_000))
    (top / "up").mkdir()
    (top / "up/link").symlink_to("../a")
    (top / "chain").symlink_to("up/link")
    (top / "top").symlink_to(".")
    (top / "dangling").symlink_to("nowhere")
    os.link(top / "large", top / "same")
    os.utime(top / "large", (1_000_000_000, 1_000_000_000))
    path = tmp_path / f"x-1.tar.{ending}"
    with tarfile.open(path, f"w:{ending}", format=form) as made:  # type: ignore[call-overload]
        made.add(top, "x-1")
    archive.unpack(path, tmp_path / "in", within=1)
    assert snapshot(tmp_path / "in") == snapshot(tmp_path / "made")
    run, same = tmp_path / "in/x-1/run.sh", tmp_path / "in/x-1/same"
    assert stat.S_IMODE(run.stat().st_mode) == 0o755
    assert same.stat().st_nlink == 1


def test_zip_links_and_modes_are_kept(tmp_path: Path) -> None:
    entries = [folder("x-1/a"), Entry("x-1/a/b", b"text"), link("x-1/link", "a/b")]
    archive.unpack(zip_of(tmp_path / "x-1.zip", entries), tmp_path / "in")
    assert os.readlink(tmp_path / "in/x-1/link") == "a/b"
    assert (tmp_path / "in/x-1/link").read_bytes() == b"text"
    assert (tmp_path / "in/x-1/a/b").stat().st_mode & 0o777 == 0o755


def test_archive_with_several_streams_is_read_completely(tmp_path: Path) -> None:
    data = header("x-1/a", tarfile.REGTYPE, 1000) + bytes(1024) + FILE + bytes(1024)
    path = tmp_path / "x-1.tar.gz"
    path.write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(512))
    archive.unpack(path, tmp_path / "in")
    assert (tmp_path / "in/x-1/a").stat().st_size == 1000
    assert (tmp_path / "in/x-1/file").is_file()


# Without dir_fd (Windows)


@pytest.fixture
def without_dir_fd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_paths, "HAS_DIR_FD", False)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.usefixtures("without_dir_fd")
def test_hostile_archive_is_rejected_without_dir_fd(
    tmp_path: Path, decoy: Decoy, name: str
) -> None:
    room = decoy.room()
    with pytest.raises(SourceError):
        archive.unpack(tar_of(tmp_path / "x-1.tar.gz", ATTACKS[name]), room)
    assert not any(path.is_symlink() for path in room.rglob("*"))


@pytest.mark.usefixtures("without_dir_fd")
def test_files_and_hard_links_unpack_without_dir_fd(tmp_path: Path) -> None:
    entries = [Entry("x-1/a/b", b"text"), hard("x-1/c", "x-1/a/b"), Entry("x-1/a/b", b"other")]
    archive.unpack(tar_of(tmp_path / "x-1.tar.gz", entries), tmp_path / "in")
    assert (tmp_path / "in/x-1/c").read_bytes() == b"text"
    assert (tmp_path / "in/x-1/a/b").read_bytes() == b"other"


@pytest.mark.parametrize(
    "name",
    ["a\\..\\..\\b", "c:\\b", "c:b", "a/file:stream", "a/nul", "COM1.txt", "a/b.", "a/b ", "a*"],
)
def test_ambiguous_windows_name_is_rejected(name: str) -> None:
    with pytest.raises(UnsafeError):
        names.split_member_name(name, windows=True)
    assert names.split_member_name(name, windows=False)
