"""Wheels are read completely or rejected, and rewritten without other changes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import CheckError, UsageError
from jupyter_wasmwheel.wheel import ExtensionModule, read, rewrite
from tests.fixtures.wheel_factory import wheel

TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"


def test_wheel_metadata_is_read(tmp_path: Path) -> None:
    members = {
        "pkg/__init__.py": b"",
        "pkg/_core.cpython-314-wasm32-emscripten.so": b"",
        "pkg/data.txt": b"",
        "_native.abi3.so": b"",
        "single.py": b"",
        "not-a-module.py": b"",
        "pkg-1.0.data/scripts/tool.py": b"",
    }
    found = read(wheel(tmp_path, TAG, members, name="My.Pkg", requires=["a>1", "b; extra == 'x'"]))
    assert (found.canonical_name, found.version) == ("my-pkg", "1.0")
    assert [requirement.name for requirement in found.requires] == ["a", "b"]
    assert found.imports == ("_native", "pkg", "single")
    assert [extension.name for extension in found.extension_modules] == ["pkg._core", "_native"]
    assert found.read("single.py") == b""


@pytest.mark.parametrize(
    ("members", "imports"),
    [
        (["acme/text/__init__.py", "acme/text/sub/x.py", "acme/one.py"], ("acme.one", "acme.text")),
        (["acme/geo/text/__init__.py", "acme/geo/text/_core.abi3.so"], ("acme.geo.text",)),
        (["pkg/__init__.abi3.so", "pkg/inner/x.py"], ("pkg",)),
        (["handmade.py", "tests/__init__.py", "not-a-name/x.py"], ("handmade", "tests")),
    ],
)
def test_imports_of_namespace_are_those_in_it(
    tmp_path: Path, members: list[str], imports: tuple[str, ...]
) -> None:
    assert read(wheel(tmp_path, TAG, dict.fromkeys(members, b""))).imports == imports


@pytest.mark.parametrize(
    ("name", "members", "own"),
    [
        ("handmade", ["handmade.py", "tests/__init__.py", "docs/conf.py"], ("handmade",)),
        ("testing", ["testing/__init__.py", "tests/__init__.py"], ("testing",)),
        ("handmade", ["tests/__init__.py"], ("tests",)),
    ],
)
def test_own_imports_are_not_for_development(
    tmp_path: Path, name: str, members: list[str], own: tuple[str, ...]
) -> None:
    found = read(wheel(tmp_path, TAG, dict.fromkeys(members, b""), name=name))
    assert found.own_imports == own


def test_init_function_of_non_ascii_name_is_encoded() -> None:
    assert ExtensionModule(member="", name="a.plain").init_function == "PyInit_plain"
    # The example of PEP 489.
    assert ExtensionModule(member="", name="lančmít").init_function == "PyInitU_lanmt_2sa6t"


@pytest.mark.parametrize(
    "name",
    [
        "handmade.whl",
        "handmade-1.0.tar.gz",
        "handmade-1.0-py3.whl",
        "hand made-1.0-py3-none-any.whl",
    ],
)
def test_invalid_wheel_file_name_is_rejected(tmp_path: Path, name: str) -> None:
    path = wheel(tmp_path, "py3-none-any", {}).rename(tmp_path / name)
    with pytest.raises(CheckError, match="is not a wheel") as raised:
        read(path)
    assert raised.value.status == 6


def test_missing_wheel_is_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not found"):
        read(tmp_path / "gone-1.0-py3-none-any.whl")


@pytest.mark.parametrize("member", ["../outside.py", "/etc/outside", "a/../../b", "a\\..\\b"])
def test_member_outside_folder_is_rejected(tmp_path: Path, member: str) -> None:
    path = wheel(tmp_path, "py3-none-any", {member: b""})
    with pytest.raises(CheckError) as raised:
        read(path)
    assert "would be written outside its folder" in raised.value.why


def test_zip_bomb_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_wasmwheel.archive.limits.MIN_ALLOWED_BYTES", 1024**2)
    monkeypatch.setattr("jupyter_wasmwheel.archive.limits.MAX_RATIO", 0)
    path = wheel(tmp_path, "py3-none-any", {"zeros": bytes(1024**2)})
    with pytest.raises(CheckError) as raised:
        read(path)
    assert "would unpack to more than" in raised.value.why


def test_archive_without_metadata_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "handmade-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("handmade.py", "")
    with pytest.raises(CheckError, match="is not a wheel") as raised:
        read(path)
    assert "METADATA" in raised.value.why


def test_invalid_requirement_is_named(tmp_path: Path) -> None:
    path = wheel(tmp_path, "py3-none-any", {}, requires=["not a requirement"])
    with pytest.raises(CheckError) as raised:
        read(path)
    assert "A requirement in its METADATA cannot be read" in raised.value.why


def test_same_members_give_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"b.py": b"", "a/__init__.py": b"A = 1\n", "ü.txt": bytes(1000)}
    paths = []
    for number, names in enumerate((sorted(members), sorted(members, reverse=True))):
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(wheel(folder, "py3-none-any", {name: members[name] for name in names}))
        with zipfile.ZipFile(paths[-1], "a") as archive:
            info = zipfile.ZipInfo("run.sh", (2000 + number, 1, 1, 0, 0, 0))
            info.external_attr = (0o100775, 0o100755)[number] << 16
            archive.writestr(info, b"#!/bin/sh\n")
    written = tmp_path / "written.whl"

    def rewritten(path: Path) -> bytes:
        rewrite(path, {"more.txt": b"more"}, written)
        return written.read_bytes()

    assert rewritten(paths[0]) == rewritten(paths[1])
    with zipfile.ZipFile(written) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in members} == members
        assert archive.read("more.txt") == b"more"
        assert archive.namelist()[-1].endswith("/RECORD")
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.getinfo("run.sh").external_attr >> 16 == 0o100755
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225601")
    assert rewritten(paths[0]) == rewritten(paths[1])
    with zipfile.ZipFile(written) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="Invalid SOURCE_DATE_EPOCH 'yesterday'"):
        rewritten(paths[0])
