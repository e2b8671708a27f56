"""A store that another user can write to is not used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_wasmwheel import config
from jupyter_wasmwheel.api.errors import UsageError
from jupyter_wasmwheel.store import permissions

if sys.platform != "win32":
    import grp
    import pwd

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions are not read there")


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a shared store that only this user can write to."""
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("WASMWHEEL_PATH", str(folder))
    return folder


def test_own_store_is_used(shared: Path) -> None:
    assert config.load().store().read_only == (shared,)


def test_missing_store_is_accepted(shared: Path) -> None:
    shared.rmdir()
    assert config.load().store().read_only == (shared,)


def require_refused(why: Path) -> None:
    with pytest.raises(UsageError) as caught:
        config.load().store()
    assert caught.value.info.code == "config.untrusted-store"
    assert f"write to {why}," in caught.value.why


@pytest.fixture
def group() -> int:
    """Return a group that is neither root's nor the user's own."""
    others = [each.gr_gid for each in grp.getgrall() if each.gr_name in ("nogroup", "nobody")]
    if os.geteuid() or not others:
        pytest.skip("only root can give a folder to another group")
    return others[0]


@pytest.mark.parametrize("name", ["", "rust", "rust/1.90"])
@pytest.mark.parametrize("mode", [0o777, 0o757, 0o1777])
def test_world_writable_folder_of_store_is_refused(shared: Path, name: str, mode: int) -> None:
    (shared / "rust/1.90/bin").mkdir(parents=True)
    (shared / name).chmod(mode)
    require_refused(shared / name)


@pytest.mark.parametrize("name", ["", "rust", "rust/1.90"])
def test_folder_that_a_group_can_write_to_is_refused(shared: Path, name: str, group: int) -> None:
    (shared / "rust/1.90").mkdir(parents=True)
    os.chown(shared / name, 0, group)
    (shared / name).chmod(0o775)
    require_refused(shared / name)
    (shared / name).chmod(0o755)
    assert config.load().store().read_only == (shared,)


def test_folder_of_group_of_root_is_used(shared: Path, group: int) -> None:
    assert group
    os.chown(shared, 0, 0)
    shared.chmod(0o775)
    assert config.load().store().read_only == (shared,)


@pytest.mark.parametrize(
    ("name", "members", "is_own"),
    [("me", [], True), ("me", ["me"], True), ("me", ["me", "other"], False), ("all", [], False)],
)
def test_private_group_of_user_is_trusted(
    shared: Path, monkeypatch: pytest.MonkeyPatch, name: str, members: list[str], is_own: bool
) -> None:
    user = SimpleNamespace(pw_name="me")
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: user)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name=name, gr_mem=members))
    assert permissions._is_own_group(1000) is is_own


def test_folder_above_store_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    above = tmp_path / "above"
    (above / "inner/shared").mkdir(parents=True)
    monkeypatch.setenv("WASMWHEEL_PATH", str(above / "inner/shared"))
    assert config.load().store().read_only
    above.chmod(0o777)
    require_refused(above)
    above.chmod(0o1777)  # like /tmp
    assert config.load().store().read_only


def test_missing_store_that_others_can_create_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o1777)
    monkeypatch.setenv("WASMWHEEL_PATH", str(above / "inner/shared"))
    require_refused(above)


def test_link_to_store_is_followed_once(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / "link").symlink_to(shared)
    monkeypatch.setenv("WASMWHEEL_PATH", str(open_to_all / "link"))
    assert config.load().store().read_only == (shared,)


def test_folder_in_store_of_other_user_is_refused(shared: Path, group: int) -> None:
    (shared / "rust").mkdir()
    os.chown(shared / "rust", 65534, group)
    require_refused(shared / "rust")


def test_store_of_other_user_is_refused(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(shared, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UsageError) as caught:
        config.load().store()
    assert caught.value.info.code == "config.untrusted-store"
