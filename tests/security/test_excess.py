"""Packages with too much of something: output, members, links; or too little of it."""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from pathlib import Path

import pytest

from jupyter_wasmwheel import wheel
from jupyter_wasmwheel.api.errors import CheckError, SourceError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import sbom
from jupyter_wasmwheel.process.run import MAX_LINE_BYTES, Command, run
from jupyter_wasmwheel.project import copy, manifest
from jupyter_wasmwheel.toolchain import cargo
from tests.fixtures.commands import Command as OwnCommand
from tests.fixtures.site_factory import tiny_wheel


def lines_of(code: str, folder: Path) -> list[str]:
    lines: list[str] = []
    command = Command(words=[sys.executable, "-c", code], cwd=folder, env=dict(os.environ))
    assert run(command, on_line=lambda stream, line: lines.append(line)) == 0
    return lines


def test_endless_line_comes_in_parts(tmp_path: Path) -> None:
    begin = time.monotonic()
    lines = lines_of("for _ in range(60): print('x' * 1_000_000, end='')", tmp_path)
    assert sum(map(len, lines)) == 60_000_000
    assert max(map(len, lines)) <= 2 * MAX_LINE_BYTES
    assert time.monotonic() - begin < 30


def test_long_json_is_one_line(tmp_path: Path) -> None:
    lines = lines_of(
        "import json; print(json.dumps({'x': 'y' * 1_000_000}), 'z', sep='\\n')", tmp_path
    )
    assert [len(line) for line in lines] == [len('{"x": ""}') + 1_000_000, 1]


def test_diagnostic_with_many_places_and_long_names_is_bounded() -> None:
    names: list[str] = []

    def locate(name: str, crate: Path | None) -> str:
        names.append(name)
        return name

    places = [{"file_name": f"{n}.rs", "is_primary": False} for n in range(10_000)]
    places[1]["file_name"] = "x" * 1_000_000
    message = {"level": "error", "message": "wrong", "spans": places}
    line = {"reason": "compiler-message", "message": message, "manifest_path": "/x/Cargo.toml"}
    reader = cargo.CargoOutputReader(ignore, locate)
    reader("stderr", cargo.SEPARATOR + json.dumps(line))
    assert [each.message for each in reader.errors] == ["wrong"]
    assert len(names) < 200
    assert max(map(len, names)) < 10_000


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_are_whole_wherever_output_is_cut(tmp_path: Path, ending: str) -> None:
    write = f"sys.stdout.buffer.write(b'%d' % n + {ending.encode()!r})"
    code = f"import sys\nfor n in range(20_000): {write}"
    assert [line for line in lines_of(code, tmp_path) if line] == [str(n) for n in range(20_000)]


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        ("for _ in range(100_000): print('x' * 99)\n", 9_900_000),
        ("print('x' * 10_000_000, end='')\n", 10_000_000),
    ],
)
def test_output_of_import_is_bounded_and_counted(
    wasmwheel: OwnCommand, tmp_path: Path, body: str, printed: int
) -> None:
    path = tiny_wheel(tmp_path, tag="py3-none-any", body=body).path
    ran = wasmwheel("smoke", path, "--json")
    assert ran.status == 0, ran.stderr
    output = ran.document["smoke"]["output"]
    assert len(output) < 200_000
    assert output.endswith(f"It printed {printed:,} characters; all after 100,000 are omitted.\n")


def test_output_without_line_end_is_shown(wasmwheel: OwnCommand, tmp_path: Path) -> None:
    path = tiny_wheel(tmp_path, tag="py3-none-any", body="print('no end', end='')\n").path
    assert wasmwheel("smoke", path, "--json").document["smoke"]["output"] == "no end\n"


@pytest.mark.parametrize(
    ("printed", "length"),
    [
        ("print('x' * 200_000, end='')", 200_000),
        ("print('x' * 3_000_001, end='')", 3_000_001),
        ("for _ in range(50_000): print(end='x', flush=True)", 50_000),
    ],
)
def test_long_line_of_code_is_printed_whole(
    wasmwheel: OwnCommand, tmp_path: Path, printed: str, length: int
) -> None:
    path = tiny_wheel(tmp_path, tag="py3-none-any").path
    ran = wasmwheel("smoke", path, "-c", f"{printed}\nprint()\nprint('next')")
    assert ran.stdout == f"{'x' * length}\nnext\n"


def test_wheel_that_needs_zip64_for_its_members_is_rejected(tmp_path: Path) -> None:
    path = tiny_wheel(tmp_path, tag="py3-none-any").path
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(65_536):
            archive.writestr(f"{number}", b"")
    with pytest.raises(CheckError, match="is not a wheel") as caught:
        wheel.read(path)
    assert "65,535 members" in caught.value.why


def deep_wheel(folder: Path, name: str) -> Path:
    """Write a wheel with as many modules as it can have, all in many folders."""
    path = folder / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n")
        for number in range(65_000):
            archive.writestr("d/" * 60 + name.format(number), b"")
    return path


def test_wheel_with_many_deep_modules_is_examined_in_seconds(tmp_path: Path) -> None:
    found = wheel.read(deep_wheel(tmp_path, "m{}.py"))
    begin = time.monotonic()
    assert len(found.own_imports) == len(found.imports) == 65_000
    assert found.imports[0] == "d." * 60 + "m0"
    assert sum(1 for _ in found.read_all(found.members)) == 65_001
    assert sbom.normalize(found, []) == {}
    assert time.monotonic() - begin < 30


def test_wheel_with_too_many_extension_modules_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="is not a wheel") as caught:
        wheel.read(deep_wheel(tmp_path, "m{}.so"))
    assert "2,000 extension modules" in caught.value.why


def project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "setup.py").write_text("from setuptools import setup\nsetup(name='links')\n")
    return folder


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path / "store/work/key/source"


def test_link_to_large_folder_is_rejected(
    tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy, "MAX_LINKED_BYTES", 1000)
    links = project(tmp_path / "links")
    (tmp_path / "large").mkdir()
    for name in "ab":
        (tmp_path / "large" / name).write_bytes(bytes(600))
    (links / "docs").symlink_to("../large")
    with pytest.raises(SourceError) as caught:
        copy.refresh(manifest.read(links), top)
    assert caught.value.info.code == "project.links-too-large"
    monkeypatch.setattr(copy, "MAX_LINKED_BYTES", 1200)
    copied = copy.refresh(manifest.read(links), top)
    assert len(list((copied.folder / "docs").iterdir())) == 2


def test_folders_that_link_to_each_other_are_rejected_or_copied_once(
    tmp_path: Path, top: Path
) -> None:
    links, names = project(tmp_path / "links"), range(7)
    for folder in (links / "inside", tmp_path / "outside"):
        for name in names:
            (folder / f"{name}").mkdir(parents=True)
            (folder / f"{name}/content").write_bytes(bytes(30_000))
            for other in names:
                if other != name:
                    (folder / f"{name}/{other}").symlink_to(f"../{other}")
    copied = copy.refresh(manifest.read(links), top)
    found = [path for path in copied.folder.rglob("content") if not path.is_symlink()]
    assert len(found) >= len(names)
    assert sum(not any(each.is_symlink() for each in path.parents) for path in found) == len(names)
    (links / "linked").symlink_to("../outside")
    with pytest.raises(SourceError) as caught:
        copy.refresh(manifest.read(links), top)
    assert caught.value.info.code == "project.links-too-large"
