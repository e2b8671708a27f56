"""Sources in git repositories: which revision is fetched, and what is rejected."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_wasmwheel.api.errors import WasmwheelError
from jupyter_wasmwheel.api.events import Event, Log, ignore
from jupyter_wasmwheel.build.plan import work_key
from jupyter_wasmwheel.project import copy, git, manifest, source, sources, starter
from jupyter_wasmwheel.project.edits import Change
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command, error_of
from tests.fixtures.git_server import Repository, fetch_source, serving
from tests.fixtures.projects import create_pure_project


@pytest.fixture
def own_store(tmp_path: Path) -> Store:
    """Create an empty store."""
    return Store(home=tmp_path / "store")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Create a repository with a package in a subfolder and two commits, the first tagged."""
    repository = Repository(tmp_path / "repositories/project")
    create_pure_project(repository.folder / "bindings/python")
    first = repository.commit("Begin")
    repository.git("tag", "--annotate", "v1", "--message", "First")
    repository.write(second="2")
    repository.commit("Go on")
    repository.git("branch", "topic/old", first)
    return repository


def fetch_error(address: str, store: Store, *, offline: bool = False) -> WasmwheelError:
    with pytest.raises(WasmwheelError) as raised:
        fetch_source(address, store, offline=offline)
    return raised.value


IN_FOLDER = "#subdirectory=bindings/python"


@pytest.mark.parametrize("revision", ["v1", "topic/old", "COMMIT", "refs/tags/v1"])
def test_tag_branch_and_commit_select_revision(
    repository: Repository, own_store: Store, revision: str
) -> None:
    first = repository.git("rev-parse", "v1^{commit}")
    revision = revision.replace("COMMIT", first)
    emitted: list[Event] = []
    got = fetch_source(f"git+{repository.folder}@{revision}{IN_FOLDER}", own_store, emitted.append)
    assert (got.folder / "plain/__init__.py").is_file()
    assert not (got.folder.parents[1] / "second").exists()
    assert any(first in event.text for event in emitted if isinstance(event, Log))


def test_moved_default_branch_is_fetched_again(repository: Repository, own_store: Store) -> None:
    address = f"git+file://{repository.folder}{IN_FOLDER}"
    before = fetch_source(address, own_store)
    assert (before.folder.parents[1] / "second").read_text() == "2"
    repository.write(second="3")
    repository.commit("Go further")
    after = fetch_source(address, own_store)
    assert (after.folder.parents[1] / "second").read_text() == "3"
    assert before.identity != after.identity


@pytest.mark.parametrize("plain", [False, True])
def test_repository_is_fetched_over_http(
    repository: Repository, own_store: Store, plain: bool
) -> None:
    first = repository.git("rev-parse", "v1^{commit}")
    repository.git("repack", "-a", "-d", "--quiet")
    repository.git("update-server-info")
    with serving(repository.folder.parent, plain=plain) as address:
        for revision in ("main", first, "v1"):
            store = Store(home=own_store.home / revision)
            got = fetch_source(f"git+{address}/project/.git@{revision}{IN_FOLDER}", store)
            assert (got.folder / "pyproject.toml").is_file()
            assert (got.folder.parents[1] / "second").exists() == (revision == "main")


def test_fetched_commit_is_available_offline(repository: Repository, own_store: Store) -> None:
    commit = repository.git("rev-parse", "HEAD")
    with serving(repository.folder.parent) as address:
        url = f"git+{address}/project/.git"
        assert fetch_error(f"{url}@{commit}", own_store, offline=True).info.code == "git.offline"
        first = fetch_source(f"{url}@{commit}{IN_FOLDER}", own_store)
    assert fetch_source(f"{url}@{commit}{IN_FOLDER}", own_store, offline=True) == first
    assert fetch_error(f"{url}@main", own_store, offline=True).info.code == "git.offline"


def test_subfolder_with_package_is_suggested(repository: Repository, own_store: Store) -> None:
    error = fetch_error(f"git+{repository.folder}", own_store)
    assert error.status == 3
    assert "#subdirectory=bindings/python" in error.fix
    error = fetch_error(f"git+{repository.folder}#subdirectory=bindings", own_store)
    assert "#subdirectory=bindings/python" in error.fix


@pytest.mark.parametrize("revision", ["v2", "0" * 40, "bindings"])
def test_missing_revision_is_rejected(
    repository: Repository, own_store: Store, revision: str
) -> None:
    error = fetch_error(f"git+{repository.folder}@{revision}", own_store)
    assert (error.status, revision in error.what) == (3, True)
    assert not list(own_store.home.glob("sources/*"))
    assert not list(own_store.home.glob("staging/*"))


@pytest.mark.parametrize(
    "address",
    [
        "git+ext::sh -c touch% /tmp/evil",
        "git+fd::17",
        "git+git://example.org/x",
        "git+ftp://example.org/x",
        "git+git@example.org:x/y.git",
        "git+https://-oProxyCommand=x/y",
        "git+ssh://git@-oProxyCommand=x/y",
        "git+https://example.org",
        "git+https://example.org/x@",
        "git+https://example.org/x@--upload-pack=touch",
        "git+https://example.org/x@a..b",
        "git+https://example.org/x@a:b",
        "git+https://example.org/x@HEAD~1",
        "git+https://example.org/x\n",
        "git+https://example.org/x#subdirectory=../y",
        "git+https://example.org/x#subdirectory=/y",
        "git+https://example.org/x#subdirectory=a&subdirectory=b",
        "git+https://example.org/x#folder=a",
        "git+https://example.org/x#y",
        "git+file://elsewhere/x",
        "git+",
    ],
)
def test_invalid_address_is_rejected_before_git_runs(address: str) -> None:
    with pytest.raises(WasmwheelError) as raised:
        source.parse(address)
    assert raised.value.status == 2
    assert "git+URL[@REV][#subdirectory=DIR]" in raised.value.why


def test_addresses_of_pip_are_accepted() -> None:
    address = git.parse("git+ssh://git@example.org/a/b.git@feature/x#egg=b&subdirectory=c/d")
    assert (address.url, address.revision) == ("ssh://git@example.org/a/b.git", "feature/x")
    assert (address.subdirectory.as_posix(), address.name) == ("c/d", "b")
    assert address.login is None


@pytest.fixture
def hostile(tmp_path: Path) -> Repository:
    """Create a repository that would run a program if git used its settings."""
    repository = Repository(tmp_path / "hostile")
    create_pure_project(repository.folder / "package")
    shutil.move(repository.folder / "package/pyproject.toml", repository.folder)
    repository.write(**{".gitattributes": "*.py filter=evil export-ignore\n"})
    return repository


def test_hooks_filters_and_attributes_are_ignored(
    hostile: Repository, own_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "was-run"
    template = tmp_path / "template/hooks"
    template.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        (template / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (template / name).chmod(0o755)
    hostile.commit("Begin")
    (tmp_path / "gitconfig").write_text(
        f"[init]\ntemplateDir = {template.parent}\n[core]\nhooksPath = {template}\n"
        f'[filter "evil"]\nsmudge = touch {mark}\n[protocol "ext"]\nallow = always\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    got = fetch_source(f"git+{hostile.folder}", own_store)
    assert (got.folder / "package/plain/__init__.py").read_text().startswith("WORD")
    assert not mark.exists()


def test_submodules_are_omitted_with_note(
    hostile: Repository, repository: Repository, own_store: Store
) -> None:
    hostile.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
        *(str(repository.folder), "inside"),
    )
    hostile.commit("Add a submodule")
    emitted: list[Event] = []
    got = fetch_source(f"git+{hostile.folder}", own_store, emitted.append)
    assert not list((got.folder / "inside").glob("*"))
    assert any("submodules" in event.text for event in emitted if isinstance(event, Log))


def test_inner_links_are_kept_and_outer_links_rejected(
    hostile: Repository, own_store: Store
) -> None:
    (hostile.folder / "again.toml").symlink_to("pyproject.toml")
    hostile.commit("Link within")
    got = fetch_source(f"git+{hostile.folder}", own_store)
    assert (got.folder / "again.toml").read_text() == (got.folder / "pyproject.toml").read_text()
    (hostile.folder / "outside").symlink_to("../../../../etc")
    hostile.commit("Link outside")
    error = fetch_error(f"git+{hostile.folder}#subdirectory=outside", own_store)
    assert (error.status, "is not safe to unpack" in error.what) == (3, True)


def test_login_is_not_prompted_and_password_is_hidden(own_store: Store, tmp_path: Path) -> None:
    with serving(tmp_path, closed=True) as address:
        error = fetch_error(f"git+{address}/private.git", own_store)
        assert error.info.code == "git.login-required"
        with_password = address.replace("://", "://me:secret@")
        assert "secret" not in str(fetch_error(f"git+{with_password}/private.git", own_store))
    assert fetch_error(f"git+{address}/private.git", own_store).info.code == "git.unreachable"


def test_missing_git_is_reported(
    wasmwheel: Command, tmp_path: Path, repository: Repository
) -> None:
    words = ("build", f"git+{repository.folder}", "--json")
    error = error_of(wasmwheel(*words, env={"PATH": str(tmp_path)}), 4)
    assert "git is required" in error["what"]


def test_git_address_is_built_by_command(
    wasmwheel: Command, repository: Repository, tmp_path: Path
) -> None:
    with serving(repository.folder.parent) as address:
        words = ("build", f"git+{address}/project/.git{IN_FOLDER}", "--json", "--no-smoke")
        ran = wasmwheel(*words, "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert Path(ran.document["wheel"]).name == "plain-1.0-py3-none-any.whl"


@pytest.mark.parametrize("server", ["folder", "http", "plain http"])
def test_build_that_reads_tags_sees_them(
    repository: Repository, own_store: Store, tmp_path: Path, server: str
) -> None:
    project = repository.folder / "bindings/python"
    text = (project / "pyproject.toml").read_text().replace('version = "1.0"', "")
    text = text.replace('requires = ["', 'requires = ["setuptools-scm", "')
    (project / "pyproject.toml").write_text(
        text.replace("[project]", '[project]\ndynamic = ["version"]')
    )
    (project / "Cargo.lock").touch()
    repository.commit("Take the version from tags")
    repository.git("update-server-info")
    with serving(repository.folder.parent, plain=server.startswith("plain")) as address:
        url = str(repository.folder) if server == "folder" else f"{address}/project/.git"
        got = fetch_source(f"git+{url}{IN_FOLDER}", own_store)
        read = manifest.read(got.folder, got.tree)
        assert sources.needs_history(read)
        read = replace(read, history=source.fetch_history(got, own_store, ignore, offline=False))
    path = got.folder / "pyproject.toml"
    change = Change(path=path, file="pyproject.toml", before=text, after=f"{text}\n")
    made = copy.unlock(copy.refresh(read, own_store.home / "work/plain/source", (change,)))
    words = ["git", "describe", "--tags", "--long", "--dirty"]
    seen = subprocess.run(words, cwd=made.folder, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == repository.git(*words[1:])
    assert (made.folder / "pyproject.toml").read_text() == f"{text}\n"
    words = ["git", "status", "--porcelain", "--untracked-files=no"]
    assert subprocess.check_output(words, cwd=made.folder) == b""


def test_new_commit_of_branch_keeps_work_folder(repository: Repository, own_store: Store) -> None:
    address = f"git+{repository.folder}{IN_FOLDER}"
    first = fetch_source(address, own_store)
    repository.write(third="3")
    repository.commit("Go on again")
    second = fetch_source(address, own_store)
    assert first.identity != second.identity
    project = manifest.read(second.folder, second.tree)
    assert work_key(project, first.origin) == work_key(project, second.origin)
    assert fetch_source(f"git+{repository.folder}@v1{IN_FOLDER}", own_store).origin == first.origin


def test_history_is_not_fetched_for_plain_build(repository: Repository, own_store: Store) -> None:
    got = fetch_source(f"git+{repository.folder}{IN_FOLDER}", own_store)
    assert not sources.needs_history(manifest.read(got.folder, got.tree))


@pytest.mark.slow
def test_workspace_above_subfolder_is_built(
    wasmwheel: Command, workbench: Path, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "deep")
    member = starter.create("hello", repository.folder / "bindings")
    shared = repository.folder / "core"
    (shared / "src").mkdir(parents=True)
    (shared / "Cargo.toml").write_text('[package]\nname = "core-of-it"\nversion = "0.1.0"\n')
    (shared / "src/lib.rs").write_text("pub const ANSWER: u32 = 42;\n")
    repository.write(**{"Cargo.toml": '[workspace]\nmembers = ["bindings/hello", "core"]\n'})
    manifest = member / "Cargo.toml"
    manifest.write_text(
        manifest.read_text().replace(
            "[dependencies]", '[dependencies]\ncore-of-it = { path = "../../core" }'
        )
    )
    library = member / "src/lib.rs"
    library.write_text(
        library.read_text().replace("Ok(a)", "Ok(a + u128::from(core_of_it::ANSWER))")
    )
    repository.commit("Begin")
    repository.git("tag", "v1")
    with serving(tmp_path) as address:
        ran = wasmwheel(
            *("build", f"git+{address}/deep/.git@v1#subdirectory=bindings/hello", "--json"),
            *("--profile", "draft", "--out", tmp_path / "dist"),
        )
    assert ran.status == 0, ran.stderr
    code = "import hello; print(hello.fibonacci(0))"
    assert wasmwheel("smoke", ran.document["wheel"], "-c", code).stdout.strip() == "42"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["git", "sdist"])
def test_second_build_after_failure_keeps_compiled_crates(
    wasmwheel: Command, store: Store, draft_seed: None, tmp_path: Path, kind: str
) -> None:
    repository = Repository(tmp_path / "broken")
    crate = starter.create(f"broken-{kind}", repository.folder)
    library = crate / "src/lib.rs"
    right = library.read_text()
    library.write_text(f"{right}\ncompile_error!();\n")
    repository.commit("Begin")
    source_text = f"git+{repository.folder}#subdirectory={crate.name}"
    if kind == "sdist":
        source_text = str(tmp_path / "broken-1.tar.gz")
        with tarfile.open(source_text, "w:gz") as archive:
            archive.add(crate, "broken-1")

    def compiled() -> dict[Path, int]:
        works = (store.home / "work").glob(f"broken-{kind}-*")
        found = [path for work in works for path in work.glob("target-*/*/release/deps/*.rlib")]
        return {path: path.stat().st_mtime_ns for path in found}

    words = ("build", source_text, "--profile", "draft", "--json", "--out", tmp_path / "dist")
    assert wasmwheel(*words).status == 5
    first = compiled()
    assert any("pyo3" in path.name for path in first)
    if kind == "git":
        library.write_text(right)
        repository.commit("Correct it")
    again = wasmwheel(*words)
    assert (again.status == 0) is (kind == "git"), again.stderr
    assert compiled() == first
