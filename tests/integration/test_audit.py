"""The audit finds what a runtime cannot link, and explains why."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import CheckError
from jupyter_wasmwheel.api.report import Audit
from jupyter_wasmwheel.checks.audit import audit, raise_if_failed
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read, rewrite
from tests.fixtures.wheel_factory import Machine, machine, side_module, wheel

TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"
SUFFIX = ".cpython-314-wasm32-emscripten.so"

#: A file of Linux.
ELF = b"\x7fELF" + bytes(60)


@pytest.fixture(scope="module", params=[target.abi for target in targets.all_targets()])
def each(request: pytest.FixtureRequest, store: Store) -> Machine:
    return machine(request.param, store)


@pytest.fixture(scope="module")
def here(store: Store) -> Machine:
    return machine("2026_0", store)


def audit_wheel(path: Path, here: Machine) -> Audit:
    return audit(read(path), here.target, here.engine)


def test_audit_accepts_built_wheel(starter_wheel: Path, here: Machine) -> None:
    assert audit_wheel(starter_wheel, here) == Audit(ok=True, missing=(), unexpected=())


def test_audit_accepts_module_for_every_runtime(tmp_path: Path, each: Machine) -> None:
    imports = [
        ("env", "PyModuleDef_Init"),
        ("env", "malloc"),
        ("env", "pthread_atfork"),
        ("env", "__cxa_throw"),
        ("wasi_snapshot_preview1", "fd_write"),
        ("GOT.mem", "PyExc_TypeError"),
        ("GOT.func", "_PyObject_GC_New"),
    ]
    python = each.target.python_tag
    member = f"handmade.cpython-{python[2:]}-wasm32-emscripten.so"
    tag = f"{python}-{python}-{each.target.platform_tag}"
    path = wheel(tmp_path, tag, {member: side_module(imports, ["PyInit_handmade"])})
    assert audit_wheel(path, each).ok


def test_audit_lists_all_missing_symbols(tmp_path: Path, here: Machine) -> None:
    imports = [
        ("env", "fork_everything"),
        ("env", "malloc"),
        ("GOT.mem", "no_such_data"),
        ("GOT.func", "no_such_function"),
        ("other", "thing"),
    ]
    path = wheel(tmp_path, TAG, {f"handmade{SUFFIX}": side_module(imports, ["PyInit_handmade"])})
    found = audit_wheel(path, here)
    assert found.missing == ("fork_everything", "no_such_data", "no_such_function", "other.thing")
    with pytest.raises(CheckError, match="not compatible with Pyodide") as raised:
        raise_if_failed(found, read(path), here.engine.runtime)
    assert "fork_everything, no_such_data, no_such_function" in raised.value.why
    assert raised.value.status == 6


def test_audit_ignores_weak_imports_and_own_exports(tmp_path: Path, here: Machine) -> None:
    imports = [("env", "perhaps"), ("GOT.mem", "perhaps_data"), ("GOT.func", "PyInit_handmade")]
    module = side_module(imports, ["PyInit_handmade"], weak=["perhaps", "perhaps_data"])
    assert audit_wheel(wheel(tmp_path, TAG, {f"handmade{SUFFIX}": module}), here).ok


def test_audit_uses_exports_of_needed_modules_only(tmp_path: Path, here: Machine) -> None:
    library = side_module(exports=["from_the_library"])
    members = {
        "handmade.libs/libextra.so": library,
        f"handmade/_core{SUFFIX}": side_module(
            [("env", "from_the_library")], ["PyInit__core"], needed=["libextra.so"]
        ),
    }
    assert audit_wheel(wheel(tmp_path, TAG, members), here).ok
    members[f"handmade/_core{SUFFIX}"] = side_module(
        [("env", "from_the_library")], ["PyInit__core"]
    )
    assert audit_wheel(wheel(tmp_path, TAG, members), here).missing == ("from_the_library",)


def test_audit_reports_missing_library(tmp_path: Path, here: Machine) -> None:
    module = side_module([], ["PyInit_handmade"], needed=["libgone.so"])
    found = audit_wheel(wheel(tmp_path, TAG, {f"handmade{SUFFIX}": module}), here)
    assert found.missing == ("libgone.so",)


def test_audit_explains_misnamed_init_function(
    starter_wheel: Path, tmp_path: Path, here: Machine
) -> None:
    built = read(starter_wheel)
    (extension,) = built.extension_modules
    renamed = built.read(extension.member).replace(
        extension.init_function.encode(), extension.init_function[:-1].encode() + b"X"
    )
    path = tmp_path / starter_wheel.name
    rewrite(starter_wheel, {extension.member: renamed}, path)
    found = audit_wheel(path, here)
    other = extension.init_function[:-1] + "X"
    assert f"is called {extension.name}, but its init function is {other}" in found.unexpected[0]
    with pytest.raises(CheckError) as raised:
        raise_if_failed(found, read(path), here.engine.runtime)
    assert "#[pymodule]" in raised.value.fix


def test_audit_explains_missing_init_function(tmp_path: Path, here: Machine) -> None:
    found = audit_wheel(wheel(tmp_path, TAG, {f"handmade{SUFFIX}": side_module()}), here)
    assert "it has no init function; PyInit_handmade" in found.unexpected[0]


def test_audit_names_init_function_by_last_part_of_module(tmp_path: Path, here: Machine) -> None:
    members = {f"handmade/inner/_core{SUFFIX}": side_module([], ["PyInit__core"])}
    assert audit_wheel(wheel(tmp_path, TAG, members), here).ok


def test_audit_detects_module_for_other_python(tmp_path: Path, here: Machine) -> None:
    member = "handmade.cpython-311-x86_64-linux-gnu.so"
    path = wheel(tmp_path, TAG, {member: side_module([], ["PyInit_handmade"])})
    assert f"{member} is not found by this Python" in audit_wheel(path, here).unexpected[0]


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("cp313-cp313-pyemscripten_2025_0_wasm32", "this target is pyemscripten_2026_0_wasm32"),
        ("cp314-cp314-manylinux_2_28_x86_64", "It is for manylinux_2_28_x86_64"),
        ("cp313-cp313-pyemscripten_2026_0_wasm32", "this target's Python is 3.14 (cp314)"),
        ("py3-none-any", "is for any platform, but it contains compiled modules"),
    ],
)
def test_audit_names_wrong_tags(tmp_path: Path, here: Machine, tag: str, says: str) -> None:
    path = wheel(tmp_path, tag, {"handmade.so": side_module([], ["PyInit_handmade"])})
    assert says in " ".join(audit_wheel(path, here).unexpected)


def test_audit_accepts_stable_abi_of_older_python(tmp_path: Path, here: Machine) -> None:
    module = {"handmade.abi3.so": side_module([], ["PyInit_handmade"])}
    assert audit_wheel(wheel(tmp_path, "cp310-abi3-pyemscripten_2026_0_wasm32", module), here).ok
    assert not audit_wheel(
        wheel(tmp_path, "cp315-abi3-pyemscripten_2026_0_wasm32", module), here
    ).ok


@pytest.mark.parametrize(
    ("data", "system"),
    [
        (ELF, "Linux"),
        (b"\xcf\xfa\xed\xfe" + bytes(60), "macOS"),
        (b"MZ" + bytes(0x3A) + b"\x40\0\0\0" + b"PE\0\0", "Windows"),
    ],
)
def test_audit_remarks_host_binaries_among_data(
    tmp_path: Path, here: Machine, data: bytes, system: str
) -> None:
    members = {f"handmade{SUFFIX}": side_module([], ["PyInit_handmade"]), "handmade/tool": data}
    found = audit_wheel(wheel(tmp_path, TAG, members), here)
    assert found.ok
    assert f"handmade/tool is a program or a library for {system}." in found.remarks[0]


@pytest.mark.parametrize(
    ("module", "leftover"),
    [
        (SUFFIX, ".cpython-311-x86_64-linux-gnu.so"),
        (SUFFIX, ".abi3.so"),
        (SUFFIX, ".so"),
        (".abi3.so", ".so"),
    ],
)
def test_audit_remarks_host_module_that_is_not_imported(
    tmp_path: Path, here: Machine, module: str, leftover: str
) -> None:
    members = {
        f"handmade/_core{module}": side_module([], ["PyInit__core"]),
        f"handmade/_core{leftover}": ELF,
    }
    found = audit_wheel(wheel(tmp_path, TAG, members), here)
    assert (found.ok, len(found.remarks)) == (True, 1)


@pytest.mark.parametrize(
    "members",
    [
        {f"handmade{SUFFIX}": ELF},
        {"handmade.cpython-311-x86_64-linux-gnu.so": ELF},
        {"handmade.abi3.so": ELF, "handmade.so": side_module([], ["PyInit_handmade"])},
    ],
)
def test_audit_rejects_host_binary_as_module(
    tmp_path: Path, here: Machine, members: dict[str, bytes]
) -> None:
    assert "for Linux" in audit_wheel(wheel(tmp_path, TAG, members), here).unexpected[0]


def test_audit_accepts_library_for_cffi(tmp_path: Path, here: Machine) -> None:
    members = {f"handmade/_native{SUFFIX}": side_module([], ["add"]), "handmade/__init__.py": b""}
    assert audit_wheel(wheel(tmp_path, TAG, members), here).ok


def test_audit_rejects_truncated_module(tmp_path: Path, here: Machine) -> None:
    whole = side_module([("env", "malloc"), ("GOT.mem", "stdout")], ["PyInit_handmade"])
    for length in range(len(whole)):
        path = wheel(tmp_path, TAG, {f"handmade{SUFFIX}": whole[:length]})
        if length < whole.index(b"PyInit_handmade"):
            assert not audit_wheel(path, here).ok


def test_audit_explains_javascript_exceptions(tmp_path: Path, here: Machine) -> None:
    imports = [("env", "invoke_vii"), ("env", "__cxa_find_matching_catch_2")]
    path = wheel(tmp_path, TAG, {f"handmade{SUFFIX}": side_module(imports, ["PyInit_handmade"])})
    found = audit_wheel(path, here)
    assert found.missing == ("__cxa_find_matching_catch_2", "invoke_vii")
    assert "compiled for JavaScript exceptions" in found.unexpected[0]
    with pytest.raises(CheckError) as raised:
        raise_if_failed(found, read(path), here.engine.runtime)
    assert raised.value.info.code == "audit.javascript-exceptions"
    assert "-fwasm-exceptions" in raised.value.fix


def test_audit_accepts_pure_wheel(tmp_path: Path, here: Machine) -> None:
    assert audit_wheel(wheel(tmp_path, "py3-none-any", {"handmade.py": b""}), here).ok


def test_audit_names_excluded_python(tmp_path: Path, here: Machine) -> None:
    path = wheel(tmp_path, "py3-none-any", {"handmade.py": b""}, requires_python="<3.14")
    found = audit_wheel(path, here)
    assert "requires-python is <3.14; this target's Python is 3.14" in found.unexpected[0]
    with pytest.raises(CheckError) as raised:
        raise_if_failed(found, read(path), here.engine.runtime)
    assert raised.value.info.code == "audit.python-not-supported"
