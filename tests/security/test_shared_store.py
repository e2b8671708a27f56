"""A store that another user can write to is not used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jupyter_wasmwheel import config
from jupyter_wasmwheel.api.errors import UsageError

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


def test_world_writable_store_is_refused(shared: Path) -> None:
    shared.chmod(0o777)
    with pytest.raises(UsageError) as caught:
        config.load().store()
    assert caught.value.info.code == "config.untrusted-store"


def test_store_of_other_user_is_refused(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(shared, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UsageError) as caught:
        config.load().store()
    assert caught.value.info.code == "config.untrusted-store"
