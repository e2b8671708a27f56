"""Hostile archives, projects, names and texts."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jupyter_wasmwheel import archive, wheel
from jupyter_wasmwheel.api.errors import SourceError, WasmwheelError
from jupyter_wasmwheel.api.events import Log
from jupyter_wasmwheel.api.sanitize import sanitize
from jupyter_wasmwheel.checks import side_module
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.process import limits
from jupyter_wasmwheel.project import git, manifest, recipes, source
from jupyter_wasmwheel.runtime import lock
from jupyter_wasmwheel.site import lite, proxy
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import cargo
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command, CommandOutput, error_of

# Archives


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


TARS: dict[str, list[tarfile.TarInfo]] = {
    "upwards": [member("x-1/../../evil")],
    "absolute": [member("/tmp/evil")],
    "link-out": [member("x-1/link", tarfile.SYMTYPE, "../.."), member("x-1/link/evil")],
    "absolute-link": [member("x-1/link", tarfile.SYMTYPE, "/etc"), member("x-1/link/evil")],
    "hard-link-out": [member("x-1/link", tarfile.LNKTYPE, "../../../etc/passwd")],
    "device": [member("x-1/null", tarfile.CHRTYPE)],
    "pipe": [member("x-1/pipe", tarfile.FIFOTYPE)],
    "file-as-folder": [member("x-1/a"), member("x-1/a/b")],
    "long-name": [member("x-1/" + "n" * 5000)],
    "link-to-nothing": [member("x-1/a"), member("x-1/link", tarfile.LNKTYPE, "nowhere")],
}


@pytest.mark.parametrize("name", TARS)
@pytest.mark.parametrize("ending", [".tar.gz", ".tar.xz"])
def test_hostile_tar_is_rejected_and_writes_nothing_outside(
    name: str, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"x-1{ending}"
    with tarfile.open(path, f"w:{ending[-2:]}") as tar:
        for info in TARS[name]:
            tar.addfile(info)
    refused(path, tmp_path)


def write_zip(*infos: tuple[str, int]) -> bytes:
    """Write a zip with empty members of these names and Unix modes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for name, mode in infos:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            made.writestr(info, b"../../evil" if mode else b"")
    return data.getvalue()


def encrypted() -> bytes:
    data = bytearray(write_zip(("x-1/a", 0)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def write_zip_bomb() -> bytes:
    """Write a zip that declares small members, one of which is 100 MB."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x-1/a", bytes(100_000_000))
    small = (100_000_000).to_bytes(4, "little")
    return data.getvalue().replace(small, (10).to_bytes(4, "little"))


ZIPS: dict[str, Callable[[], bytes]] = {
    "upwards": lambda: write_zip(("x-1/../../evil", 0)),
    "absolute": lambda: write_zip(("/tmp/evil", 0)),
    "link-out": lambda: write_zip(("x-1/link", 0o120777)),
    "file-as-folder": lambda: write_zip(("x-1/a", 0), ("x-1/a/b", 0)),
    "long-name": lambda: write_zip(("x-1/" + "n" * 5000, 0)),
    "encrypted": encrypted,
    "bomb": write_zip_bomb,
    "cut": lambda: write_zip(("x-1/a", 0))[:-10],
    "none": lambda: b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_zip_is_rejected_and_writes_nothing_outside(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x-1.zip"
    path.write_bytes(ZIPS[name]())
    refused(path, tmp_path)


def refused(path: Path, folder: Path) -> None:
    inside = folder / "deep/in"
    inside.mkdir(parents=True)
    before = set(folder.rglob("*"))
    with pytest.raises(SourceError) as raised:
        archive.unpack(path, inside)
    assert path.name in raised.value.what
    outside = set(folder.rglob("*")) - before
    assert all(each.is_relative_to(inside) for each in outside)
    assert not Path("/tmp/evil").exists()


def test_tar_larger_than_disk_is_rejected_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x-1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        info = member("x-1/huge")
        info.size = 2**50
        tar.fileobj.write(info.tobuf(format=tarfile.GNU_FORMAT))  # type: ignore[union-attr]
    refused(path, tmp_path)


# Projects


@pytest.mark.parametrize(
    "link", ["../outside", "{}/outside", "loop"], ids=["upwards", "absolute", "itself"]
)
def test_project_with_outer_links_writes_only_to_copy(
    wasmwheel: Command, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("as it was")
    project = wheel_factory.backend_project(
        tmp_path / "links",
        "(pathlib.Path('loop') / 'written').write_text('x') if os.path.isdir('loop') else 0\n"
        "if os.path.exists('loop/precious'): open('loop/precious', 'w').write('changed')",
    )
    (project / "loop").symlink_to(link.format(tmp_path))
    ran = wasmwheel("build", project, "--json", "--no-smoke", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert sorted(path.name for path in outside.iterdir()) == ["precious"]
    assert (outside / "precious").read_text() == "as it was"


#: A build script that writes to every file of the cache and of
#: published packages, and restores the file times.
DAMAGING = """
use std::{env, fs, path::{Path, PathBuf}};

fn main() {
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let home = out.ancestors().find(|path| path.ends_with("work")).unwrap().parent().unwrap();
    for kind in ["built", "proofs", "pyodide", "seeds", "snapshots"] {
        damage(&home.join(kind));
    }
    damage(&home.join("sites/workshop/static/pyodide/wheels"));
}

fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            damage(&entry.path());
        } else if entry.file_type().unwrap().is_file() {
            let mut data = fs::read(entry.path()).unwrap();
            let time = entry.metadata().unwrap().modified().unwrap();
            if let Some(middle) = data.len().checked_sub(1).map(|last| last / 2) {
                data[middle] ^= 0xff;
                fs::write(entry.path(), data).unwrap();
                let file = fs::File::options().append(true).open(entry.path()).unwrap();
                file.set_modified(time).unwrap();
            }
        }
    }
}
"""

#: The kinds of entries that it damages: those that are slow to create, and the others.
COPIED, MADE = ("pyodide", "snapshots"), ("built", "proofs", "seeds")


@pytest.mark.slow
@pytest.mark.usefixtures("unconfined")
def test_file_changed_by_build_script_is_not_used(
    wasmwheel: Command, store: Store, draft_seed: None, crate: Path, tmp_path: Path
) -> None:
    home, others = tmp_path / "home", tmp_path / "others"
    others.mkdir()
    for folder in store.home.iterdir():
        if folder.name in COPIED:
            shutil.copytree(folder, home / folder.name, symlinks=True)
        elif folder.name not in MADE:
            (others / folder.name).symlink_to(folder)
    env = {"WASMWHEEL_HOME": str(home), "WASMWHEEL_PATH": str(others)}
    assert wasmwheel("doctor", "--fix", "seeds", env=env).status == 0
    assert wasmwheel("site", "create", "workshop", env=env).status == 0

    def build(source: Path, *words: str) -> CommandOutput:
        out = ("--out", tmp_path / "dist")
        return wasmwheel("build", source, "--profile", "draft", "--events", *out, *words, env=env)

    into_site = ("--site", "workshop")
    first = build(crate, *into_site)
    assert first.status == 0, first.stderr
    before = first.events[-1]["report"]
    assert before["seeded"]

    hostile = wheel_factory.crate("hostile", tmp_path)
    (hostile / "build.rs").write_text(DAMAGING)
    itself = build(hostile, *into_site)
    site = lite.find("workshop", Store(home=home))
    assert published_sha256(site) != before["sha256"], "the script has run"

    # A site has its own runtime; without a site, the store's is used.
    fresh = build(wheel_factory.crate("fresh", tmp_path))
    assert fresh.status == 0, fresh.stderr
    assert not fresh.events[-1]["report"]["seeded"]
    assert fresh.events[-1]["report"]["smoke"]["ok"]

    again = build(crate, *into_site)
    assert again.status == 0, again.stderr
    report = again.events[-1]["report"]
    assert not report["cached"]
    assert report["smoke"]["ok"]
    assert published_sha256(site) == report["sha256"]

    events = [*itself.events, *again.events, *fresh.events]
    notes = [event["text"] for event in events if event.get("stream") == "note"]
    reinstalled = {
        note.partition("/")[0] for note in notes if "is damaged; installing it again" in note
    }
    assert reinstalled >= {"built", "pyodide", "snapshots"}, notes


def published_sha256(site: Site) -> str:
    """Return the sha256 of the published `hello` that a site's lock names."""
    path = site.lock.parent / lock.read(site.lock).packages["hello"].file_name
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a b", "\u202ename", "x" * 1000, "<img src=x>", "-rf", "", "\0"]
)
def test_project_with_hostile_name_is_rejected(
    wasmwheel: Command, tmp_path: Path, name: str
) -> None:
    project = wheel_factory.backend_project(tmp_path / "hell")
    (project / "pyproject.toml").write_text(
        f"[project]\nname = {json.dumps(name)}\nversion = '1'\n"
        "[build-system]\nrequires = []\nbuild-backend = 'own'\nbackend-path = ['.']\n"
    )
    error_of(wasmwheel("build", project, "--json", "--out", tmp_path / "dist"), 3)
    assert not (tmp_path / "dist").exists()


# Output of builds

SEQUENCES = [
    ("\x1b[2J\x1b[1;1Hgone", "gone"),
    ("\x1b]0;a title\x07text", "text"),
    ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x1bP1$tx\x1b\\text", "text"),
    ("\x9b31mred", "red"),
    ("a\x08b\x00c", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"),
    ("\u202eevil\u202c", "\N{REPLACEMENT CHARACTER}evil\N{REPLACEMENT CHARACTER}"),
    ("half \ud800", "half \N{REPLACEMENT CHARACTER}"),
    ("tab\tand\nlines, Zürich, 日本", "tab\tand\nlines, Zürich, 日本"),
]


@pytest.mark.parametrize(("text", "shown"), SEQUENCES)
def test_control_sequences_are_removed(text: str, shown: str) -> None:
    assert sanitize(text) == shown
    assert Log(stream="stdout", text=text).text == shown
    assert SourceError(text, text, text, code="source.example").why == shown


@pytest.mark.parametrize("way", [(), ("--events",), ("--verbose",), ("--json",)])
def test_build_escape_sequences_do_not_reach_terminal(
    wasmwheel: Command, tmp_path: Path, way: tuple[str, ...]
) -> None:
    code = "print('\\x1b[2J\\x1b]0;evil\\x07 and \\x9b31m seen'); raise SystemExit('\\x1b[2J no')"
    project = wheel_factory.backend_project(tmp_path / "colourful", code)
    ran = wasmwheel("build", project, *way)
    assert ran.status not in (0, 1)
    printed = ran.stdout + ran.stderr
    assert "seen" in printed
    assert not any(mark in printed for mark in ("\x1b", "\\u001b", "\x9b", "\\u009b", "\x07"))


def test_package_output_is_sanitized_for_terminal(wasmwheel: Command, tmp_path: Path) -> None:
    path = wheel_factory.wheel(tmp_path, "py3-none-any", {"handmade.py": b""})
    ran = wasmwheel("smoke", path, "-c", "print(chr(27) + '[2J seen')")
    assert ran.stdout == " seen\n"


# Parsers: they raise only errors of this package

quickly = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
SOURCES = st.text() | st.from_regex(r"(pypi:|git\+(https?|ssh|file)://|git\+)\S*", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def call_parser(function: Callable[[], object]) -> None:
    """Call a function that may only raise errors of this package."""
    with contextlib.suppress(WasmwheelError):
        function()


@quickly
@given(SOURCES)
@example("pypi:" + "a" * 10_000)
@example("git+file:///x@\0")
def test_any_source_raises_only_our_errors(text: str) -> None:
    call_parser(lambda: source.parse(text))
    if text.startswith("git+"):
        call_parser(lambda: git.parse(text))


@quickly
@given(st.dictionaries(st.sampled_from(["kind", "source", "site", "features"]), VALUES) | VALUES)
@example({"kind": "build", "source": "a" * 300})
@example({"kind": "site", "site": "a\0"})
def test_any_request_body_raises_only_our_errors(tmp_path: Path, body: object) -> None:
    store = Store(home=tmp_path)
    find = lambda name: lite.find(name, store)  # noqa: E731
    paths = AllowedPaths(root=tmp_path, allowed=(), store=store, find_site=find)
    call_parser(lambda: resolve(body, paths))


@quickly
@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
@example(b'{"info": {"abi_version": "1", "python": "3"}, "packages": {"a": 7}}')
@example(b'{"info": {"abi_version": "1", "python": "3"}, "packages": []}')
@example(b'{"info": {}, "packages":{\n"a":{},\n}}')
@example(b"[" * 5000)
def test_any_lock_raises_only_our_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "pyodide-lock.json"
    path.write_bytes(data)
    call_parser(lambda: [*lock.read(path).packages.values()])


@quickly
@given(st.text() | VALUES.map(lambda value: f"[project]\nname = {json.dumps(value)}\n"))
@example("[project]\nname = 'a'\ndependencies = [7]\n")
@example("[project]\nname = 'a'\nversion = 7\n")
@example("[build-system]\nrequires = 7\nbuild-backend = 'maturin'\n")
@example("[build-system]\nbuild-backend = ['maturin']\n[project]\nname='a'\n")
@example("[tool]\nmaturin = 7\n[build-system]\nbuild-backend = 'maturin'\n")
@example("project = 7\n")
@example("build-system = 7\n")
def test_any_pyproject_raises_only_our_errors(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    call_parser(lambda: manifest.read(tmp_path))


@quickly
@given(st.text())
@example("[package]\nname = 7\n")
@example("package = 7\n")
@example("workspace = 7\n[package]\nname='a'\n")
@example("[package]\nname='a'\n[dependencies]\npyo3 = 7\n")
def test_any_cargo_manifest_raises_only_our_errors(tmp_path: Path, text: str) -> None:
    start = "[project]\nname = 'a'\nversion = '1'\n[build-system]\nbuild-backend = 'maturin'\n"
    (tmp_path / "pyproject.toml").write_text(start)
    (tmp_path / "Cargo.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    call_parser(lambda: manifest.read(tmp_path))


@quickly
@given(st.binary())
def test_any_archive_raises_only_our_errors(tmp_path: Path, data: bytes) -> None:
    for name in ("x-1.zip", "x-1.tar.gz", "x-1.tar.xz", "x-1.tar.bz2"):
        (tmp_path / name).write_bytes(data)
        call_parser(lambda name=name: archive.unpack(tmp_path / name, tmp_path / "in"))  # type: ignore[misc]


@quickly
@given(st.binary(), st.dictionaries(st.text(min_size=1, max_size=20), st.binary(), max_size=3))
def test_any_wheel_raises_only_our_errors(
    tmp_path: Path, data: bytes, members: dict[str, bytes]
) -> None:
    path = tmp_path / "handmade-1.0-py3-none-any.whl"
    path.write_bytes(data)
    call_parser(lambda: wheel.read(path))
    whole = {name.encode("utf-8", "replace").decode(): each for name, each in members.items()}
    wheel_factory.wheel(tmp_path, "py3-none-any", whole, description=data)
    call_parser(lambda: wheel.read(path).imports)


@quickly
@given(st.binary())
def test_any_module_raises_only_our_errors(data: bytes) -> None:
    for whole in (data, b"\0asm\1\0\0\0" + data):
        with contextlib.suppress(side_module.DamagedModuleError):
            side_module.parse(whole)


@quickly
@given(st.text() | VALUES.map(lambda value: cargo.SEPARATOR + json.dumps(value)))
@example(cargo.SEPARATOR + "[]")
@example(cargo.SEPARATOR + '{"reason": "compiler-message", "message": {"spans": 7}}')
@example(cargo.SEPARATOR + '{"reason": "compiler-artifact", "package_id": 7}')
@example(cargo.SEPARATOR + "[" * 5000)
def test_any_cargo_line_raises_only_our_errors(line: str) -> None:
    emitted: list[object] = []
    cargo.CargoOutputReader(emitted.append, lambda name, _: name)("stderr", line)


@quickly
@given(st.lists(st.text(), max_size=3))
def test_any_host_list_raises_only_our_errors(hosts: list[str]) -> None:
    call_parser(lambda: proxy.parse(hosts))


@quickly
@given(st.text())
def test_any_limit_raises_only_our_errors(text: str) -> None:
    call_parser(lambda: limits.DEFAULT.with_settings([text]))
    call_parser(lambda: limits.DEFAULT.with_settings([f"build.time={text}"]))


@quickly
@given(st.text())
@example("[x]\n")
@example("name = 7\n")
def test_any_recipe_raises_only_our_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    call_parser(lambda: recipes.choose(str(path), "a", "1"))


@quickly
@given(st.text())
def test_sanitized_text_stays_unchanged(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)
    assert not any(letter < " " and letter not in "\t\n" for letter in sanitize(text))
    sanitize(text).encode("utf-8")
