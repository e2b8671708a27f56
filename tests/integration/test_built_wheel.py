"""Reading and rewriting a real wheel."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import CheckError
from jupyter_wasmwheel.wheel import read, rewrite


def test_built_wheel_has_metadata(starter_wheel: Path) -> None:
    found = read(starter_wheel)
    assert found.platform_tags == ("pyemscripten_2026_0_wasm32",)
    assert not found.is_pure
    (extension,) = found.extension_modules
    assert extension.name.partition(".")[0] in found.imports
    assert found.sha256 == hashlib.sha256(starter_wheel.read_bytes()).hexdigest()


def test_truncated_wheel_is_rejected(starter_wheel: Path, tmp_path: Path) -> None:
    whole = starter_wheel.read_bytes()
    path = tmp_path / starter_wheel.name
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckError, match="is not a wheel"):
            read(path)


def test_damaged_wheel_is_rejected_without_traceback(starter_wheel: Path, tmp_path: Path) -> None:
    whole = starter_wheel.read_bytes()
    path = tmp_path / starter_wheel.name
    numbers = random.Random(314)
    for _ in range(500):
        data = bytearray(whole)
        # Damage the headers, which are at the end, as often as the rest.
        place = numbers.choice([numbers.randrange(len(data)), -numbers.randrange(1, 900)])
        data[place] = numbers.randrange(256)
        path.write_bytes(data)
        # Some bytes have no effect, such as a time.
        with contextlib.suppress(CheckError):
            read(path)


def test_rewrite_keeps_other_members(starter_wheel: Path, tmp_path: Path) -> None:
    member = read(starter_wheel).extension_modules[0].member
    first, second = tmp_path / "first.whl", tmp_path / "second.whl"
    rewrite(starter_wheel, {member: b"new bytes"}, first)
    rewrite(starter_wheel, {member: b"new bytes"}, second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(starter_wheel) as old, zipfile.ZipFile(first) as new:
        assert old.namelist() == new.namelist()
        for before, after in zip(old.infolist(), new.infolist(), strict=True):
            assert before.external_attr == after.external_attr
            if not before.filename.endswith("/RECORD") and before.filename != member:
                assert old.read(before) == new.read(after)
        assert new.read(member) == b"new bytes"
        (record,) = (name for name in new.namelist() if name.endswith(".dist-info/RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(new.read(record).decode()))}
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"new bytes").digest()).rstrip(b"=").decode()
    assert rows[member] == [f"sha256={digest}", "9"]
