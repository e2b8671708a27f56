"""Known errors: each is matched in real output and explained with a remedy."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.errors import known_errors
from jupyter_wasmwheel.errors.known_errors import KnownError
from tests.fixtures.commands import Command, error_of
from tests.fixtures.known_error_examples import MORE_OUTPUT, OUTPUT, VALUES
from tests.fixtures.known_failures import BY_HAND, FFI, INIT, failing_crate


@pytest.mark.parametrize("known", known_errors.load(), ids=lambda each: each.code)
def test_known_error_matches_its_real_output_first(known: KnownError) -> None:
    first, *_ = known_errors.match(known.stage, OUTPUT[known.code], **VALUES[known.stage])
    assert (first.info.code, first.status) == (known.code, known.status)
    for part in (first.what, first.why, first.fix):
        assert part.strip()


@pytest.mark.parametrize(("code", "output"), MORE_OUTPUT)
def test_known_error_matches_output_of_other_tools_and_versions(code: str, output: str) -> None:
    stage = next(each.stage for each in known_errors.load() if each.code == code)
    first, *_ = known_errors.match(stage, output, **VALUES[stage])
    assert first.info.code == code


def test_successful_build_matches_no_known_error(starter_events: list[dict[str, Any]]) -> None:
    log = "\n".join(event["text"] for event in starter_events if event["kind"] == "log")
    assert "Compiling pyo3" in log
    assert not known_errors.match("build", log, **VALUES["build"])


def test_library_without_bitcode_is_matched_in_output_of_rustc(tmp_path: Path) -> None:
    (tmp_path / "dep.rs").write_text("pub fn two() -> i32 { 2 }\n")
    (tmp_path / "top.rs").write_text('#[no_mangle] pub extern "C" fn f() -> i32 { dep::two() }\n')
    library = ["rustc", "--crate-type=rlib", "-Cembed-bitcode=no", "dep.rs"]
    subprocess.run(library, cwd=tmp_path, check=True)
    linked = subprocess.run(
        ["rustc", "--crate-type=cdylib", "-Clto", "--extern=dep=libdep.rlib", "top.rs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    (error,) = known_errors.match("build", linked.stderr, **VALUES["build"])
    assert error.info.code == "compile.lto-bitcode"
    assert "--profile draft" in error.fix


THREAD = 'extern "C" { fn pthread_kill(thread: u32, signal: i32) -> i32; }'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("needs", "body", "status", "what", "fix"),
    [
        ('openssl-sys = "0.9"', "", 5, "OpenSSL", "cargo tree -i openssl-sys"),
        ('aws-lc-sys = "0.47"', "", 5, "AWS-LC", "cargo tree -i aws-lc-sys"),
        (
            'ring = "0.17"',
            "pub fn f(b: &mut [u8]) { use ring::rand::SecureRandom; "
            "ring::rand::SystemRandom::new().fill(b).unwrap() }",
            *(5, "ring's random numbers", "cargo tree -i ring"),
        ),
        ('tikv-jemallocator = "0.6"', "", 5, "jemalloc", "global_allocator"),
        (
            'tokio = { version = "1", features = ["rt-multi-thread"] }',
            *("", 5, "rt-multi-thread", "new_current_thread"),
        ),
        (
            'tokio = { version = "1", features = ["signal"] }',
            "",
            5,
            "of tokio",
            "cargo tree -e features -i tokio",
        ),
        ('mio = { version = "=1.0.1", features = ["os-poll"] }', "", 5, "crate mio", "1.1"),
        (
            'libc = "0.2"',
            "pub fn f() { unsafe { libc::pthread_atfork(None, None, None); } }",
            *(5, "`pthread_atfork` of libc", "target_os"),
        ),
        ('pyo3-ffi = "=0.24.2"', "", 3, "PyO3 is too old for Python 3.14", "0.25"),
        ('pyo3-ffi = "=0.16.6"', "", 3, "PyO3 is too old for Python 3.14", "0.25"),
        ("", "#![feature(portable_simd)]", 4, "nightly Rust", "--rust nightly"),
        (
            FFI,
            f"{THREAD} {INIT} {{ unsafe {{ pthread_kill(0, 0) }} }}",
            6,
            "not compatible",
            "threads",
        ),
        (
            FFI,
            f'extern "C" {{ fn none() -> i32; }} {INIT} {{ unsafe {{ none() }} }}',
            6,
            "",
            "link",
        ),
    ],
)
def test_crate_unsupported_in_browser_is_explained(
    wasmwheel: Command,
    crate: Path,
    tmp_path: Path,
    needs: str,
    body: str,
    status: int,
    what: str,
    fix: str,
) -> None:
    needs = needs if "pyo3" in needs else f"{FFI}\n{needs}"
    ran = wasmwheel(
        *("build", failing_crate(crate, needs=needs, body=body), "--profile", "draft", "--json"),
        *("--out", tmp_path / "dist"),
    )
    error = error_of(ran, status)
    assert what in error["what"]
    assert fix in error["fix"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ('assert!(run("sh", &["-c", "no-such-program x.y"]));', 4, "tool.missing"),
        ('run("no-such-program", &[]);', 5, "build-script.file-not-found"),
        ('std::fs::read("../none").unwrap();', 5, "build-script.file-not-found"),
        ('panic!("unsupported target: {}", env!("CARGO_PKG_NAME"));', 5, "build-script.target"),
        ('panic!("The system library `z` required by crate `z-sys` was not found.");', 5, ""),
        ('panic!("assertion of its own");', 5, "compile.build-script"),
    ],
)
def test_failed_build_script_is_explained_by_its_cause(
    wasmwheel: Command, crate: Path, tmp_path: Path, line: str, status: int, code: str
) -> None:
    script = (
        "#![allow(dead_code)]\nfn run(program: &str, words: &[&str]) -> bool {\n"
        "std::process::Command::new(program).args(words).status().unwrap().success()\n}\n"
        f"fn main() {{ {line} }}\n"
    )
    failing_crate(crate, needs=FFI, body=f"{INIT} {{ 0 }}", script=script)
    words = ("--json", "--profile", "draft", "--out", tmp_path / "dist")
    error = error_of(wasmwheel("build", crate, *words), status)
    assert error["code"] == (code or "build-script.library")


def test_missing_vendor_folder_is_not_blamed_on_network(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    (crate / ".cargo").mkdir()
    (crate / ".cargo/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n'
    )
    error = error_of(wasmwheel("build", crate, "--json", "--out", tmp_path / "dist"), 3)
    assert error["code"] == "crates.vendor-missing"
    assert "cargo vendor" in error["fix"]


@pytest.mark.slow
def test_crate_that_runs_cmake_builds_in_release(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    script = (
        'fn main() { println!("cargo:rustc-link-search=native={}/lib", '
        'cmake::build("c").display()); println!("cargo:rustc-link-lib=static=two"); }'
    )
    body = f'extern "C" {{ fn two() -> i32; }} {INIT} {{ unsafe {{ two() }} }}'
    failing_crate(
        crate, needs=f'{FFI}\n[build-dependencies]\ncmake = "0.1"', body=body, script=script
    )
    (crate / "c").mkdir()
    (crate / "c/two.c").write_text("int two(void) { return 2; }\n")
    (crate / "c/CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.10)\nproject(two C)\nadd_library(two STATIC two.c)\n"
        "install(TARGETS two DESTINATION lib)\n"
    )
    ran = wasmwheel("build", crate, "--no-import", "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert "two" not in ran.document["audit"]["missing"]


JUMP = """
#include <setjmp.h>
static jmp_buf place;
void leap(int n) { if (n > 3) longjmp(place, 1); }
int jump(int n) { if (setjmp(place)) return 7; leap(n); return 1; }
"""


@pytest.mark.slow
def test_c_with_javascript_exceptions_is_explained(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    body = f'extern "C" {{ fn jump(n: i32) -> i32; }} {INIT} {{ unsafe {{ jump(5) }} }}'
    (crate / "jump.c").write_text(JUMP)
    project = failing_crate(crate, needs=FFI, body=body, script=BY_HAND)
    ran = wasmwheel("build", project, "--json", "--profile", "draft", "--out", tmp_path / "dist")
    error = error_of(ran, 6)
    assert "invoke_" in error["why"]
    assert "-fwasm-exceptions" in error["fix"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("needs", "line", "why"),
    [
        ("", "std::thread::spawn(|| 1).join().unwrap();", "starts a thread"),
        (
            'rayon = "1"',
            "rayon::ThreadPoolBuilder::new().num_threads(2).build_global().unwrap();",
            "starts a thread",
        ),
        ("", 'assert!(std::env::args().count() > 99, "too few");', "panicked at src/lib.rs"),
    ],
)
def test_module_unsupported_in_browser_is_explained(
    wasmwheel: Command, crate: Path, tmp_path: Path, needs: str, line: str, why: str
) -> None:
    init = f"fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {{ {line} Ok(()) }}"
    body = f"#[pyo3::pymodule] mod hello {{ use pyo3::prelude::*; #[pymodule_init] {init} }}"
    project = failing_crate(crate, needs=f'pyo3 = "0.30"\n{needs}', body=body)
    ran = wasmwheel("build", project, "--json", "--profile", "draft", "--out", tmp_path / "dist")
    assert why in error_of(ran, 6)["why"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import threading; threading.Thread(target=print).start()", "import.threads"),
        ("import subprocess; subprocess.run(['ls'])", "import.processes"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "import.sockets"),
        ("import multiprocessing; multiprocessing.Pool(2)", "import.removed-module"),
        ("import asyncio; asyncio.run(asyncio.sleep(0))", "import.stack-switching"),
        ("import undeclared", "import.module-missing"),
    ],
)
def test_code_unsupported_in_browser_is_explained(
    wasmwheel: Command, starter_wheel: Path, code: str, expected: str
) -> None:
    error = error_of(wasmwheel("smoke", starter_wheel, "--json", "-c", code), 6)
    assert error["code"] == expected
