"""Fetched sources that name other files of the user's machine: none of those is copied."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from jupyter_wasmwheel import pipeline
from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.requests import BuildRequest, EditsRequest
from jupyter_wasmwheel.jobs import payload
from jupyter_wasmwheel.project import copy, manifest, source, starter
from jupyter_wasmwheel.project.source import FetchedSource
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from tests.fixtures.git_server import Repository

DECOY = "decoy of a private crate"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Create an empty store."""
    return Store(home=tmp_path / "home/store")


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Create a private crate that no other source may read."""
    crate = starter.create("private", tmp_path / "home")
    (crate / "src/lib.rs").write_text(f"// {DECOY}")
    return crate


def leave(crate: Path, private: Path, how: str, depth: int = 4) -> None:
    """Let a crate name files outside its source, which is unpacked `depth` folders below home."""
    cargo, pyproject = crate / "Cargo.toml", crate / "pyproject.toml"
    dependency = '\n[dependencies.private]\npath = "{}"\n'
    if how == "absolute path":
        cargo.write_text(cargo.read_text() + dependency.format(private))
    elif how == "relative path":
        cargo.write_text(cargo.read_text() + dependency.format("../" * depth + "private"))
    elif how == "link":
        (crate / "linked").symlink_to(private)
        cargo.write_text(cargo.read_text() + dependency.format("linked"))
    elif how == "patch":
        cargo.write_text(f'{cargo.read_text()}\n[patch.crates-io]\nx = {{ path = "{private}" }}\n')
    elif how == "workspace":
        cargo.write_text(
            cargo.read_text().replace("[package]", '[package]\nworkspace = "../../.."')
        )
    elif how == "replace":
        cargo.write_text(f'{cargo.read_text()}\n[replace]\n"x:1.0.0" = {{ path = "{private}" }}\n')
    elif how == "member":
        cargo.write_text(f'{cargo.read_text()}\n[workspace]\nmembers = ["{private}"]\n')
    elif how == "library":
        named = f'[lib]\npath = "{private}/src/lib.rs"'
        cargo.write_text(cargo.read_text().replace("[lib]", named))
    elif how in ("paths", "directory", "patch in configuration"):
        line = {
            "paths": f'paths = ["{private}"]',
            "directory": f'[source.x]\ndirectory = "{private}"',
            "patch in configuration": f'[patch.crates-io]\nx = {{ path = "{private}" }}',
        }[how]
        (crate / ".cargo").mkdir()
        (crate / ".cargo/config.toml").write_text(line)
    elif how == "code":
        (crate / "build.rs").write_text(f'include_str!("{private}/src/lib.rs");')
        library = crate / "src/lib.rs"
        upwards = "../" * 5
        library.write_text(f'include_str!("{upwards}private/src/lib.rs");\n{library.read_text()}')
    elif how == "manifest-path":
        pyproject.write_text(
            f'{pyproject.read_text()}\n[tool.maturin]\nmanifest-path = "{private}/Cargo.toml"\n'
        )
    elif how == "readme":
        named = '[project]\nreadme = "../../private/README.md"'
        pyproject.write_text(pyproject.read_text().replace("[project]", named))


WAYS = [
    *("absolute path", "relative path", "link", "patch", "workspace", "manifest-path"),
    *("replace", "member", "library", "paths", "directory", "patch in configuration"),
]


def packed(tmp_path: Path, private: Path, form: str, how: str) -> str:
    """Return a source of a form whose crate leaves it."""
    repository = Repository(tmp_path / "repository")
    crate = starter.create("hello", repository.folder)
    leave(crate, private, how, 5 if form == "git" else 4)
    if form == "git":
        repository.commit("Begin")
        return f"git+file://{repository.folder}#subdirectory=hello"
    with tarfile.open(tmp_path / "hello-1.tar.gz", "w:gz") as tar:
        tar.add(crate, "hello-1")
    return str(tmp_path / "hello-1.tar.gz")


def nothing_is_copied(store: Store) -> None:
    for path in store.home.rglob("*"):
        assert not path.is_file() or DECOY not in path.read_text(errors="replace")


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("form", ["git", "sdist"])
def test_fetched_source_cannot_name_files_outside_it(
    tmp_path: Path, store: Store, private: Path, form: str, how: str
) -> None:
    named = packed(tmp_path, private, form, how)
    with pytest.raises(SourceError) as caught:
        pipeline.preview_edits(EditsRequest(source=named), store, ignore)
    assert caught.value.info.code == ("archive.unsafe" if how == "link" else "source.outside-tree")
    nothing_is_copied(store)


@pytest.mark.parametrize("how", WAYS)
def test_job_payload_omits_files_outside_fetched_source(
    tmp_path: Path, store: Store, private: Path, how: str
) -> None:
    named = packed(tmp_path, private, "git", how)
    with pytest.raises(SourceError) as caught:
        payload.pack("job", BuildRequest(source=named), store, ignore)
    assert caught.value.info.code == ("archive.unsafe" if how == "link" else "source.outside-tree")


@pytest.mark.parametrize("form", ["git", "sdist"])
def test_file_outside_that_code_of_fetched_source_names_is_not_copied(
    tmp_path: Path, store: Store, private: Path, form: str
) -> None:
    named = packed(tmp_path, private, form, "code")
    target = targets.find(targets.default_abi())
    fetched = source.fetch(source.parse(named), target, store, ignore)
    project = manifest.read(fetched.folder, fetched.tree)
    copy.refresh(project, store.home / "work/hello/source")
    nothing_is_copied(store)


def test_git_folder_in_sdist_is_not_used(tmp_path: Path, store: Store) -> None:
    crate = starter.create("hello", tmp_path / "sdist")
    mark = tmp_path / "was-run"
    other = Repository(tmp_path / "other")
    other.write(file="")
    other.commit("Begin")
    (tmp_path / "other/.git").rename(crate / ".git")
    with (crate / ".git/config").open("a") as stream:
        stream.write(f'[core]\nfsmonitor = "touch {mark}"\n')
    project = manifest.read(crate, crate)
    made = copy.refresh(project, store.home / "work/hello/source")
    assert not mark.exists()
    assert not (made.top / ".git").exists()


def test_readme_outside_fetched_source_is_rejected(tmp_path: Path, private: Path) -> None:
    crate = starter.create("hello", tmp_path / "home/sources")
    leave(crate, private, "readme")
    with pytest.raises(SourceError) as caught:
        manifest.read(crate, crate)
    assert caught.value.info.code == "source.outside-tree"


def test_link_out_of_tree_is_rejected_while_copied(tmp_path: Path, private: Path) -> None:
    crate = starter.create("hello", tmp_path)
    (crate / "linked").symlink_to(private)
    with pytest.raises(SourceError) as caught:
        copy.refresh(manifest.read(crate, crate), tmp_path / "copy")
    assert caught.value.info.code == "source.outside-tree"


def test_workspace_and_configuration_above_fetched_source_are_ignored(
    tmp_path: Path, store: Store, private: Path
) -> None:
    (private.parent / "Cargo.toml").write_text(f'# {DECOY}\n[workspace]\nmembers = ["private"]\n')
    (private.parent / ".cargo").mkdir()
    (private.parent / ".cargo/config.toml").write_text(f"# {DECOY}\n")
    named = packed(tmp_path, private, "git", "nothing")
    target = targets.find(targets.default_abi())
    fetched = source.fetch(source.parse(named), target, store, ignore)
    project = manifest.read(fetched.folder, fetched.tree)
    copy.refresh(project, store.home / "copy")
    assert set(project.roots) == {fetched.folder}
    nothing_is_copied(store)


def test_local_folder_can_name_other_crates(tmp_path: Path, private: Path) -> None:
    crate = starter.create("hello", tmp_path)
    leave(crate, private, "absolute path")
    assert private in manifest.read(crate).roots


def sent_to_worker(origin: str, store: Store, worker: Store) -> FetchedSource:
    """Return a source as the worker finds it that a server sent it to."""
    packed = payload.pack("job", BuildRequest(source=origin), store, ignore)
    request = payload.unpack(packed.payload, worker.home / source.SENT_FOLDER / packed.payload.key)
    target = targets.find(targets.default_abi())
    return source.fetch(source.parse(request.source), target, worker, ignore)


@pytest.mark.parametrize("form", ["folder", "git"])
@pytest.mark.parametrize("depth", range(1, 9))
def test_source_that_was_sent_gets_no_file_of_worker(
    tmp_path: Path, store: Store, form: str, depth: int
) -> None:
    repository = Repository(tmp_path / "repository")
    crate = starter.create("hello", repository.folder)
    up = "../" * depth
    (crate / "src/lib.rs").write_text(f'const K: &str = include_str!("{up}secret/key");')
    repository.commit("Begin")
    worker = Store(home=tmp_path / "a/worker/home/store")
    for folder in (place / "secret" for place in worker.home.parents[:4]):
        folder.mkdir(parents=True)
        (folder / "key").write_text(DECOY)
    inside = f"git+file://{repository.folder}#subdirectory=hello"
    fetched = sent_to_worker(inside if form == "git" else str(crate), store, worker)
    assert fetched.tree
    assert fetched.tree.is_relative_to(worker.home / source.SENT_FOLDER)
    assert fetched.is_own
    copied = copy.refresh(
        manifest.read(fetched.folder, fetched.tree), worker.home / "work/x/source"
    )
    assert (copied.folder / "src/lib.rs").is_file()
    nothing_is_copied(worker)


def test_source_that_was_sent_cannot_name_crate_of_worker(
    tmp_path: Path, store: Store, private: Path
) -> None:
    crate = starter.create("hello", tmp_path / "projects")
    worker = Store(home=tmp_path / "worker")
    fetched = sent_to_worker(str(crate), store, worker)
    leave(fetched.folder, private, "absolute path")
    with pytest.raises(SourceError) as caught:
        manifest.read(fetched.folder, fetched.tree)
    assert caught.value.info.code == "source.outside-tree"
