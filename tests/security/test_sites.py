"""A hostile or damaged site: nothing outside its folder is written, removed, packed or shown."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from packaging.requirements import Requirement

from jupyter_wasmwheel import pipeline, safe_paths
from jupyter_wasmwheel.api.errors import SiteError
from jupyter_wasmwheel.api.events import Event, Log, Phases, ignore
from jupyter_wasmwheel.pipeline.context import BuildContext
from jupyter_wasmwheel.pipeline.environment import TargetEnvironment, prepare_environment
from jupyter_wasmwheel.process.confine import Confinement
from jupyter_wasmwheel.runtime import node, node_sandbox, packages, pyodide, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.runtime.pyodide import Runtime
from jupyter_wasmwheel.safe_paths import Root
from jupyter_wasmwheel.server.sites import Sites, SiteServers
from jupyter_wasmwheel.site import bundle, lite, publish, transaction, wheels
from jupyter_wasmwheel.site.lite import DamagedSite, Site
from jupyter_wasmwheel.store import Store
from tests.fixtures import site_server
from tests.fixtures.commands import Command
from tests.fixtures.site_factory import create_site, publish_one, row, small_site, tiny_wheel

SECRET = b"a private key\n"


def snapshot(folder: Path) -> dict[str, tuple[int, bytes | str | None]]:
    """Return a folder's entries: the mode of each file, and its bytes or link target."""
    found: dict[str, tuple[int, bytes | str | None]] = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        what: bytes | str | None = None
        if stat.S_ISLNK(about.st_mode):
            what = os.readlink(path)
        elif stat.S_ISREG(about.st_mode):
            what = path.read_bytes()
        found[path.relative_to(folder).as_posix()] = (about.st_mode, what)
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    """Create a home next to the site that must not change."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh/id_ed25519").write_bytes(SECRET)
    (folder / ".bashrc").write_bytes(b"export EDITOR=vi\n")
    (folder / "notes").mkdir()
    (folder / "notes/try-tiny-1.0.ipynb").write_bytes(b"mine\n")
    (folder / "notes/lock.lock").write_bytes(b"mine\n")
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return small_site(tmp_path / "site")


@pytest.fixture(params=["with descriptors", "without"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with and without support for opening names in an open folder, as on Windows."""
    if request.param == "without":
        monkeypatch.setattr(safe_paths, "HAS_DIR_FD", False)


def change(site: Site, name: str, /, **fields: Any) -> None:
    """Change an entry of a site's lock as its author could."""
    lock = json.loads(site.lock.read_bytes())
    lock["packages"][name] |= fields
    site.lock.write_text(json.dumps(lock))


# Names in locks

HOSTILE_PLACES = [
    "wheels/../../../../home",
    "wheels/../../../..",
    "wheels/../../../../home/notes/x.whl",
    "../../../home/.bashrc",
    "/etc/passwd",
    "//etc/passwd",
    "wheels//x.whl",
    "wheels/./x.whl",
    "wheels\\..\\..\\x.whl",
    "C:/x.whl",
    "C:x.whl",
    "wheels/.. /x.whl",
    "wheels/x.whl\0",
    "wheels/x\n.whl",
    "file:///etc/passwd",
    "HTTPS://x/../../y",
    "wheels/" + "x" * 300,
    "x/" * 600 + "x",
    "",
    ".",
    "..",
    None,
    7,
    ["wheels"],
]


@pytest.mark.parametrize("file_name", HOSTILE_PLACES)
def test_path_outside_site_is_rejected(
    site: Site, home: Path, tmp_path: Path, file_name: object
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    change(site, "tiny", file_name=file_name)
    before = snapshot(site.folder)
    with pytest.raises(SiteError, match=r"tiny|pyodide-lock"):
        publish.remove(site, "tiny")
    with pytest.raises(SiteError):
        publish.list_packages(site)
    with pytest.raises(SiteError):
        bundle.write(site, tmp_path / "out.zip", ignore)
    with pytest.raises(SiteError):
        site.read_lock().get("tiny")
    now = snapshot(site.folder)
    assert {name: now.get(name) for name in before} == before


@pytest.mark.parametrize("file_name", ["wheels/x.whl", "wheels/tiny/x.whl", "packages/x/x.whl"])
def test_remove_deletes_only_folder_of_wheel(site: Site, tmp_path: Path, file_name: str) -> None:
    for name in ("tiny", "other"):
        publish_one(site, tiny_wheel(tmp_path, name), [], ignore)
    change(site, "tiny", file_name=file_name)
    (site.package_root.path("wheels/tiny")).mkdir()
    (site.package_root.path("wheels/tiny/mine.txt")).write_text("mine")
    publish.remove(site, "tiny")
    (other,) = publish.list_packages(site)
    assert site.package_root.is_file(other.file_name)
    assert site.package_root.is_file("wheels/tiny/mine.txt")


HOSTILE_WORDS = ["../../../home/notes/try-tiny", "a/b", "/etc", "..", "a\\b", "a\0", "a b", "", 1]


@pytest.mark.parametrize("field", ["name", "version", "sha256", "depends", "published", "data"])
@pytest.mark.parametrize("value", HOSTILE_WORDS)
def test_path_in_lock_entry_is_rejected(
    site: Site, tmp_path: Path, field: str, value: object
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    fields: dict[str, Any] = {field: [value] if field == "depends" else value}
    if field in ("published", "data"):
        table = {"published": "2026", "size": 1, "displaced": None, "data": {}}
        wrong = [value] if field == "published" else {"https://example.org": value}
        fields = {"tool": {"wasmwheel": table | {field: wrong}}}
    change(site, "tiny", **fields)
    with pytest.raises(SiteError):
        publish.remove(site, "tiny")
    with pytest.raises(SiteError):
        publish_one(site, tiny_wheel(tmp_path, version="2.0"), [], ignore)


@pytest.mark.parametrize(
    "displaced", [{}, {"name": "x"}, row("tiny") | {"file_name": "../../../../home"}, [], "x"]
)
def test_displaced_package_is_checked_before_restore(
    site: Site, tmp_path: Path, displaced: object
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    table = {"published": "2026", "size": 1, "displaced": displaced, "data": {}}
    change(site, "tiny", tool={"wasmwheel": table})
    with pytest.raises(SiteError):
        publish.remove(site, "tiny")


@pytest.mark.parametrize("abi", ["../../../home/notes", "2026_0/../..", "", 2026])
def test_invalid_abi_in_lock_is_rejected(site: Site, abi: object) -> None:
    for place in (site.lock, site.private.path("pyodide-lock.json")):
        lock = json.loads(place.read_bytes())
        lock["info"]["abi_version"] = abi
        place.write_text(json.dumps(lock))
    with pytest.raises(SiteError, match="Invalid Pyodide lock"):
        site.read_original_lock()
    with pytest.raises(SiteError, match="Invalid Pyodide lock"):
        site.read_lock()


@given(st.text(alphabet=st.sampled_from("ab./\\:\0 \n~%é") | st.characters(), max_size=40))
def test_accepted_path_stays_beneath_root(text: str) -> None:
    if not re.fullmatch(safe_paths.PATH_PATTERN, text):
        return
    assert os.path.normpath(text) == text
    assert not {"", ".", ".."} & {*text.split("/")}
    assert not os.path.isabs(text)


# Links

LINKED_FILES = [
    "jupyter-lite.json",
    "bootstrap.js",
    "preload-kernel.js",
    "proxy/hosts.json",
    "files/try-tiny-1.0.ipynb",
    "api/contents/all.json",
    "static/pyodide/pyodide-lock.json",
    "static/pyodide/kernel-start.mjs",
    "static/pyodide/kernel-files.json",
    "extensions/jupyter-wasmwheel/package.json",
    ".wasmwheel/own-files",
    ".wasmwheel/swept",
    ".wasmwheel/site.json",
    ".wasmwheel/pyodide-lock.json",
    ".wasmwheel/locks/lock.lock",
]
LINKED_FOLDERS = [
    "files",
    "api",
    "api/contents",
    "proxy",
    "extensions",
    "extensions/jupyter-wasmwheel",
    "extensions/jupyter-wasmwheel/static",
    "static",
    "static/pyodide",
    "static/pyodide/wheels",
    "static/pyodide/packages",
    "static/pyodide/data",
    ".wasmwheel",
    ".wasmwheel/locks",
]


def everything(site: Site, tmp_path: Path) -> Iterator[Callable[[], object]]:
    """Return all that a user can do with a site; each may be rejected."""
    yield lambda: publish_one(site, tiny_wheel(tmp_path), [], ignore)
    yield lambda: publish_one(site, tiny_wheel(tmp_path, version="2.0"), [], ignore)
    yield lambda: publish.remove(site, "tiny")
    yield lambda: lite.update_assets(lite.read_site(site.folder))
    yield lambda: wheels.sweep(site.read_lock(), site.package_root, now=1e12)
    yield lambda: bundle.write(site, tmp_path / "out.zip", ignore)
    yield lambda: publish.list_packages(lite.read_site(site.folder))


def do_everything(site: Site, tmp_path: Path) -> int:
    """Do all of it; return how often it was rejected."""
    refused = 0
    for act in everything(site, tmp_path):
        with contextlib.suppress(SiteError):
            site.private.remove("own-files")  # so that our own files are written
        try:
            act()
        except SiteError:
            refused += 1
    return refused


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", LINKED_FILES)
def test_link_to_file_is_not_written_through(
    site: Site, home: Path, tmp_path: Path, name: str
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    place = site.folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(home / ".bashrc")
    do_everything(site, tmp_path)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", LINKED_FOLDERS)
@pytest.mark.parametrize("target", ["notes", "a folder like it"])
def test_link_to_folder_is_not_written_or_removed_through(
    site: Site, home: Path, tmp_path: Path, name: str, target: str
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    place, decoy = site.folder / name, home / "notes"
    if target == "a folder like it":
        decoy = tmp_path / "decoy"
        if place.is_dir():
            shutil.copytree(place, decoy)
        else:
            decoy.mkdir()
        (decoy / "0000").mkdir(exist_ok=True)
        (decoy / "0000/mine").write_text("mine")
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(decoy)
    before = snapshot(decoy)
    refused = do_everything(site, tmp_path)
    assert snapshot(decoy) == before
    assert refused


def test_publish_succeeds_when_only_old_files_cannot_be_removed(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path, version="1.0"), [], ignore)
    site.private.path("swept").mkdir()
    events: list[Event] = []
    publish_one(site, tiny_wheel(tmp_path, version="2.0"), [], events.append)
    assert [each.version for each in publish.list_packages(site)] == ["2.0"]
    publish.remove(site, "tiny", events.append)
    assert publish.list_packages(site) == []
    notes = [each.text for each in events if isinstance(each, Log)]
    assert sum("Could not remove old files" in text and "swept" in text for text in notes) == 2


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", ["static/pyodide", "api"])
def test_publish_changes_nothing_when_a_folder_disappears(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    publish_one(site, tiny_wheel(tmp_path, version="1.0"), [], ignore)
    before = snapshot(site.folder)
    replace = transaction._replace

    def without_folder(root: Root, files: Any) -> None:
        (site.folder / name).rename(tmp_path / "aside")
        try:
            replace(root, files)
        finally:
            (tmp_path / "aside").rename(site.folder / name)

    monkeypatch.setattr(transaction, "_replace", without_folder)
    new = tiny_wheel(tmp_path, version="2.0")
    for act in (lambda: publish_one(site, new, [], ignore), lambda: publish.remove(site, "tiny")):
        with pytest.raises(SiteError) as caught:
            act()
        assert caught.value.info.code == "site.changed-during-use"
        assert str(site.folder / name) in caught.value.what
    assert snapshot(site.folder) == before


def test_publish_reports_folders_that_are_swapped_meanwhile(site: Site, tmp_path: Path) -> None:
    over, aside = threading.Event(), tmp_path / "aside"

    def swap() -> None:
        while not over.is_set():
            for name in ("static/pyodide", "api/contents"):
                (site.folder / name).rename(aside)
                aside.rename(site.folder / name)

    swapping = threading.Thread(target=swap)
    swapping.start()
    refused = 0
    try:
        for number in range(40):
            wheel = tiny_wheel(tmp_path, version=f"{number}.0")
            try:
                publish_one(site, wheel, [], ignore)
            except SiteError:
                refused += 1
    finally:
        over.set()
        swapping.join()
    assert refused
    for each in publish.list_packages(site):
        assert site.package_root.is_file(each.file_name)
    publish_one(site, tiny_wheel(tmp_path, version="99.0"), [], ignore)
    listing = json.loads((site.folder / "api/contents/all.json").read_bytes())
    assert "try-tiny-99.0.ipynb" in [each["name"] for each in listing["content"]]
    assert not list(site.folder.rglob(".pyodide-lock.json.*"))


@pytest.mark.parametrize("kind", ["a file", "a folder", "nothing", "a pipe", "a loop", "a wheel"])
def test_bundle_rejects_links(site: Site, home: Path, tmp_path: Path, kind: str) -> None:
    place = site.folder / "files/notes.txt"
    if kind == "a wheel":
        publish_one(site, tiny_wheel(tmp_path), [], ignore)
        place = site.package_root.path(publish.list_packages(site)[0].file_name)
        place.unlink()
    if kind == "a pipe":
        os.mkfifo(place)
    else:
        leads = {"a folder": home / ".ssh", "nothing": home / "x", "a loop": place}
        place.symlink_to(leads.get(kind, home / ".ssh/id_ed25519"))
    with pytest.raises(SiteError) as caught:
        bundle.write(site, tmp_path / "out.zip", ignore)
    assert str(place) in caught.value.what
    assert not list(tmp_path.glob("*.zip*"))
    assert not list(tmp_path.glob(".*"))


def test_bundle_rejects_kernel_list_entries_outside_site(site: Site, tmp_path: Path) -> None:
    about = {"files": {"file_name": "../../../home/.ssh/id_ed25519"}}
    site.package_root.path("kernel-files.json").write_text(json.dumps(about))
    with pytest.raises(SiteError, match=r"kernel-files\.json"):
        bundle.write(site, tmp_path / "out.zip", ignore)


@pytest.mark.parametrize("through", ["a file", "its folder", "the wheels' folder"])
def test_linked_wheel_is_not_passed_to_node(
    site: Site, home: Path, tmp_path: Path, through: str
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    place = site.package_root.path(publish.list_packages(site)[0].file_name)
    if through == "a file":
        place.unlink()
        place.symlink_to(home / ".ssh/id_ed25519")
    else:
        folder = place.parent if through == "its folder" else place.parent.parent
        shutil.move(folder, tmp_path / "moved")
        folder.symlink_to(tmp_path / "moved")
    lock = site.read_lock()
    shelf = packages.site_source(lock, site.package_root, lock)
    if through == "a file":
        offer = shelf(Requirement("tiny"))
        assert offer is not None
        assert offer.path is None
    else:
        with pytest.raises(SiteError, match="is a link"):
            shelf(Requirement("tiny"))


@pytest.mark.parametrize("name", ["pyodide.mjs", "pyodide.asm.wasm", "package.json"])
def test_linked_runtime_is_not_run(site: Site, home: Path, store: Store, name: str) -> None:
    for each in ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"):
        site.package_root.path(each).write_bytes(b"")
    site.package_root.path("package.json").write_text('{"version": "314.0.7"}')
    site.package_root.path(name).unlink()
    site.package_root.path(name).symlink_to(home / ".ssh/id_ed25519")
    with pytest.raises(SiteError, match="is a link"):
        lite.get_runtime(
            site, node.ensure_node(store, ignore), RunContext(store=store, emit=ignore)
        )


#: JavaScript that writes a file, in a module that Pyodide's own text follows.
WRITES = 'import {{ writeFileSync }} from "node:fs"; writeFileSync({path}, "run");\n'


@pytest.fixture
def runtime(store: Store) -> Runtime:
    """Return the runtime that the site has a copy of."""
    context = RunContext(store=store, emit=ignore)
    return pyodide.ensure_runtime(
        targets.find("2026_0"), node.ensure_node(store, ignore), store, context.emit
    )


@pytest.fixture
def whole_site(site: Site, runtime: Runtime) -> Site:
    """Return a site with the files of its Pyodide."""
    for path in runtime.files:
        if path != runtime.lock:
            shutil.copy(path, site.lock.parent)
    return site


@pytest.fixture
def trace(whole_site: Site, tmp_path: Path) -> Path:
    """Let the site's Pyodide write a file when it runs; return the file."""
    main, trace = whole_site.package_root.path("pyodide.mjs"), tmp_path / "trace"
    main.write_text(WRITES.format(path=json.dumps(str(trace))) + main.read_text())
    return trace


def test_publish_does_not_run_changed_runtime(
    whole_site: Site, store: Store, tmp_path: Path, trace: Path
) -> None:
    with pytest.raises(SiteError, match="has a changed Pyodide"):
        pipeline.publish_wheels([tiny_wheel(tmp_path).path], whole_site, store, ignore)
    assert not trace.exists()
    assert publish.list_packages(whole_site) == []


def test_build_does_not_run_changed_runtime(whole_site: Site, store: Store, trace: Path) -> None:
    with pytest.raises(SiteError) as caught:
        prepare(whole_site, store)
    assert caught.value.info.code == "site.changed-pyodide"
    assert str(whole_site.package_root.path("pyodide.mjs")) in caught.value.why
    assert not trace.exists()


@pytest.mark.parametrize("name", ["pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"])
@pytest.mark.parametrize("change", ["longer", "another byte", "missing"])
def test_changed_file_of_runtime_is_refused(
    whole_site: Site, store: Store, name: str, change: str
) -> None:
    path = whole_site.package_root.path(name)
    data = path.read_bytes()
    path.write_bytes(data + b"\n" if change == "longer" else data[:-1] + bytes([data[-1] ^ 1]))
    if change == "missing":
        path.unlink()
    with pytest.raises(SiteError, match="has a changed Pyodide"):
        prepare(whole_site, store)


def test_build_for_site_uses_runtime_of_store(
    whole_site: Site, runtime: Runtime, store: Store
) -> None:
    found = prepare(whole_site, store)
    assert found.engine.runtime.folder == runtime.folder
    assert found.original.packages.keys() == runtime.read_lock().packages.keys()


def test_site_with_other_pyodide_is_refused(whole_site: Site, store: Store) -> None:
    other = replace(whole_site, pyodide="314.0.6")
    with pytest.raises(SiteError, match=r"314\.0\.6, which is not available"):
        prepare(other, store)


def prepare(site: Site, store: Store) -> TargetEnvironment:
    """Prepare the environment of a build for a site."""
    with Phases(ignore) as phases:
        context = BuildContext(store=store, emit=ignore, phases=phases)
        return prepare_environment(site.target, site, context)


def test_script_in_node_reaches_only_its_folder(
    home: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", "token81c7")
    script, out = tmp_path / "script.mjs", tmp_path / "out"
    out.mkdir()
    script.write_text(REACHES)
    status, lines = node_sandbox.run_script(
        node.ensure_node(store, ignore),
        [script, out / "file", home / ".bashrc"],
        out,
        Confinement(readable=(script,), writable=(out,)),
    )
    assert (status, lines) == (0, ["write: denied", "read: denied", "run: denied"])
    assert "token81c7" not in (out / "file").read_text()


#: JavaScript that writes its variables to a file, and then tries what it must not.
REACHES = """\
import { execSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
const [own, other] = process.argv.slice(2);
writeFileSync(own, JSON.stringify(process.env));
const tries = {
  write: () => writeFileSync(other, "changed"),
  read: () => readFileSync(other),
  run: () => execSync("id"),
};
for (const [name, act] of Object.entries(tries)) {
  let result = "done";
  try {
    act();
  } catch {
    result = "denied";
  }
  console.log(`${name}: ${result}`);
}
"""


def test_check_reads_only_files_in_lock(site: Site, home: Path, store: Store) -> None:
    site.package_root.path("key").symlink_to(home / ".ssh/id_ed25519")
    site.package_root.path("pyodide.mjs").write_bytes(b"")
    runtime = Runtime(folder=site.package_root.path(), version="314.0.7", abi="2026_0")
    names = {path.name for path in runtime.files}
    assert names == {"pyodide.mjs", "pyodide-lock.json"}


@pytest.mark.parametrize(
    "path",
    ["link.txt", "folder/id_ed25519", "files/pipe", "again/site.json", "%00", "a%00/../link.txt"],
)
def test_server_rejects_links(site: Site, home: Path, path: str) -> None:
    (site.folder / "link.txt").symlink_to(home / ".ssh/id_ed25519")
    (site.folder / "folder").symlink_to(home / ".ssh")
    (site.folder / "again").symlink_to(site.folder / ".wasmwheel")
    os.mkfifo(site.folder / "files/pipe")
    with site_server.serving(site) as url:
        connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=10)
        connection.request("GET", f"/{urlsplit(url).path.split('/')[1]}/{path}")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
    assert answer.status in (400, 403, 404)
    assert SECRET not in body


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(
    "path", ["../home/.bashrc", "/etc/passwd", "files/../../home/.bashrc", "files//x", ".", "a\0b"]
)
def test_server_rejects_path_outside_site(site: Site, path: str) -> None:
    root, before = site.root, snapshot(site.folder)
    acts: list[Callable[[], object]] = [
        lambda: root.read(path),
        lambda: root.remove(path),
        lambda: root.replace({path: b"x"}),
        lambda: root.copy(site.lock, path),
        lambda: root.make_folder(path),
        lambda: root.touch(path),
        lambda: root.children(path),
        lambda: root.within(path).read("x"),
    ]
    for act in acts:
        with pytest.raises(SiteError):
            act()
    assert snapshot(site.folder) == before


# Damaged sites

RECORDS: list[dict[str, object]] = [
    {"port": -1},
    {"port": 0},
    {"port": 80},
    {"port": 70000},
    {"port": 10**40},
    {"port": "20000"},
    {"port": True},
    {"port": 20000.5},
    {"prefix": "("},
    {"prefix": ".*"},
    {"prefix": "é" * 16},
    {"prefix": "a/../b"},
    {"prefix": "0123456789abcdef\n"},
    {"prefix": "a" * 100_000},
    {"prefix": None},
    {"abi": "../../x"},
    {"abi": 7},
    {"pyodide": "x/../../y"},
    {"kernel": "\ud800"},
    {"core": ""},
    {"mode": "else"},
    {"schema": 2},
    {"more": 1},
]


def damage_lock(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / lite.LOCK).write_text(text)


def pipe(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def as_folder(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


def without_imports(folder: Path) -> None:
    lock = json.loads((folder / lite.LOCK).read_bytes())
    del lock["packages"]["attrs"]["imports"]
    (folder / lite.LOCK).write_text(json.dumps(lock))


def loop(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder)


def loop_inside(folder: Path) -> None:
    shutil.rmtree(folder / "static/pyodide")
    (folder / "static/pyodide").symlink_to("pyodide")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "lock-is-no-json": damage_lock("no json"),
    "lock-is-deep": damage_lock("[" * 100_000),
    "lock-is-empty": damage_lock(""),
    "lock-is-a-list": damage_lock("[]"),
    "lock-is-a-folder": lambda folder: as_folder(folder, lite.LOCK),
    "lock-is-a-pipe": lambda folder: pipe(folder, lite.LOCK),
    "lock-is-no-text": lambda folder: (folder / lite.LOCK).write_bytes(b"\xff\xfe"),
    "lock-is-gone": lambda folder: (folder / lite.LOCK).unlink(),
    "original-lock-is-no-json": lambda folder: (folder / ".wasmwheel/pyodide-lock.json").write_text(
        "{"
    ),
    "row-without-imports": without_imports,
    "record-is-no-json": lambda folder: (folder / lite.RECORD).write_text("{"),
    "record-is-a-number": lambda folder: (folder / lite.RECORD).write_text("1"),
    "record-is-deep": lambda folder: (folder / lite.RECORD).write_text("[" * 50_000),
    "record-is-a-pipe": lambda folder: pipe(folder, lite.RECORD),
    "record-is-a-folder": lambda folder: as_folder(folder, lite.RECORD),
    "record-is-huge": lambda folder: (folder / lite.RECORD).write_text(" " * 10_000_000),
    "loop": loop,
    "loop-inside": loop_inside,
    **(
        {
            "unreadable": lambda folder: (folder / lite.RECORD).chmod(0),
            "unreadable-folder": lambda folder: (folder / ".wasmwheel").chmod(0),
        }
        if os.geteuid()
        else {}
    ),
}


@pytest.fixture
def shelves(tmp_path: Path) -> Iterator[Store]:
    """Create a store with valid sites and damaged ones of every kind in between."""
    store = Store(home=tmp_path / "store")
    sites = store.home / "sites"
    for name in ("a-whole", "z-whole"):
        small_site(sites / name)
    for number, fields in enumerate(RECORDS):
        record = small_site(sites / f"record-{number}").folder / lite.RECORD
        record.write_text(json.dumps(json.loads(record.read_bytes()) | fields))
    for name, damage in DAMAGES.items():
        damage(small_site(sites / name).folder)
    yield store
    for path in sites.glob("unreadable*"):
        path.joinpath(".wasmwheel").chmod(0o700)


def test_damaged_site_is_listed_by_name_with_other_sites(
    shelves: Store, wasmwheel: Command
) -> None:
    names = {f"record-{number}" for number in range(len(RECORDS))} | {*DAMAGES}
    found = lite.check_sites(shelves)
    damaged = {each.name: each for each in found if isinstance(each, DamagedSite)}
    assert {*damaged} == names
    for name, each in damaged.items():
        assert name in each.error.what
    assert [site.name for site in lite.list_sites(shelves)] == ["a-whole", "z-whole"]

    ran = wasmwheel("site", "list", "--json", env={"WASMWHEEL_HOME": str(shelves.home)})
    assert ran.status == 0, ran.stderr
    assert [site["site"] for site in ran.document["sites"]] == ["a-whole", "z-whole"]
    assert {site["site"] for site in ran.document["damaged"]} == names
    ran = wasmwheel("site", "list", env={"WASMWHEEL_HOME": str(shelves.home)})
    assert ran.status == 0, ran.stderr
    assert all(name in ran.stdout for name in names)

    served = Sites(store=shelves, configured=(), through=None, servers=SiteServers(), proxy={})
    rows = {each.name: each for each in served.rows()}
    assert {name for name, each in rows.items() if each.error} == names
    assert not rows["a-whole"].error
    assert not rows["z-whole"].error


def test_site_is_created_next_to_damaged_ones(shelves: Store, store: Store) -> None:
    for name in ("lite", "pyodide", "kernel-files", "packages", "snapshots", "node", "seals"):
        if (store.home / name).is_dir():
            (shelves.home / name).symlink_to(store.home / name)
    made = create_site(shelves.home / "sites/new", shelves, cdn=True)
    assert made.name in [site.name for site in lite.list_sites(shelves)]


def test_remove_from_damaged_site_names_damage(shelves: Store) -> None:
    for name in (*DAMAGES, "record-0"):
        with pytest.raises(SiteError):
            publish.remove(lite.find(name, shelves), "attrs")
