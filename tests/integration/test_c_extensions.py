"""Setuptools projects: C becomes a module for the target, and pure Python stays pure."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec.structs
import pytest

from jupyter_wasmwheel.api.errors import ToolchainError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import pyodide, targets
from jupyter_wasmwheel.runtime.node import ensure_node
from jupyter_wasmwheel.runtime.pyodide import Runtime
from jupyter_wasmwheel.runtime.targets import Target
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import headers
from tests.fixtures.commands import Command
from tests.fixtures.projects import SOURCE, create_c_project, write_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return create_c_project(tmp_path / "inner", "inner")


def test_c_extension_is_built_for_target(wasmwheel: Command, project: Path, tmp_path: Path) -> None:
    ran = wasmwheel("build", project, "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    report = ran.document
    assert Path(report["wheel"]).name == "inner-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl"
    assert report["toolchain"]["emscripten"]["crates"] == ["inner"]
    assert report["toolchain"]["emscripten"]["wanted"] == "5.0.3"
    assert report["toolchain"]["rustc"] is None
    assert not (project / "build").exists()
    said = wasmwheel("smoke", report["wheel"], "-c", "import inner; print(inner.describe()[1:])")
    assert said.stdout.strip() == "(4,)", said.stderr


def test_c_extension_is_linked_by_emcc(wasmwheel: Command, project: Path, tmp_path: Path) -> None:
    words = ("build", project, "--linker", "emcc", "--json", "--out", tmp_path / "dist")
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    assert ran.document["toolchain"]["linker"] == "emcc"
    said = wasmwheel("smoke", ran.document["wheel"], "-c", "import inner; inner.describe()")
    assert said.status == 0, said.stderr


#: A build script that compiles C with Python.h, whose folder it asks a Python of this machine for.
BUILD_SCRIPT = """\
use std::process::Command;

fn main() {
    let code = "import sysconfig; print(sysconfig.get_path('include'), end='')";
    let done = Command::new("python3").args(["-c", code]).output().unwrap();
    let include = String::from_utf8(done.stdout).unwrap();
    cc::Build::new().file("inner.c").include(include).compile("inner");
}
"""

#: C that a crate compiles: the version of its headers, and a file's size and time.
CRATE_C = """\
#include <Python.h>
#include <sys/stat.h>
#include <time.h>

int version(void) { return PY_MINOR_VERSION; }

int describe_file(const char *path, long long *size, long long *time_) {
    struct stat found;
    int status = stat(path, &found);
    *size = found.st_size;
    *time_ = found.st_mtime;
    return status;
}
long long now(void) { return time(NULL); }
"""

#: The same of std, of the crate libc, and of the C code.
CRATE_RUST = """\
use pyo3::prelude::*;
use std::ffi::{c_char, c_int, CString};
use std::os::unix::fs::MetadataExt;

unsafe extern "C" {
    fn version() -> c_int;
    fn now() -> i64;
    fn describe_file(path: *const c_char, size: *mut i64, time: *mut i64) -> c_int;
}

#[pymodule]
mod hello {
    use super::*;

    #[pyfunction]
    fn versions() -> (i32, i64) {
        unsafe { (version(), now()) }
    }

    #[pyfunction]
    fn by_std(path: &str) -> PyResult<(i64, i64)> {
        let found = std::fs::metadata(path)?;
        Ok((found.len() as i64, found.mtime()))
    }

    #[pyfunction]
    fn by_libc(path: &str) -> (i64, i64) {
        let path = CString::new(path).unwrap();
        let mut found: libc::stat = unsafe { std::mem::zeroed() };
        assert_eq!(unsafe { libc::stat(path.as_ptr(), &mut found) }, 0);
        (found.st_size, found.st_mtime)
    }

    #[pyfunction]
    fn by_c(path: &str) -> (i64, i64) {
        let path = CString::new(path).unwrap();
        let (mut size, mut time) = (0, 0);
        assert_eq!(unsafe { describe_file(path.as_ptr(), &mut size, &mut time) }, 0);
        (size, time)
    }
}
"""

#: Python code that compares them with Python's own.
CRATE_CHECK = """\
import hello, os, sys, time
path = "/tmp/sample"
with open(path, "w") as file:
    file.write("sample" * 500)
found = (os.stat(path).st_size, int(os.stat(path).st_mtime))
minor, now = hello.versions()
print(minor == sys.version_info.minor, abs(now - time.time()) < 60)
print(*(each(path) == found for each in (hello.by_std, hello.by_libc, hello.by_c)))
"""


def test_code_of_crate_agrees_with_runtime(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    with (crate / "Cargo.toml").open("a") as manifest:
        manifest.write('libc = "0.2"\n\n[build-dependencies]\ncc = "1"\n')
    write_files(crate, {"build.rs": BUILD_SCRIPT, "inner.c": CRATE_C, "src/lib.rs": CRATE_RUST})
    ran = wasmwheel("build", crate, "--profile", "draft", "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    said = wasmwheel("smoke", ran.document["wheel"], "-c", CRATE_CHECK)
    assert said.stdout.split() == ["True"] * 5, said.stderr


#: C++ whose functions of vectors and strings are in the library of some versions of Emscripten.
CXX = """\
#include <string>
#include <vector>

extern "C" int describe_size(void) {
    std::vector<bool> flags;
    std::vector<std::string> words;
    for (int number = 0; number < 9; number++) {
        words.push_back(std::string("word ") + std::to_string(number));
        flags.push_back(true);
    }
    words.reserve(20);
    return (int)(words.at(8).size() + flags.size());
}
"""


def test_cxx_needs_only_functions_of_runtime(
    wasmwheel: Command, project: Path, tmp_path: Path
) -> None:
    (project / "inner/more.cpp").write_text(CXX)
    source, setup = project / "inner/_inner.c", project / "setup.py"
    source.write_text(
        "int describe_size(void);\n" + SOURCE.replace("(int)sizeof(void *)", "describe_size()")
    )
    setup.write_text(setup.read_text().replace("_inner.c'", "_inner.c', 'inner/more.cpp'"))
    ran = wasmwheel("build", project, "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    said = wasmwheel("smoke", ran.document["wheel"], "-c", "import inner; print(inner.describe())")
    assert ", 15)" in said.stdout, said.stderr


@pytest.mark.slow
def test_rust_extension_is_linked_by_emcc(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    ran = wasmwheel("build", crate, "--linker", "emcc", "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert ran.document["toolchain"]["linker"] == "emcc"
    code = "import hello; print(hello.fibonacci(90))"
    said = wasmwheel("smoke", ran.document["wheel"], "-c", code)
    assert said.stdout.strip() == "2880067194370816120", said.stderr


def test_setuptools_project_without_c_stays_pure(
    wasmwheel: Command, project: Path, tmp_path: Path
) -> None:
    (project / "inner/__init__.py").write_text("WORD = 'pure'\n")
    (project / "inner/_inner.c").unlink()
    (project / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='inner', version='1.0', packages=['inner'])\n"
    )
    ran = wasmwheel("build", project, "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert Path(ran.document["wheel"]).name == "inner-1.0-py3-none-any.whl"
    assert ran.document["toolchain"] is None


def test_c_error_names_file_and_line(wasmwheel: Command, project: Path, tmp_path: Path) -> None:
    source = project / "inner/_inner.c"
    source.write_text(SOURCE.replace("(void *));", "(void *), nothing);"))
    ran = wasmwheel("build", project, "--events", "--out", tmp_path / "dist")
    assert ran.status == 5, ran.stderr
    line = next(n for n, text in enumerate(source.read_text().splitlines(), 1) if "nothing" in text)
    (found,) = (e for e in ran.events if e["kind"] == "diagnostic" and e["level"] == "error")
    assert (found["file"], found["line"]) == (str(source), line)
    assert "undeclared identifier 'nothing'" in found["message"]
    assert str(source) in ran.events[-1]["why"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder; return it and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def cross_build_environment(path: Path) -> str:
    """Write an archive like Pyodide's with one header in it; return its hash."""
    place = "xbuildenv/pyodide-root/cpython/installs/python-3.14.2/include/python3.14/Python.h"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(place)
        member.size = 9
        archive.addfile(member, io.BytesIO(b"// Python"))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def runtime(store: Store) -> Runtime:
    """Return the runtime of the default target."""
    target = targets.find("2026_0")
    return pyodide.ensure_runtime(target, ensure_node(store, ignore), store, ignore)


def with_headers_at(url: str, sha256: str) -> Target:
    """Return the default target with its headers only at this address."""
    known = targets.find("2026_0")
    where = msgspec.structs.replace(known.headers, url=url, sha256=sha256, debian=None)
    return msgspec.structs.replace(known, headers=where)


def test_headers_come_from_cross_build_environment(
    served: tuple[Path, str], runtime: Runtime, tmp_path: Path
) -> None:
    folder, url = served
    sha256 = cross_build_environment(folder / "xbuildenv.tar.gz")
    target = with_headers_at(f"{url}/xbuildenv.tar.gz", sha256)
    store = Store(home=tmp_path / "home")
    include = headers.ensure_headers(target, runtime, Index(), store, ignore)
    assert (include / "Python.h").read_text() == "// Python"
    assert [path.name for path in include.parent.iterdir()] == ["include"]
    (folder / "xbuildenv.tar.gz").unlink()
    assert headers.ensure_headers(target, runtime, Index(), store, ignore) == include


def test_headers_with_wrong_hash_are_rejected(
    served: tuple[Path, str], runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder, url = served
    cross_build_environment(folder / "xbuildenv.tar.gz")
    target = with_headers_at(f"{url}/xbuildenv.tar.gz", "0" * 64)
    store = Store(home=tmp_path / "home")
    with pytest.raises(ToolchainError, match="not available") as raised:
        headers.ensure_headers(target, runtime, Index(), store, ignore)
    assert "sha256" in raised.value.why
    assert "python3.14 was not found on PATH" in raised.value.why
    assert "python3.14" in raised.value.fix
    assert not list((tmp_path / "home").rglob("include"))


@pytest.mark.parametrize("value", ['4\n#include "/etc/passwd"', "4\r#define X", "4\\", "4\x85"])
def test_pyconfig_rejects_value_that_does_not_end_with_its_line(value: str) -> None:
    with pytest.raises(Exception, match="invalid SIZEOF_LONG"):
        headers.pyconfig("#define SIZEOF_LONG 8\n", {"SIZEOF_LONG": value})


def test_pyconfig_matches_target() -> None:
    text = "#define SIZEOF_LONG 8\n/* #undef HAVE_A */\n#define HAVE_B 1\n#define OTHER 1\n"
    values = {"SIZEOF_LONG": 4, "HAVE_A": 1, "HAVE_B": 0}
    assert headers.pyconfig(text, values) == (
        "#define SIZEOF_LONG 4\n#define HAVE_A 1\n/* #undef HAVE_B */\n#define OTHER 1\n"
    )
