"""The private copy: which files it has, from where, and what a second copy does."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from jupyter_wasmwheel.project import copy, edits, manifest, sources
from jupyter_wasmwheel.project.copy import Copy
from tests.fixtures.git_server import Repository

PYPROJECT = (
    '[build-system]\nrequires = ["maturin>=1.9"]\nbuild-backend = "maturin"\n'
    '[project]\nname = "sample"\nversion = "1"\n'
)
CARGO = (
    '[package]\nname = "sample"\nversion = "1.0.0"\n[lib]\ncrate-type = ["cdylib"]\n'
    '[dependencies]\npyo3 = "0.30"\n'
)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def crate(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Create a crate with maturin, and more files."""
    write(folder, {"pyproject.toml": PYPROJECT, "Cargo.toml": CARGO, "src/lib.rs": "// none\n"})
    write(folder, files or {})
    return folder


def refresh(folder: Path, top: Path, tree: Path | None = None) -> Copy:
    return copy.refresh(manifest.read(folder.resolve(), tree), top)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Return the folder of a copy in a store."""
    return tmp_path / "store/work/sample/source"


def names(top: Path) -> set[str]:
    """Return the files and links of a copy, without git's own."""
    return set(copy._names(top))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Create a repository with a crate in a subfolder."""
    repository = Repository(tmp_path / "repository")
    crate(repository.folder / "bindings/python")
    write(repository.folder, {"LICENSE": "", ".gitignore": "*.so\n/data\ntarget\nCargo.lock\n"})
    repository.commit("Begin")
    return repository


# Which files


def test_copy_of_repository_has_files_that_git_does_not_ignore(
    repository: Repository, top: Path
) -> None:
    write(repository.folder, {"new.txt": "", "data/large.bin": "", "target/x": "", "a.so": ""})
    made = refresh(repository.folder / "bindings/python", top)
    assert made.original == repository.folder
    assert made.folder == top / "bindings/python"
    assert names(top) == {
        *("LICENSE", ".gitignore", "new.txt", "bindings/python/pyproject.toml"),
        *("bindings/python/Cargo.toml", "bindings/python/src/lib.rs"),
    }


def test_copy_has_ignored_sources_that_builds_read(repository: Repository, top: Path) -> None:
    files = {
        "bindings/python/Cargo.lock": "",
        "bindings/python/src/generated.rs": "",
        "generated/more.rs": "",
        ".cargo/config.toml": "",
        "build/lib/sample.py": "",
        "venv/pyvenv.cfg": "",
        "venv/lib/six.py": "",
    }
    ignored = "generated*\n.cargo\n/build\n/venv\nCargo.lock\n"
    write(repository.folder, {**files, ".gitignore": ignored})
    refresh(repository.folder / "bindings/python", top)
    found = names(top)
    assert set(list(files)[:4]) <= found
    assert not set(list(files)[4:]) & found


@pytest.mark.parametrize(
    "left",
    [
        "target/CACHEDIR.TAG",
        "target/.rustc_info.json",
        "node_modules/x/index.js",
        "env/pyvenv.cfg",
        "conda/conda-meta/history",
        "site/.wasmwheel/site.json",
        "sample/_native.cpython-311-x86_64-linux-gnu.so",
        "sample/_native.abi3.so",
        "sample/_native.cp312-win_amd64.pyd",
        "sample/_native.pypy310-pp73-x86_64-linux-gnu.so",
        "dist/sample-1-py3-none-any.whl",
        "dist/sample-1.tar.gz",
        "sample-1-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        "src/__pycache__/x.cpython-311.pyc",
        ".ipynb_checkpoints/x.ipynb",
    ],
)
@pytest.mark.parametrize("with_git", [True, False])
def test_output_of_tools_is_not_copied(
    tmp_path: Path, top: Path, left: str, with_git: bool
) -> None:
    folder = tmp_path / "project"
    if with_git:
        Repository(folder)
    crate(folder)
    refresh(folder, top)
    before = names(top), copy.digest(refresh(folder, top))
    write(folder, {left: ""})
    assert (names(top), copy.digest(refresh(folder, top))) == before


def test_wheel_that_a_backend_reads_is_copied(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project", {"vendor/x-1-py3-none-any.whl": ""})
    refresh(folder, top)
    assert "vendor/x-1-py3-none-any.whl" in names(top)


def test_native_library_beside_python_is_not_copied(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project", {"sample/__init__.py": ""})
    for name in ("sample/native.so", "tests/data/native.so"):
        write(folder, {name: ""})
        (folder / name).write_bytes(b"\x7fELF" + bytes(60))
    refresh(folder, top)
    assert "sample/native.so" not in names(top)
    assert "tests/data/native.so" in names(top)


def test_tracked_output_is_copied(repository: Repository, top: Path) -> None:
    write(repository.folder, {"wheels/x-1-py3-none-any.whl": "", "node_modules/x.js": ""})
    repository.git("add", "--force", "wheels", "node_modules")
    refresh(repository.folder / "bindings/python", top)
    assert {"wheels/x-1-py3-none-any.whl", "node_modules/x.js"} <= names(top)


def test_sdist_is_copied_with_all_it_has(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "sample-1", {"sample/_x.abi3.so": "", "dist/x.whl": ""})
    refresh(folder, top, tree=folder)
    assert {"sample/_x.abi3.so", "dist/x.whl"} <= names(top)


def test_project_that_its_repository_ignores_is_copied(repository: Repository, top: Path) -> None:
    folder = crate(repository.folder / "data/scratch")
    assert refresh(folder, top).original == folder
    assert names(top) == {"pyproject.toml", "Cargo.toml", "src/lib.rs"}


def test_home_folder_in_git_is_no_project(
    tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Repository(tmp_path / "home")
    folder = crate(home.folder / "project")
    write(home.folder, {"private.txt": ""})
    home.commit("Keep my settings")
    monkeypatch.setenv("HOME", str(home.folder))
    assert refresh(folder, top).original == folder


@pytest.mark.parametrize("state", ["missing", "broken"])
def test_repository_that_git_cannot_read_is_a_folder(
    repository: Repository, top: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    if state == "missing":
        monkeypatch.setenv("PATH", "")
    else:
        (repository.folder / ".git/HEAD").write_text("")
    folder = repository.folder / "bindings/python"
    assert refresh(folder, top).folder.is_dir()
    assert "pyproject.toml" in names(top)


def test_submodule_and_worktree_are_copied(
    repository: Repository, tmp_path: Path, top: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    write(inner.folder, {"deep/inner.txt": ""})
    inner.commit("Begin")
    allow = ("-c", "protocol.file.allow=always")
    repository.git(*allow, "submodule", "--quiet", "add", str(inner.folder), "vendor/inner")
    repository.commit("Add a submodule")
    place = tmp_path / "worktree"
    repository.git("worktree", "add", "--quiet", str(place), "HEAD")
    subprocess.run(
        ["git", *allow, "submodule", "--quiet", "update", "--init"], cwd=place, check=True
    )
    write(place, {"vendor/inner/untracked.txt": ""})
    refresh(place / "bindings/python", top)
    found = names(top)
    assert {"vendor/inner/deep/inner.txt", "vendor/inner/untracked.txt", "LICENSE"} <= found
    assert describe(top) == describe(place)
    assert status(top) == status(place)


# What files name outside


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"src/lib.rs": 'const X: &str = include_str!("../../data.txt");'}, "data.txt"),
        ({"src/lib.rs": 'concat!(env!("CARGO_MANIFEST_DIR"), "/../data.txt")'}, "data.txt"),
        ({"src/lib.rs": '#[path = "../../shared/mod.rs"] mod shared;'}, "shared/mod.rs"),
        ({"src/lib.rs": 'include_dir!("$CARGO_MANIFEST_DIR/../assets")'}, "assets/x.txt"),
        ({"build.rs": 'fs::read("../schema/x.json")'}, "schema/x.json"),
        ({"build.rs": 'Path::new(dir).parent().unwrap().join("proto")'}, "proto/x.proto"),
        ({"build.rs": 'Path::new("..").join("proto")'}, "proto/x.proto"),
        ({"setup.py": "open(os.path.join(here, '..', 'README.md'))"}, "README.md"),
        ({"setup.py": "open('../README.md')"}, "README.md"),
        ({"setup.py": "RustExtension('a.b', '../second/Cargo.toml')"}, "second/src/lib.rs"),
        ({"CMakeLists.txt": "MANIFEST_PATH ../second/Cargo.toml"}, "second/src/lib.rs"),
        ({"MANIFEST.in": "include ../NOTICE"}, "NOTICE"),
        ({"CMakeLists.txt": "add_subdirectory(${CMAKE_SOURCE_DIR}/../native)"}, "native/x.c"),
        ({"pyproject.toml": f'{PYPROJECT}readme = "../README.md"'}, "README.md"),
        ({"pyproject.toml": f'{PYPROJECT}license = {{ file = "../LICENSE" }}'}, "LICENSE"),
        ({"pyproject.toml": f'{PYPROJECT}license-files = ["../LICEN*"]'}, "LICENSE"),
        ({"Cargo.toml": f'{CARGO}member = {{ path = "../member" }}'}, "member/src/lib.rs"),
        ({"Cargo.toml": f'{CARGO}[patch.crates-io]\nx = {{ path = "../x" }}'}, "x/src/lib.rs"),
        ({"Cargo.toml": f'{CARGO}[workspace]\nmembers = ["../crates/*"]'}, "crates/a/src/lib.rs"),
        ({"Cargo.toml": CARGO.replace("[lib]", '[lib]\npath = "../lib/x.rs"')}, "lib/x.rs"),
        ({".cargo/config.toml": '[source.x]\ndirectory = "../vendor"'}, "vendor/x/lib.rs"),
    ],
)
def test_named_file_outside_is_copied(
    tmp_path: Path, top: Path, inside: Mapping[str, str], outside: str
) -> None:
    write(tmp_path / "work", {outside: "", "unrelated.txt": ""})
    if outside.endswith("src/lib.rs"):
        write((tmp_path / "work" / outside).parents[1], {"Cargo.toml": "[package]\nname = 'a'"})
    folder = crate(tmp_path / "work/project", inside)
    made = refresh(folder, top)
    assert (made.folder.name, made.original) == ("project", tmp_path / "work")
    assert outside in names(top)
    assert "unrelated.txt" not in names(top)


def test_named_file_names_another(tmp_path: Path, top: Path) -> None:
    write(tmp_path / "work", {"a/shared.rs": 'include_str!("../../b/x.txt")', "b/x.txt": ""})
    write(tmp_path, {"b/x.txt": ""})
    folder = crate(tmp_path / "work/project", {"src/lib.rs": 'include!("../../a/shared.rs");'})
    refresh(folder, top)
    assert {"work/a/shared.rs", "b/x.txt", "work/project/src/lib.rs"} <= names(top)


@pytest.mark.parametrize("existing", [True, False])
def test_metadata_outside_workspace_is_moved_into_project(
    tmp_path: Path, top: Path, existing: bool
) -> None:
    write(tmp_path / "work", {"README.md": "read me", "LICENSE": "license"})
    named = f'{PYPROJECT}readme = "../../README.md"\nlicense = {{ file = "../../LICENSE" }}\n'
    folder = crate(tmp_path / "work/bindings/python", {"pyproject.toml": named})
    if existing:
        write(folder, {"README.md": "another"})
    project = manifest.read(folder)
    made = copy.refresh(project, top, edits.changes(edits.Edits(), project))
    table = manifest.load_toml(made.folder / "pyproject.toml")["project"]
    assert table["readme"] == ("outside-README.md" if existing else "README.md")
    assert (made.folder / table["readme"]).read_text() == "read me"
    assert (made.folder / table["license"]["file"]).read_text() == "license"


def test_metadata_inside_workspace_stays(tmp_path: Path) -> None:
    files = {"README.md": "", "Cargo.toml": '[workspace]\nmembers = ["python"]\n'}
    write(tmp_path / "work", files)
    named = {"pyproject.toml": f'{PYPROJECT}readme = "../README.md"\n'}
    project = manifest.read(crate(tmp_path / "work/python", named))
    assert edits.changes(edits.Edits(), project) == ()


@pytest.mark.parametrize("text", ['"../.."', '"../"', '"../../../../../../../.."', '"../project"'])
def test_folder_with_project_in_it_is_not_copied(tmp_path: Path, top: Path, text: str) -> None:
    write(tmp_path / "work", {"unrelated.txt": ""})
    folder = crate(tmp_path / "work/project", {"src/lib.rs": text, "build.rs": text})
    assert refresh(folder, top).original == folder


def test_cargo_configuration_above_keeps_its_places(
    repository: Repository, tmp_path: Path, top: Path
) -> None:
    places = (repository.folder.parent, repository.folder, repository.folder / "bindings")
    for place in (*places, repository.folder / "bindings/python"):
        write(place, {".cargo/config.toml": f"[env]\nX = {str(place)!r}\n"})
    made = refresh(repository.folder / "bindings/python", top)
    assert made.original == tmp_path
    for place in places:
        assert (top / place.relative_to(tmp_path) / ".cargo/config.toml").is_file()


@pytest.mark.skipif(os.name == "nt", reason="no owner is read")
def test_cargo_configuration_of_other_user_above_is_not_copied(
    tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = crate(tmp_path / "project")
    write(tmp_path, {".cargo/config.toml": "[env]\n"})
    monkeypatch.setattr(sources, "is_of_other_user", lambda path, *_: path.parent.name == ".cargo")
    assert refresh(folder, top).original == folder


def test_own_cargo_configuration_is_not_copied(
    tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, {".cargo/config.toml": "[env]\n"})
    assert refresh(crate(tmp_path / "project"), top).original == tmp_path / "project"


def test_store_in_project_is_not_copied(tmp_path: Path) -> None:
    folder = crate(tmp_path / "project")
    top = folder / "home/work/sample/source"
    refresh(folder, top)
    refresh(folder, top)
    assert names(top) == {"pyproject.toml", "Cargo.toml", "src/lib.rs"}


# How they are copied


def test_second_copy_writes_only_what_changed(
    tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = crate(tmp_path / "project", {"data.bin": "1" * 1000, "link.txt": ""})
    (folder / "link.txt").unlink()
    (folder / "link.txt").symlink_to("data.bin")
    first = copy.digest(refresh(folder, top))
    read: list[str] = []
    monkeypatch.setattr(copy, "_copy_data", lambda source, target: read.append(source.name))
    monkeypatch.setattr(copy.filecmp, "cmp", lambda *_, **__: read.append("compared"))
    before = {name: (top / name).lstat().st_ino for name in names(top)}
    assert copy.digest(refresh(folder, top)) == first
    assert read == []
    assert {name: (top / name).lstat().st_ino for name in names(top)} == before


def test_changed_file_is_newer_than_any_build_before(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project")
    refresh(folder, top)
    library = folder / "src/lib.rs"
    library.write_text("// changed while the first build ran\n")
    os.utime(library, (1_000_000_000, 1_000_000_000))
    refresh(folder, top)
    written = (top / "src/lib.rs").stat().st_mtime_ns
    assert (top / "src/lib.rs").read_text() == library.read_text()
    assert written > 1_600_000_000 * 10**9
    refresh(folder, top)
    assert (top / "src/lib.rs").stat().st_mtime_ns == written


def test_touched_file_is_not_newer(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project")
    refresh(folder, top)
    before = (top / "src/lib.rs").stat()
    os.utime(folder / "src/lib.rs")
    refresh(folder, top)
    assert (top / "src/lib.rs").stat().st_mtime_ns == before.st_mtime_ns


def test_what_a_build_did_to_its_copy_is_undone(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project", {"sample/__init__.py": "", "a/b.txt": ""})
    first = copy.digest(refresh(folder, top))
    outside = tmp_path / "outside"
    write(outside, {"b.txt": "as it was"})
    (top / "src/lib.rs").write_text("// edited by the build\n")
    write(top, {"build/left.txt": "", "sample/_version.py": ""})
    (top / "a/b.txt").unlink()
    (top / "a").rmdir()
    (top / "a").symlink_to(outside)
    (top / "sample/__init__.py").unlink()
    (top / "sample/__init__.py").symlink_to(outside / "b.txt")
    assert copy.digest(refresh(folder, top)) == first
    assert not (top / "a").is_symlink()
    assert (outside / "b.txt").read_text() == "as it was"


def test_times_and_permissions_are_kept(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project", {"run.sh": "", "fixed.txt": ""})
    (folder / "run.sh").chmod(0o755)
    (folder / "fixed.txt").chmod(0o444)
    os.utime(folder / "fixed.txt", (1_000_000_000, 1_000_000_000))
    first = copy.digest(refresh(folder, top))
    assert (top / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (top / "fixed.txt").stat().st_mode & 0o777 == 0o644
    assert (top / "fixed.txt").stat().st_mtime == 1_000_000_000
    (folder / "run.sh").chmod(0o644)
    assert copy.digest(refresh(folder, top)) != first


def test_read_only_source_can_be_built(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project", {"sample/__init__.py": ""})
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        made = refresh(folder, top)
        for path in (made.top, *made.top.rglob("*")):
            assert path.stat().st_mode & 0o200
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


@pytest.mark.parametrize("name", [b"stra\xdfe.txt", b"a b/c d.txt", b"line\nbreak.txt", b"\xe9/x"])
@pytest.mark.parametrize("with_git", [True, False])
def test_any_name_is_copied(tmp_path: Path, top: Path, name: bytes, with_git: bool) -> None:
    folder = tmp_path / "my project"
    if with_git:
        Repository(folder)
    crate(folder)
    path = folder / os.fsdecode(name)
    write(folder, {os.fsdecode(name): "content"})
    first = copy.digest(refresh(folder, top))
    assert (top / os.fsdecode(name)).read_text() == "content"
    path.write_text("changed")
    assert copy.digest(refresh(folder, top)) != first


def test_links_inside_are_kept(tmp_path: Path, top: Path) -> None:
    folder = crate(tmp_path / "project", {"docs/index.md": "", "python/x.py": ""})
    links = {
        "docs/python": "../python",
        "python/docs": "../docs",
        "self": "self",
        "here": ".",
        "later": "built-later",
        "twice": "docs/python/x.py",
    }
    for name, text in links.items():
        (folder / name).symlink_to(text)
    (folder / "absolute").symlink_to(folder / "docs")
    refresh(folder, top)
    made = {name: os.readlink(top / name) for name in links}
    assert made == {**links, "twice": "python/x.py"}
    assert os.readlink(top / "absolute") == "docs"


@pytest.mark.parametrize("text", ["{}/outside", "../outside", "sub/../../outside"])
def test_links_outside_are_followed(tmp_path: Path, top: Path, text: str) -> None:
    folder = crate(tmp_path / "project", {"sub/x": ""})
    write(tmp_path / "outside", {"deep/file.txt": "", ".venv/x": ""})
    (tmp_path / "outside/deep/circle").symlink_to("..")
    (folder / "linked").symlink_to(text.format(tmp_path))
    (folder / "nowhere").symlink_to("../nowhere")
    (folder / "root").symlink_to("/")
    refresh(folder, top)
    assert not (top / "linked").is_symlink()
    assert {name for name in names(top) if name.startswith("linked")} == {"linked/deep/file.txt"}
    assert not os.path.lexists(top / "nowhere")
    assert not os.path.lexists(top / "root")


def test_link_to_ignored_folder_is_followed(repository: Repository, top: Path) -> None:
    write(repository.folder, {"data/table.bin": "ignored"})
    (repository.folder / "bindings/python/data").symlink_to("../../data")
    refresh(repository.folder / "bindings/python", top)
    assert (top / "bindings/python/data/table.bin").read_text() == "ignored"


@pytest.mark.parametrize("error", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP])
def test_file_is_copied_without_help_of_system(
    tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    folder = crate(tmp_path / "project", {"data.txt": "content"})
    refresh(folder, top)
    assert (top / "data.txt").read_text() == "content"


# The commit


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def describe(folder: Path) -> str:
    return git(folder, "describe", "--tags", "--long", "--dirty", "--always")


def status(folder: Path) -> str:
    return git(folder, "status", "--porcelain")


@pytest.mark.parametrize("state", ["tag", "commits", "dirty", "staged", "detached", "shallow"])
def test_git_sees_commit_and_tags_in_copy(
    repository: Repository, tmp_path: Path, top: Path, state: str
) -> None:
    folder = repository.folder
    repository.git("tag", "-m", "Version 3.4", "v3.4.0")
    write(folder, {"more.txt": ""})
    if state == "commits":
        repository.commit("More")
    elif state == "dirty":
        (folder / "LICENSE").write_text("changed")
    elif state == "staged":
        repository.git("add", "more.txt")
    elif state == "detached":
        repository.commit("More")
        repository.git("checkout", "--quiet", "v3.4.0")
    elif state == "shallow":
        repository.commit("More")
        git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{folder}", "clone")
        folder = tmp_path / "clone"
    refresh(folder / "bindings/python", top)
    assert describe(top) == describe(folder)
    assert status(top) == status(folder)
    assert git(top, "log", "--oneline") == git(folder, "log", "--oneline")
    assert git(top, "rev-parse", "--abbrev-ref", "HEAD", "--branches") == git(
        folder, "rev-parse", "--abbrev-ref", "HEAD", "--branches"
    )


def test_build_does_not_change_repository(repository: Repository, top: Path) -> None:
    def state() -> dict[str, bytes]:
        files = [path for path in (repository.folder / ".git").rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files}

    before = state()
    refresh(repository.folder / "bindings/python", top)
    write(top, {"more.txt": ""})
    git(top, "add", "--all")
    git(top, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "In the copy")
    git(top, "tag", "v9")
    git(top, "gc", "--quiet")
    assert state() == before
    refresh(repository.folder / "bindings/python", top)
    assert git(top, "tag") == ""


def test_programs_of_repository_are_not_run(
    repository: Repository, tmp_path: Path, top: Path
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "core.sshCommand"):
        repository.git("config", name, str(program))
    hooks = repository.folder / ".git/hooks"
    for name in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (hooks / name).write_bytes(program.read_bytes())
        (hooks / name).chmod(0o755)
    write(repository.folder, {".gitattributes": "* filter=x\n", "LICENSE": "changed"})
    (tmp_path / "was-run").unlink(missing_ok=True)
    refresh(repository.folder / "bindings/python", top)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        ({"src/lib.rs": "// git"}, False),
        ({"build.rs": 'Command::new("git")'}, True),
        ({"Cargo.toml": f'{CARGO}[build-dependencies]\nvergen-gitcl = "1"\n'}, True),
        ({"pyproject.toml": PYPROJECT.replace('"]', '", "setuptools-scm"]')}, True),
        ({"pyproject.toml": PYPROJECT.replace("maturin>=1.9", "maturin[zig]>=1.9 , <2")}, False),
    ],
)
def test_commit_counts_only_where_a_build_reads_it(
    repository: Repository, top: Path, files: Mapping[str, str], counts: bool
) -> None:
    folder = repository.folder / "bindings/python"
    write(folder, files)
    repository.commit("Change")
    first = copy.digest(refresh(folder, top))
    repository.git("tag", "v1")
    assert (copy.digest(refresh(folder, top)) != first) is counts


@pytest.mark.parametrize("name", ["pyproject.toml", "Cargo.toml"])
def test_byte_order_mark_is_skipped(tmp_path: Path, name: str) -> None:
    folder = crate(tmp_path / "project")
    text = (folder / name).read_text().replace("\n", "\r\n")
    (folder / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert manifest.read(folder).name == "sample"


@pytest.mark.parametrize("name", ["d/" * 2500, "d" * 300, "a\0b"])
def test_source_folder_that_cannot_be_read_is_no_error(name: str, tmp_path: Path) -> None:
    assert sources.is_source(tmp_path / name)
