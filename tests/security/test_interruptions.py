"""Processes that are killed, and records that are damaged: the next command finds all whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.errors import SiteError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.server.sites import Sites, SiteServers
from jupyter_wasmwheel.site import bundle, lite, publish, transaction
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.site.publish import NewPackage
from jupyter_wasmwheel.store import Store
from tests.fixtures.site_factory import publish_one, small_site, tiny_wheel

#: What Python reports (PEP 578) before a call that changes files.
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.utime", "os.truncate"}


#: The name of a stored file's folder.
HASH = "0" * 64

#: A time in a lock, a listing or a journal.
TIME = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z]+")


def files(site: Site) -> dict[str, bytes]:
    """Return the files of a site without times, except those that every command can change."""
    return {
        path.relative_to(site.folder).as_posix(): TIME.sub(b"TIME", path.read_bytes())
        for path in sorted(site.folder.rglob("*"))
        if path.is_file() and path.parent.name != "locks" and path.name != "swept"
    }


def run_and_kill(act: Callable[[], object], step: int) -> bool:
    """Run a function in a process that is killed before its nth change; return if it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    changes = count()

    def kill(event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (event in CHANGES or is_write) and next(changes) == step:
            os._exit(9)

    sys.addaudithook(kill)
    try:
        act()
    except BaseException:
        os._exit(1)
    os._exit(0)


@pytest.fixture
def published(tmp_path: Path) -> Site:
    """Create a site in a store, with packages and a file that one of them ships."""
    site = small_site(tmp_path / "store/sites/lab")
    publish_one(site, tiny_wheel(tmp_path, "other"))
    publish_one(site, tiny_wheel(tmp_path, version="1.0"), shipped=_data(tmp_path, "one"))
    return site


def _data(folder: Path, name: str) -> dict[str, Path]:
    path = folder / f"{name}.bin"
    path.write_text(name)
    return {"https://data.example/x": path}


def _publish_two(folder: Path) -> Callable[[Site], object]:
    new = [
        NewPackage(wheel=tiny_wheel(folder, "base")),
        NewPackage(wheel=tiny_wheel(folder, version="2.0"), shipped=_data(folder, "two")),
    ]
    return lambda site: publish.publish(site, new, ignore)


def _publish_same_version(folder: Path) -> Callable[[Site], object]:
    own: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    changed = tiny_wheel(folder, version="1.0", body="changed = 1\n")
    return lambda site: publish_one(site, changed, notebook=own)


def _remove(folder: Path) -> Callable[[Site], object]:
    return lambda site: publish.remove(site, "tiny")


def _commands(site: Site, folder: Path) -> Iterator[Callable[[], object]]:
    """Yield commands that open a site, over and over: each as its own user would run it."""
    store = Store(home=site.folder.parents[1])
    sites = Sites(store=store, configured=(), through=None, servers=SiteServers(), proxy={})
    while True:
        yield lambda: lite.find("lab", store)
        yield lambda: lite.check_sites(store)
        yield sites.rows
        yield lambda: sites.packages("lab")
        yield lambda: bundle.write(lite.find("lab", store), folder / "lab.zip", ignore)


@pytest.mark.parametrize("prepare", [_publish_two, _publish_same_version, _remove])
def test_next_command_finds_site_before_or_after_killed_change(
    published: Site, tmp_path: Path, prepare: Callable[[Path], Callable[[Site], object]]
) -> None:
    site, pristine, act = published, tmp_path / "pristine", prepare(tmp_path)
    shutil.copytree(site.folder, pristine)
    before = files(site)
    act(site)
    after = files(site)
    outcomes = []
    for step, command in zip(count(), _commands(site, tmp_path), strict=False):
        shutil.rmtree(site.folder)
        shutil.copytree(pristine, site.folder)
        has_ended = run_and_kill(lambda: act(site), step)
        command()
        now = files(site)
        assert now in (before, after), f"killed before change {step}"
        outcomes.append(now == after)
        if has_ended:
            break
    # Decided once, and never undecided again.
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {True, False}


def test_change_of_running_process_is_left_to_it(published: Site, tmp_path: Path) -> None:
    with (
        publish.locked(published, ignore),
        transaction.transaction(published.root, published.private) as change,
    ):
        name = f"wheels/{HASH}/new.whl"
        change.root(lite.PYODIDE).copy(tiny_wheel(tmp_path, "new").path, name)
        lite.read_site(published.folder)
        assert published.package_root.is_file(name)
        change.decide({})
        change.finish()
    assert f"static/pyodide/{name}" in files(published)


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"{",
        b"[]",
        b'{"added": ["../../x"]}',
        b'{"removed": [""]}',
        b'{"removed": ["/etc"]}',
        b'{"removed": [".."]}',
        b'{"files": {"../x": "y"}}',
        b'{"files": {"x": 1}}',
        b'{"more": 1}',
        # A cloned site's journal can name only what publishing itself changes.
        b'{"files": {".git/config": "[core]"}}',
        b'{"files": {".wasmwheel/site.json": "{}"}}',
        b'{"files": {"index.html": "x"}}',
        b'{"files": {"files/.git": "x"}}',
        b'{"files": {"files/try-x/.git.ipynb": "x"}}',
        b'{"files": {"files/thesis.ipynb": "{}"}}',
        b'{"files": {"static/pyodide/pyodide.js": "x"}}',
        b'{"files": {"simple/../x/index.html": "x"}}',
        b'{"files": {"simple/x/y/index.html": "x"}}',
        b'{"files": {"simple/x/evil.js": "x"}}',
        b'{"removed": ["simple"]}',
        b'{"removed": ["simple/x/index.html"]}',
        b'{"removed": [".git"]}',
        b'{"removed": ["files"]}',
        b'{"removed": ["files/thesis.ipynb"]}',
        b'{"removed": ["static/pyodide/pyodide-lock.json"]}',
        b'{"removed": ["static/pyodide/wheels"]}',
        b'{"added": [".git/HEAD"]}',
        b'{"added": ["static/pyodide/pyodide-lock.json"]}',
        f'{{"added": ["static/pyodide/wheels/{HASH}/.git"]}}'.encode(),
        b'{"outdated": ["Makefile"]}',
        # Each name opens a file, and takes a system call.
        json.dumps({"added": [f"static/pyodide/wheels/{HASH}/x.whl"] * 100_000}).encode(),
        json.dumps({"files": {f"files/try-{n}.ipynb": "" for n in range(100_000)}}).encode(),
        json.dumps({"files": {"files/try-x.ipynb": " " * 20_000_000}}).encode(),
        b'{"files": {"files/try-x.ipynb": "\\ud800"}}',
    ],
    ids=lambda journal: journal[:80].decode(),
)
def test_invalid_journal_is_reported_and_changes_nothing(published: Site, journal: bytes) -> None:
    published.private.replace({transaction.JOURNAL: journal})
    before = files(published)
    with pytest.raises(SiteError) as caught:
        publish.remove(published, "tiny")
    assert caught.value.info.code == "site.invalid-journal"
    damaged = lite.check_site(published.folder)
    assert isinstance(damaged, lite.DamagedSite)
    assert damaged.error.info.code == "site.invalid-journal"
    assert files(published) == before


def test_clone_of_repository_with_journal_keeps_its_git_folder(
    published: Site, tmp_path: Path
) -> None:
    program = tmp_path / "ran"
    config = f'[core]\n\tfsmonitor = "touch {program}; false"\n'
    journal = json.dumps({"files": {".git/config": config}, "removed": [".git/objects"]})
    published.private.replace({transaction.JOURNAL: journal.encode()})
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (("init", "-q"), ("add", "-f", "-A"), ("commit", "-q", "-m", "site")):
        subprocess.run([*git, *command], cwd=published.folder, check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", published.folder, clone], check=True)
    before = (clone / ".git/config").read_bytes()
    with pytest.raises(SiteError) as caught:
        lite.read_site(clone)
    assert caught.value.info.code == "site.invalid-journal"
    assert (clone / ".git/config").read_bytes() == before
    subprocess.run(["git", "status"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
    assert not program.exists()


def test_change_that_could_not_be_completed_is_not_begun(published: Site, tmp_path: Path) -> None:
    before = files(published)
    large: dict[str, Any] = {
        "cells": [],
        "metadata": {"x": "x" * transaction.MAX_JOURNAL_BYTES},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    with pytest.raises(SiteError) as caught:
        publish_one(published, tiny_wheel(tmp_path, "new"), notebook=large)
    assert caught.value.info.code == "site.change-too-large"
    now = files(published)
    assert {name: now.get(name) for name in before} == before
    assert f"{lite.PRIVATE}/{transaction.JOURNAL}" not in now
    assert not [name for name in now if "new" in name]


def test_site_that_cannot_be_written_is_read_as_it_is(
    published: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.private.replace({transaction.JOURNAL: b"{}"})

    def refuse(self: Store, key: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Store, "_lock", refuse)
    assert lite.read_site(published.folder) == published
