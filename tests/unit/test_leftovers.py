"""What a package leaves behind or reports: our own code takes it for nothing else than it is."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_wasmwheel import index
from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.api.events import decode, ignore
from jupyter_wasmwheel.build import backend, confinement
from jupyter_wasmwheel.checks import pyodide_loader
from jupyter_wasmwheel.project import copy, manifest
from jupyter_wasmwheel.project.copy import Copy
from jupyter_wasmwheel.safe_paths import Root, remove_tree, temporary_folder
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import emscripten

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "hooks"\n[project]\nname = "sample"\n'

#: What code can put in the place of a file, given the path and a file outside.
REPLACEMENTS: dict[str, Callable[[Path, Path], None]] = {
    "pipe": lambda path, outside: os.mkfifo(path),
    "link": lambda path, outside: path.symlink_to(outside),
    "device": lambda path, outside: path.symlink_to("/dev/zero"),
    "dangling link": lambda path, outside: path.symlink_to(outside.with_name("new")),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.write_text("crate secret\n")
    return path


@pytest.fixture
def private(tmp_path: Path) -> Copy:
    """Return the private copy of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "Cargo.lock").write_text("version = 4\n")
    return copy.refresh(manifest.read(folder.resolve()), tmp_path / "store/work/sample/source")


@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_notes_that_are_no_regular_file_are_ignored(
    tmp_path: Path, outside: Path, replace: Callable[[Path, Path], None]
) -> None:
    notes = tmp_path / "notes/c-notes"
    notes.parent.mkdir()
    replace(notes, outside)
    assert emscripten.read_c_usage(notes) == emscripten.CUsage()


def test_notes_of_shims_are_read(tmp_path: Path) -> None:
    notes = tmp_path / "c-notes"
    assert emscripten.read_c_usage(notes) == emscripten.CUsage()
    notes.write_bytes(b"crate zstd\ncrate zstd\n\xff \xff\nwith-headers x\n")
    usage = emscripten.read_c_usage(notes)
    assert (usage.crates, usage.with_headers) == (("zstd",), ("x",))


@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_lock_file_that_was_replaced_is_removed(
    private: Copy, outside: Path, replace: Callable[[Path, Path], None]
) -> None:
    lock = private.top / "Cargo.lock"
    lock.unlink()
    replace(lock, outside)
    copy.remove_false_lock_files(private)
    assert not os.path.lexists(lock)
    assert outside.read_text() == "crate secret\n"


def test_lock_file_that_is_linked_in_the_copy_is_kept(private: Copy) -> None:
    link = private.top / "bindings/Cargo.lock"
    link.parent.mkdir()
    link.symlink_to("../Cargo.lock")
    copy.remove_false_lock_files(private)
    assert link.is_file()


@pytest.mark.parametrize(
    "text", ["x @ http://127.0.0.1:1/c2VjcmV0", "x@file:///etc/passwd", "--index-url=x", "./x", ""]
)
def test_requirement_of_hook_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        backend.require_from_index(["wheel", text], "sample 1.0")
    assert caught.value.info.code == "backend.requirement-refused"


def test_result_of_hook_is_accepted(tmp_path: Path) -> None:
    warning = {"message": "old", "filename": "setup.py", "lineno": 1}
    for value in (None, ["wheel"], "sample-1-py3-none-any.whl"):
        result = {"unsupported": False, "return_val": value, "warnings": [warning]}
        (tmp_path / "output.json").write_text(json.dumps(result))
        backend.require_result(Root(tmp_path), "sample")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"return_val": 1}',
        '{"return_val": [1]}',
        '{"return_val": null, "warnings": [1]}',
        '{"return_val": null, "traceback": {}}',
        '{"return_val": "' + "x" * 5_000_000 + '"}',
        '{"return_val": ' + "[" * 100_000,
        '{"return_val": null, "more": ' + "[" * 100_000,
        '{"return_val": "\xff"}',
    ],
    ids=lambda text: text[:30],
)
def test_damaged_result_of_hook_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "output.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError) as caught:
        backend.require_result(Root(tmp_path), "sample")
    assert caught.value.info.code == "backend.no-result"


@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_result_of_hook_that_is_no_regular_file_is_refused(
    tmp_path: Path, outside: Path, replace: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "results").mkdir()
    replace(tmp_path / "results/output.json", outside)
    with pytest.raises(SourceError) as caught:
        backend.require_result(Root(tmp_path / "results"), "sample")
    assert caught.value.info.code == "backend.no-result"


def test_endless_result_of_hook_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "output.json").open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(SourceError) as caught:
        backend.require_result(Root(tmp_path), "sample")
    assert caught.value.info.code == "backend.no-result"


def test_requirements_of_hook_with_names_are_accepted() -> None:
    backend.require_from_index(["wheel", "setuptools-rust[x]>=1.8; python_version>'3'"], "sample")


def test_folder_that_a_build_replaced_by_a_link_is_made_again(tmp_path: Path) -> None:
    folder, top = tmp_path / "project", tmp_path / "store/work/sample/source"
    (folder / "data").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "data/secret").write_text("same")
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").write_text("same")
    (home / "secret").chmod(0o600)
    copy.refresh(manifest.read(folder.resolve()), top)
    (top / "data").rename(top / "moved")
    (top / "data").symlink_to(home)
    (folder / "data/secret").chmod(0o777)
    copy.refresh(manifest.read(folder.resolve()), top)
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert not (top / "data").is_symlink()
    assert (top / "data/secret").read_text() == "same"


def test_temporary_folder_without_permissions_is_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("")
    (outside / "file").chmod(0o400)
    outside.chmod(0o500)
    with temporary_folder("tmp-", tmp_path) as folder:
        (folder / "a/b").mkdir(parents=True)
        (folder / "a/b/file").write_text("")
        for name in ("file", "."):
            (folder / "a" / f"link{len(name)}").symlink_to(outside / name)
        (folder / "a/b").chmod(0)
        (folder / "a").chmod(0o400)
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o400


@pytest.mark.parametrize(
    "text",
    [
        'token = "hidden"',
        '"token" = "hidden"',
        'registries.own."token"="hidden"',
        '[registries]\nown = { index = "sparse+https://example.org/", token = "hidden" }',
        '[registries.own]\n"\\u0074oken" = "hidden"',
        '[registries.own]\ntoken = """\nhidden"""',
        '[registry]\n"credential-provider" = ["hidden"]',
        'not valid "token" "hidden"',
        '[http]\nproxy = "http://alice:hidden@proxy.example:3128"',
        '[http]\nproxy = "alice:hidden@proxy.example:3128"',
        '[source.mirror]\nregistry = "sparse+https://bob:hidden@mirror.example/"',
        '[source.mirror]\n"registry" = "sparse+https://bob:hid\\u0064en@mirror.example/"',
        '[source]\nmirror = { git = "https://hidden@mirror.example/x.git" }',
        '[patch."https://bob:hidden@example.org/x"]\ny = { path = "z" }',
        '[env]\nHTTPS_PROXY = "carol:hidden@proxy.example:3128"',
        '[env]\nURL = { value = "https://carol:hidden@example.org/", force = true }',
        '[registries.own]\nindex = "https://example.org/?token=hidden"',
    ],
)
def test_configuration_of_cargo_is_shown_without_logins(tmp_path: Path, text: str) -> None:
    home, temporary = tmp_path / "cargo", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    (home / "config.toml").write_text(f"{text}\n[net]\nretry = 3\n", encoding="utf-8")
    [(path, shown)] = confinement._without_logins(home, temporary)
    assert path == home / "config.toml"
    assert "hidden" not in shown.read_text()


def test_configuration_of_cargo_without_logins_is_shown_whole(tmp_path: Path) -> None:
    text = """
        paths = ["/home/you/crate"]
        [net]
        retry = 3
        [http]
        proxy = "http://proxy.example:3128"
        [patch.crates-io]
        one = { git = "ssh://git@example.org/one" }
        [target.'cfg(target_os = "emscripten")']
        rustflags = ["--cfg", 'feature="x"']
    """
    (tmp_path / "config.toml").write_text(text)
    [(_, shown)] = confinement._without_logins(tmp_path, tmp_path)
    assert tomllib.loads(shown.read_text()) == tomllib.loads(text)


def test_folder_of_any_depth_is_removed(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    number = os.open(deep, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("a" * 20, dir_fd=number)
        inner = os.open("a" * 20, os.O_RDONLY, dir_fd=number)
        os.close(number)
        number = inner
    os.close(number)
    remove_tree(deep)
    assert not deep.exists()


def test_copy_of_deep_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "/".join("a" * 120)).mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "/".join("a" * 120) / "file").write_text("")
    with pytest.raises(SourceError, match="nested too deeply"):
        copy.refresh(manifest.read(folder.resolve()), tmp_path / "store/work/sample/source")


@pytest.mark.parametrize(
    "text",
    ["--proxy=http://192.0.2.1", "-r/proc/self/fd/6", "", "name\n--pre", "./folder", "a b"],
)
def test_build_requirement_that_pip_would_not_take_for_one_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="Invalid build requirement"):
        backend._require_valid(["setuptools", text], "sample", is_own=True)


def test_only_own_project_requires_addresses() -> None:
    requires = ["setuptools>=77", "x @ http://127.0.0.1/x.whl"]
    backend._require_valid(requires, "sample", is_own=True)
    with pytest.raises(SourceError, match="for its build"):
        backend._require_valid(requires, "sample", is_own=False)


def test_pip_gets_only_logins_of_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "netrc"
    own.write_text(
        "machine index.example login a password own\n"
        "machine other.example login b password hidden\n"
        "default login c password hidden\n"
    )
    own.chmod(0o600)
    monkeypatch.setenv("NETRC", str(own))
    monkeypatch.setattr(index, "_settings", lambda: {"index-url": "https://index.example/simple"})
    text = index._netrc([("files.example", "d:given")])
    assert "own" in text
    assert "given" in text
    assert "hidden" not in text


@pytest.mark.parametrize("key", ["../x", "a/../b", "/x", "a//b", "", "a/.", ".hidden", "a\0b"])
def test_key_of_store_leads_nowhere_else(tmp_path: Path, key: str) -> None:
    store = Store(home=tmp_path / "home")
    with pytest.raises(ValueError, match="invalid key"):
        store.install(key, lambda folder: None, ignore)


def test_hash_of_an_index_page_is_one(tmp_path: Path) -> None:
    from unearth import Link

    def of(digits: str, name: str = "sha256") -> str | None:
        return index.stated_hash(Link(f"https://example.org/a-1.tar.gz#{name}={digits}"))

    assert of("A" * 64) == f"sha256:{'a' * 64}"
    assert of("b" * 128, "sha512") == f"sha512:{'b' * 128}"
    assert of("../../docs") is None
    page = Link("https://example.org/a-1.tar.gz", hashes={"sha256": "../../docs"})
    assert index.stated_hash(page) is None


@pytest.mark.parametrize(
    "line",
    [
        '{"failed":{"step":5,"type":[1],"text":7}}',
        '{"note":5}',
        '{"collected":5}',
        '{"end":{}}',
        '{"end":{"id":["a"],"outcome":"passed"}}',
        '{"ended":5}',
        '{"a":' + "[" * 5000,
    ],
)
def test_event_of_wrong_type_is_text(line: str) -> None:
    assert pyodide_loader.read_event(line) is None


def test_deep_report_is_skipped() -> None:
    def report(depth: int) -> bytes:
        return b'{"kind":"report","report":{"a":' + b"[" * depth + b"]" * depth + b"}}"

    assert len([*decode([report(20), report(100), report(900)])]) == 1
