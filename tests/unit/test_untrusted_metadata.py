"""Metadata that is damaged, hostile or too large: an error of ours, or as if it were missing."""

from __future__ import annotations

import contextlib
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement

from jupyter_wasmwheel import text_files
from jupyter_wasmwheel.api.errors import CheckError, SourceError
from jupyter_wasmwheel.build import backend, provenance, seeds
from jupyter_wasmwheel.package_metadata import parse_requirement, parse_version
from jupyter_wasmwheel.project import (
    edits,
    manifest,
    notebook,
    optional,
    requires_python,
    sources,
    suite,
)
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.safe_paths import MAX_DOCUMENT_BYTES
from jupyter_wasmwheel.toolchain import lock_file
from jupyter_wasmwheel.wheel import read, rewrite
from tests.fixtures.projects import write_files
from tests.fixtures.site_factory import tiny_wheel
from tests.fixtures.wheel_factory import wheel

#: A version that Python cannot convert to a number, and expressions that its parser refuses.
LONG = "1" * 5_000
EXPRESSIONS = {
    "minus": f"x = {'-' * 200_000}1\n",
    "dots": f"x = a{'.b' * 50_000}\n",
    "calls": f"x = a{'()' * 50_000}\n",
    "parentheses": f"x = {'(' * 50_000}{')' * 50_000}\n",
    "sum": f"x = 1{'+1' * 50_000}\n",
    "null": "x = '\0'\n",
    "encoding": "# -*- coding: unknown -*-\n",
    "surrogate": "x = '\\ud800'\n",
}

SETUP = "from setuptools import setup\nsetup(name='sample', python_requires='<3.14')\n"
PYPROJECT = '[project]\nname = "sample"\nversion = "1"\n'


def project(folder: Path, **files: str) -> Path:
    """Write a project with a test; `__` in a name is its dot, and a manifest is added."""
    (folder / "tests").mkdir()
    (folder / "tests/test_sample.py").write_text("")
    for name, text in ({"pyproject__toml": PYPROJECT} | files).items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def read_all(folder: Path) -> None:
    """Read everything that a build reads of a project before it runs code."""
    found = manifest.read(folder)
    requires_python.require(found, targets.find("2026_0"), for_site=False)
    manifest.requirements(folder)
    optional.requirements(folder)
    sources.needs_history(found)
    suite.find(found)
    suite._settings(folder)
    [*suite._of_file(folder / "requirements.txt", folder, frozenset())]
    notebook.read(found)
    backend._names(backend._system(folder).get("requires", []))


# Wheels


@pytest.mark.parametrize("version", [LONG, f"1.{LONG}", f"1+{LONG}", "1" * 4_301, "x", "1 2"])
def test_invalid_version_of_wheel_is_reported(tmp_path: Path, version: str) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        metadata = f"Metadata-Version: 2.1\nName: x\nVersion: {version}\n"
        archive.writestr("x-1.dist-info/METADATA", metadata)
    with pytest.raises(CheckError, match="is not a wheel") as caught:
        read(path)
    assert "METADATA is that of" in caught.value.why
    assert len(caught.value.why) < 1_000


@pytest.mark.parametrize(
    "line",
    [
        f"Requires-Dist: a>={LONG}",
        f"Requires-Dist: a; python_version>'{LONG}'",
        f"Requires-Dist: a; {'(' * 100_000}",
        f"Requires-Dist: a{'[' * 100_000}",
        f"Requires-Python: >={LONG}",
    ],
    ids=lambda line: line[:25],
)
def test_metadata_that_cannot_be_compared_is_reported(tmp_path: Path, line: str) -> None:
    with pytest.raises(CheckError, match="is not a wheel"):
        tiny_wheel(tmp_path, metadata=f"{line}\n")


@pytest.mark.parametrize(
    "record", [b"\xff\xfe", b'"' + b"a" * 200_000 + b'"', b"\xed\xa0\x80,,\n"], ids=len
)
def test_damaged_record_is_reported(tmp_path: Path, record: bytes) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n")
        archive.writestr("x-1.dist-info/RECORD", record)
    with pytest.raises(CheckError) as caught:
        rewrite(path, {"x-1.dist-info/more": b""}, tmp_path / "written.whl")
    assert "RECORD cannot be read" in caught.value.why


@pytest.mark.parametrize("text", ["1", "[]", '"x"', "null", "[" * 100_000, f"[{LONG}]", "{}"])
def test_damaged_provenance_is_ignored(tmp_path: Path, text: str) -> None:
    members = {f"handmade-1.0.dist-info/{provenance.FILE}": text.encode()}
    assert provenance.read(read(wheel(tmp_path, "py3-none-any", members))) is None


# Versions and requirements


@pytest.mark.parametrize("text", [LONG, "abc", "", "1.0-", None, 1, [1]])
def test_invalid_version_is_none(text: str) -> None:
    assert parse_version(text) is None


def test_valid_version_and_requirement_are_parsed() -> None:
    assert str(parse_version("1.0")) == "1.0"
    assert parse_requirement("a[b]>=1; python_version > '3'").name == "a"


@pytest.mark.parametrize("text", [1, None, [], f"a>={LONG}", "a;" + "(" * 9_000, "", "a>=", "--x"])
def test_invalid_requirement_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(InvalidRequirement):
        parse_requirement(text)


@pytest.mark.parametrize("requires", [[1], [None], ["x @ file:///etc/passwd"], [[]]])
def test_invalid_requirement_of_hook_is_refused(requires: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        backend.require_from_index(requires, "sample")
    assert caught.value.info.code == "backend.requirement-refused"


# Projects


@pytest.mark.parametrize("version", ["abc", LONG, "", "2.2.x"])
def test_sdist_of_unknown_metadata_version_is_not_static(tmp_path: Path, version: str) -> None:
    info = f"Metadata-Version: {version}\nName: sample\nVersion: 1\nRequires-Dist: a\n"
    folder = project(tmp_path, **{"PKG-INFO": info, "setup__py": "", "pyproject__toml": ""})
    assert manifest.requirements(folder) is None


@pytest.mark.parametrize(
    "info",
    [
        f"Metadata-Version: 2.2\nName: sample\nVersion: 1\nRequires-Python: >={LONG}\n",
        "Name: sample\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n",
        "\0" * 1_000,
        ":" * 1_000,
    ],
    ids=range(4),
)
def test_damaged_pkg_info_is_read_without_traceback(tmp_path: Path, info: str) -> None:
    read_all(project(tmp_path, **{"PKG-INFO": info, "setup__py": "", "pyproject__toml": ""}))


@pytest.mark.timeout(60)
def test_fields_of_large_pkg_info_are_read(tmp_path: Path) -> None:
    info = "Metadata-Version: 2.2\nName: sample\nVersion: 1\nRequires-Dist: a\nLicense: x\n  y\n"
    others = "".join(f"a{number}:\n" for number in range(300_000))
    text = f"{others}{info}requires-dist: b\n\nName: other\n"
    folder = project(tmp_path, **{"PKG-INFO": text, "setup__py": "", "pyproject__toml": ""})
    found = manifest.pkg_info(folder)
    assert (found["name"], found["version"], found["license"]) == ("sample", "1", "x\n  y")
    assert [str(each) for each in manifest.requirements(folder) or ()] == ["a", "b"]


#: Paths that no file can have, as they are in TOML.
INVALID_PATHS = {"long": "y" * 300, "deep": "y/" * 600, "null": "a\\u0000b"}

CRATE = '[package]\nname = "sample"\nversion = "1.0.0"\n[dependencies]\npyo3 = "0.30"\n'
MATURIN = f'{PYPROJECT}[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'

#: Where a manifest names a path, which is `PATH`.
NAMING = {
    "readme": ("pyproject.toml", PYPROJECT + 'readme = "../PATH"\n'),
    "license": ("pyproject.toml", PYPROJECT + 'license = { file = "../PATH" }\n'),
    "manifest-path": ("pyproject.toml", MATURIN + '[tool.maturin]\nmanifest-path = "PATH"\n'),
    "notebook": ("pyproject.toml", MATURIN + '[tool.wasmwheel]\nnotebook = "PATH"\n'),
    "dependency": ("Cargo.toml", CRATE + '[dependencies.x]\npath = "PATH"\n'),
    "patch": ("Cargo.toml", CRATE + '[patch.crates-io.x]\npath = "PATH"\n'),
    "workspace": ("Cargo.toml", CRATE.replace("version", 'workspace = "PATH"\nversion')),
    "member": ("Cargo.toml", CRATE + '[workspace]\nmembers = ["PATH"]\n'),
    "pattern": ("Cargo.toml", CRATE + '[workspace]\nmembers = ["PATH/*"]\n'),
    "target": ("Cargo.toml", CRATE + '[[example]]\nname = "x"\npath = "PATH"\n'),
    "source": (".cargo/config.toml", '[source.x]\ndirectory = "PATH"\n'),
    "paths": (".cargo/config.toml", 'paths = ["PATH"]\n'),
}


@pytest.mark.parametrize("path", INVALID_PATHS.values(), ids=INVALID_PATHS)
@pytest.mark.parametrize(("file", "text"), NAMING.values(), ids=NAMING)
def test_path_that_no_file_can_have_is_refused(
    tmp_path: Path, file: str, text: str, path: str
) -> None:
    files = {"pyproject.toml": MATURIN, "Cargo.toml": CRATE, "src/lib.rs": ""}
    folder = write_files(tmp_path, files | {file: text.replace("PATH", path)})
    with pytest.raises(SourceError) as caught:
        notebook.read(manifest.read(folder, folder))
    assert caught.value.info.code == "project.invalid-path"


def test_path_through_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    loops = '[dependencies.x]\npath = "loop"\n[[example]]\npath = "loop/x"\n'
    folder = write_files(tmp_path, {"pyproject.toml": MATURIN, "Cargo.toml": CRATE + loops})
    with pytest.raises(SourceError) as caught:
        manifest.read(folder)
    assert caught.value.info.code == "project.invalid-path"


def test_long_literal_of_setup_py_is_no_path(tmp_path: Path) -> None:
    setup = f"x = '{'y' * 300}Cargo.toml'\n"
    folder = project(tmp_path, pyproject__toml="", setup__py=f"import setuptools_rust\n{setup}")
    assert manifest.read(folder).crate is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "pattern", ["*/../" * 20 + "*", "*/*" + "/d*" * 20, "*/*/*/*/*/x", "*" * 2_000], ids=len
)
def test_pattern_that_matches_too_much_is_refused(tmp_path: Path, pattern: str) -> None:
    for number in range(30):
        (tmp_path / f"d{number}").symlink_to(".")
    text = f'{CRATE}[workspace]\nmembers = ["{pattern}"]\n'
    folder = write_files(tmp_path, {"pyproject.toml": MATURIN, "Cargo.toml": text})
    with pytest.raises(SourceError) as caught:
        manifest.read(folder)
    assert caught.value.info.code == "project.invalid-path"


def test_patterns_match_as_in_a_shell(tmp_path: Path) -> None:
    names = ("crates/a/x", "crates/b/x", "crates/.hidden/x", "other/c/x", "up/x", "top/in/x")
    top = write_files(tmp_path, dict.fromkeys(names, "")) / "top"
    patterns = ["../crates/*", "../other/[c-d]", "in", "i?/", "../up", "none/*", "../none"]
    found = text_files.match(top, patterns, top / "Cargo.toml")
    expected = ("crates/a", "crates/b", "other/c", "top/in", "up")
    assert found == [tmp_path / name for name in expected]


def test_pattern_of_fetched_source_is_not_compared_outside_it(tmp_path: Path) -> None:
    top = write_files(tmp_path, {"private/x": "", "tree/x": ""}) / "tree"
    with pytest.raises(SourceError) as caught:
        text_files.match(top, ["../*"], top / "Cargo.toml", top)
    assert str(tmp_path / "private") not in str(caught.value)
    assert caught.value.info.code == "source.outside-tree"


@pytest.mark.parametrize(
    "text", ["[options]\n[options]\n", "[options]\na = 1\na = 2\n", "a = 1\n", "[options\n"]
)
def test_invalid_setup_cfg_is_reported(tmp_path: Path, text: str) -> None:
    folder = project(tmp_path, pyproject__toml="", setup__py="", setup__cfg=text)
    with pytest.raises(SourceError) as caught:
        optional.requirements(folder)
    assert caught.value.info.code == "project.invalid-setup-cfg"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "a." * 2_000_000 + "a = 1\n",
        "a = " + "[" * 2_000_000,
        "x" * 5_000_000,
        "package = 1",
        "\xff",
    ],
    ids=len,
)
def test_hostile_lock_file_has_no_packages(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Cargo.lock"
    path.write_text(text, encoding="latin-1")
    assert lock_file.locked_packages(path) == []
    assert seeds.locked_pyo3(path) is None


def test_requirement_is_moved_in_toml_1_1() -> None:
    table = '[project]\nname = "sample"\ndependencies = ["a"]\n[tool.x]\ny = { z = 1, }\n'
    assert optional.is_in_setup_cfg(table, "") is False


@pytest.mark.parametrize(
    "paths",
    ["5", "[5]", "{ a = 1 }", '["*/../*"]', f'["{"x" * 2_000}/*"]', '["tests", 7]'],
    ids=len,
)
def test_odd_test_paths_are_read_without_traceback(tmp_path: Path, paths: str) -> None:
    table = f"[tool.pytest.ini_options]\ntestpaths = {paths}\n"
    found = manifest.read(project(tmp_path, pyproject__toml=PYPROJECT + table))
    with contextlib.suppress(SourceError):
        assert suite.find(found).sources


@pytest.mark.parametrize(
    "text",
    [
        "[build-system]\nrequires = [1]\n",
        '[build-system]\nrequires = ["a", ["b"]]\n',
        "[build-system]\nbackend-path = 1\n",
        "[build-system]\nbackend-path = [1]\n",
        "[project]\ndynamic = [1]\n",
        "[project]\ndependencies = [{}]\n",
        "[project]\nurls = []\n",
        "[tool]\npoetry = 1\n",
        "[tool.poetry]\ndependencies = 1\n",
        "[tool]\npytest = 1\n",
        "[tool.pytest]\nini_options = 1\n",
        "[dependency-groups]\ntest = 1\n",
        "[tool.setuptools-rust]\next-modules = [1]\n",
        "[tool.setuptools-rust]\nbins = ['x']\n",
        "[lib]\ncrate-type = 1\n",
        "features = [1]\n",
        "[lib]\ncrate_type = 1\n",
        "bin = [1]\n",
        "[workspace]\nmembers = [1]\n",
    ],
)
def test_value_of_other_type_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        manifest.load_toml(path)
    assert caught.value.info.code == "project.invalid-value"


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_setup_py_that_cannot_be_parsed_is_left_to_the_build(
    tmp_path: Path, expression: str
) -> None:
    (tmp_path / "setup.py").write_text(expression + SETUP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = requires_python._in_setup_py(tmp_path / "setup.py")
    assert found in (None, "<3.14")


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO"])
def test_large_file_of_project_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    folder = project(tmp_path, setup__py="")
    with (folder / name).open("ab") as stream:
        stream.truncate(10**12)
    tracemalloc.start()
    with pytest.raises(SourceError) as caught:
        read_all(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.info.code == "project.file-too-large"
    assert str(folder / name) in caught.value.what
    assert peak < 10 * MAX_DOCUMENT_BYTES


@pytest.mark.parametrize(
    "name", ["rust-toolchain", "requirements.txt", "tox.ini", "demo.ipynb", "Cargo.toml"]
)
def test_large_file_that_a_project_names_is_refused(tmp_path: Path, name: str) -> None:
    more = '[build-system]\nrequires = ["maturin"]\n[tool.wasmwheel]\nnotebook = "demo.ipynb"\n'
    folder = project(tmp_path, pyproject__toml=PYPROJECT + more)
    (folder / "demo.ipynb").write_text('{"nbformat": 4, "metadata": {}, "cells": []}')
    with (folder / name).open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(SourceError) as caught:
        read_all(folder)
    assert caught.value.info.code == "project.file-too-large"
    assert str(folder / name) in caught.value.what


@pytest.mark.parametrize("name", ["build.rs", "tests/test_sample.py", "conftest.py"])
def test_large_source_is_searched_from_its_start(tmp_path: Path, name: str) -> None:
    folder = project(tmp_path)
    with (folder / name).open("wb") as stream:
        stream.truncate(10**12)
    read_all(folder)


@pytest.mark.parametrize("inner", [f"{'[' * 900}{'1,' * 1_000_000}1{']' * 900}", "[" * 2_000])
def test_notebook_that_is_large_when_written_is_refused(tmp_path: Path, inner: str) -> None:
    named = '[tool.wasmwheel]\nnotebook = "demo.ipynb"\n'
    folder = project(tmp_path, pyproject__toml=PYPROJECT + named)
    text = f'{{"nbformat": 4, "metadata": {{"x": {inner}}}, "cells": []}}'
    (folder / "demo.ipynb").write_text(text)
    with pytest.raises(SourceError) as caught:
        notebook.read(manifest.read(folder))
    assert caught.value.info.code == "project.invalid-notebook"


def test_large_file_is_not_edited(tmp_path: Path) -> None:
    path = tmp_path / "large.rs"
    with path.open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(SourceError) as caught:
        edits._open(path, tmp_path, tmp_path, lambda why: SourceError(why, "", ""))
    assert caught.value.info.code == "project.file-too-large"
