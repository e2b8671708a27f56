"""A wheel is imported in its target's Pyodide; a failure is explained."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_wasmwheel.api.errors import CheckError, LimitError, Retry
from jupyter_wasmwheel.api.events import Event, Log
from jupyter_wasmwheel.api.report import Smoke
from jupyter_wasmwheel.checks.smoke import smoke
from jupyter_wasmwheel.process.limits import DEFAULT
from jupyter_wasmwheel.runtime import lock as locks
from jupyter_wasmwheel.runtime import packages, pyodide, targets
from jupyter_wasmwheel.runtime.snapshot import Snapshot
from jupyter_wasmwheel.safe_paths import Root
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures.wheel_factory import Machine, machine, side_module, wheel

TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"
PURE = "py3-none-any"
SUFFIX = ".cpython-314-wasm32-emscripten.so"

Imported = Callable[..., Smoke]


@pytest.fixture(scope="module")
def here(store: Store) -> Machine:
    return machine("2026_0", store)


@pytest.fixture
def emitted() -> list[Event]:
    return []


@pytest.fixture
def imported(here: Machine, emitted: list[Event]) -> Imported:
    def run(*paths: Path, **options: object) -> Smoke:
        changes = {"limits": options.pop("limits")} if "limits" in options else {}
        context = replace(here.context, emit=emitted.append, **changes)
        engine = options.pop("engine", here.engine)
        return smoke([read(path) for path in paths], engine, context, **options)

    return run


def notes(emitted: list[Event]) -> str:
    return " ".join(event.text for event in emitted if isinstance(event, Log))


def test_built_wheel_imports_and_runs(starter_wheel: Path, imported: Imported) -> None:
    name = read(starter_wheel).imports[0]
    found = imported(starter_wheel)
    assert (found.ok, found.module, found.output) == (True, name, "")
    found = imported(starter_wheel, code=f"import {name}; print({name}.__name__)")
    assert found.output == f"{name}\n"


@pytest.mark.parametrize("abi", [target.abi for target in targets.all_targets()])
def test_runtime_starts_from_snapshot(tmp_path: Path, store: Store, abi: str) -> None:
    here = machine(abi, store)
    emitted: list[Event] = []
    path = wheel(tmp_path, PURE, {"handmade.py": b"import sys; print(sys.platform)"})
    found = smoke([read(path)], here.engine, replace(here.context, emit=emitted.append))
    assert found.output == "emscripten\n"
    assert "Could not use the memory snapshot" not in notes(emitted)


def test_unusable_snapshot_is_skipped(
    tmp_path: Path, here: Machine, imported: Imported, emitted: list[Event]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(here.engine.snapshot.folder, broken)
    (broken / "memory.bin").write_bytes(bytes(1000))
    path = wheel(tmp_path, PURE, {"handmade.py": b""})
    assert imported(path, engine=replace(here.engine, snapshot=Snapshot(broken))).ok
    assert "Could not use the memory snapshot" in notes(emitted)


def test_random_numbers_differ_from_snapshot(tmp_path: Path, imported: Imported) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b"import random; print(random.random())"})
    assert imported(path).output != imported(path).output


def test_public_and_private_compiled_modules_are_imported(
    tmp_path: Path, imported: Imported
) -> None:
    members = {"one/__init__.py": b"", "two.py": b"", "_three.py": b"raise ImportError"}
    assert imported(wheel(tmp_path, PURE, members)).module == "one, two"
    members = {"one.py": b"", f"_native{SUFFIX}": side_module([], ["PyInit__native"])}
    with pytest.raises(CheckError, match="import _native failed"):
        imported(wheel(tmp_path, TAG, members))


@pytest.mark.parametrize(
    ("package", "member"),
    [
        ("handmade/__init__.py", f"handmade/_core{SUFFIX}"),
        ("handmade/geo/text/__init__.py", f"handmade/geo/text/inner/_core{SUFFIX}"),
        ("handmade/__init__.py", "_core.abi3.so"),
    ],
)
def test_extension_that_nothing_imports_is_imported(
    tmp_path: Path, imported: Imported, package: str, member: str
) -> None:
    lazy = b"def __getattr__(name):\n    from . import _core\n"
    members = {package: lazy, member: side_module([], ["PyInit__core"])}
    with pytest.raises(CheckError) as raised:
        imported(wheel(tmp_path, TAG, members))
    assert raised.value.info.code == "import.trap"


def test_extension_behind_missing_extra_must_load(tmp_path: Path, imported: Imported) -> None:
    members = {
        "handmade/__init__.py": b"",
        "handmade/extra/__init__.py": b"import no_such_extra",
        f"handmade/extra/_core{SUFFIX}": side_module([], ["PyInit__core"]),
    }
    with pytest.raises(CheckError) as raised:
        imported(wheel(tmp_path, TAG, members))
    assert raised.value.info.code == "import.trap"


def test_built_extension_behind_missing_extra_passes_with_remark(
    starter_wheel: Path, tmp_path: Path, imported: Imported
) -> None:
    built = read(starter_wheel)
    (extension,) = built.extension_modules
    last = extension.name.rpartition(".")[2]
    members = {
        "handmade/__init__.py": b"",
        "handmade/extra/__init__.py": b"import no_such_extra",
        f"handmade/extra/{last}{SUFFIX}": built.read(extension.member),
        "tests/__init__.py": b"import pytest",
        "other.py": b"1 / 0",
    }
    found = imported(wheel(tmp_path, TAG, members))
    assert (found.module, found.extensions) == ("handmade", (f"handmade.extra.{last}",))
    skipped, extra, other = found.remarks
    assert "contains a top-level tests, which is not imported" in skipped
    assert f"handmade.extra.{last} loads, but" in extra
    assert "No module named 'no_such_extra'" in extra
    assert "`import other` fails: ZeroDivisionError" in other


@pytest.fixture
def no_cdn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyodide, "CDN", "http://127.0.0.1:9/{version}/")


@pytest.mark.usefixtures("no_cdn")
def test_extension_is_imported_without_package_of_pyodide_that_is_not_downloaded(
    tmp_path: Path, starter_wheel: Path, imported: Imported
) -> None:
    built = read(starter_wheel)
    (extension,) = built.extension_modules
    last = extension.name.rpartition(".")[2]
    members = {
        "handmade/__init__.py": b"import scipy.sparse",
        "handmade/inner/__init__.py": b"1 / 0",
        f"handmade/inner/{last}{SUFFIX}": built.read(extension.member),
    }
    found = imported(wheel(tmp_path, TAG, members, requires=["scipy"]))
    assert (found.module, found.not_downloaded) == (f"handmade.inner.{last}", ("scipy",))
    assert found.remarks == (
        "handmade was not imported as a whole: it requires scipy, which could not be downloaded "
        "from 127.0.0.1:9.",
    )


@pytest.mark.usefixtures("no_cdn")
@pytest.mark.parametrize(
    ("code", "needs"),
    [("import scipy", "scipy>9000"), ("import no_such", "no-such"), ("import scipy; 1/0", "numpy")],
)
def test_import_without_other_requirement_fails(
    tmp_path: Path, imported: Imported, code: str, needs: str
) -> None:
    with pytest.raises(CheckError):
        imported(wheel(tmp_path, PURE, {"handmade.py": code.encode()}, requires=[needs]))


def test_library_for_cffi_is_loaded(tmp_path: Path, imported: Imported) -> None:
    members = {"handmade/__init__.py": b"", "handmade/native.so": side_module([], ["add"])}
    found = imported(wheel(tmp_path, TAG, members))
    assert (found.module, found.extensions) == ("handmade", ("handmade.native",))
    members["handmade/native.so"] = b"\0asm\1\0\0\0"
    with pytest.raises(CheckError):
        imported(wheel(tmp_path, TAG, members))


def test_wheel_without_modules_is_remarked(tmp_path: Path, imported: Imported) -> None:
    found = imported(wheel(tmp_path, PURE, {"handmade-1.0.data/data/share/x.txt": b""}))
    assert (found.module, found.remarks) == ("", ("handmade contains no module to import.",))


def test_requirements_come_from_lock_of_runtime(tmp_path: Path, imported: Imported) -> None:
    text = b"import packaging.version as v; print(v.Version('1.0.0').major)"
    path = wheel(tmp_path, PURE, {"handmade.py": text}, requires=["packaging>=20"])
    assert imported(path).output == "1\n"


def test_requirements_come_from_lock_of_site(
    tmp_path: Path, here: Machine, imported: Imported
) -> None:
    site = tmp_path / "site"
    (site / "wheels" / "abc").mkdir(parents=True)
    other = wheel(
        site / "wheels" / "abc", PURE, {"other.py": b"print('from the site')"}, name="other"
    )
    entry = locks.entry_for(read(other), f"wheels/abc/{other.name}", [])
    original = locks.read(here.engine.runtime.lock)
    sources = [packages.site_source(original.with_entry(entry), Root(site), original)]
    path = wheel(tmp_path, PURE, {"handmade.py": b"import other"}, requires=["other==1.0"])
    assert imported(path, sources=sources).output == "from the site\n"


def test_wheels_checked_together_find_each_other(tmp_path: Path, imported: Imported) -> None:
    one = wheel(tmp_path, PURE, {"one.py": b"import two"}, name="one", requires=["two"])
    two = wheel(tmp_path, PURE, {"two.py": b"print('two')"}, name="two")
    assert imported(one, two).output == "two\n"


def test_code_imports_load_packages_as_in_notebook(tmp_path: Path, imported: Imported) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b""})
    found = imported(path, code="import handmade\nfrom packaging.version import Version\nprint(1)")
    assert found.output == "1\n"


def test_import_without_unavailable_requirement_is_noted(
    tmp_path: Path, imported: Imported, emitted: list[Event]
) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b""}, requires=["no-such-thing>=2"])
    assert imported(path).ok
    assert "no-such-thing is not available for Pyodide" in notes(emitted)


def test_import_error_names_unavailable_requirement(tmp_path: Path, imported: Imported) -> None:
    text = b"import no_such_thing"
    path = wheel(tmp_path, PURE, {"handmade.py": text}, requires=["no-such-thing>=2"])
    with pytest.raises(CheckError, match="import handmade failed") as raised:
        imported(path)
    assert raised.value.info.code == "import.requirement-missing"
    assert Retry(changes={"make_optional": ("no-such-thing",)}) in raised.value.info.remedies
    assert "no-such-thing>=2" in raised.value.why
    assert "--make-optional no-such-thing" in raised.value.fix


def test_requirement_of_other_version_is_unavailable(
    tmp_path: Path, here: Machine, imported: Imported
) -> None:
    has = locks.read(here.engine.runtime.lock).packages["packaging"].version
    text = b"import packaging"
    path = wheel(tmp_path, PURE, {"handmade.py": text}, requires=["packaging>=9999"])
    with pytest.raises(CheckError) as raised:
        imported(path)
    assert f"requires packaging>=9999, but {has} was found" in raised.value.why


def test_import_of_undeclared_module_is_explained(tmp_path: Path, imported: Imported) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b"import forgotten"})
    with pytest.raises(CheckError) as raised:
        imported(path)
    assert "It imports forgotten, which is not available" in raised.value.why


def test_import_error_shows_last_traceback_lines(
    tmp_path: Path, imported: Imported, emitted: list[Event]
) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b"print('so far')\n1 / 0\n"})
    with pytest.raises(CheckError) as raised:
        imported(path)
    assert 'handmade.py", line 2, in <module>' in raised.value.why
    assert "ZeroDivisionError: division by zero" in raised.value.why
    assert "so far" in notes(emitted)


def test_failing_code_differs_from_failing_import(tmp_path: Path, imported: Imported) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b""})
    with pytest.raises(CheckError, match="The code given for handmade failed") as raised:
        imported(path, code="import handmade; handmade.greet()")
    assert "has no attribute 'greet'" in raised.value.why


@pytest.mark.parametrize("imports", [[("env", "no_such_thing")], [("GOT.func", "no_such_thing")]])
def test_unresolved_symbol_is_named(
    tmp_path: Path, imported: Imported, imports: list[tuple[str, str]]
) -> None:
    calls = 0 if imports[0][0] == "env" else None
    module = side_module(imports, ["PyInit_handmade"], calls=calls)
    with pytest.raises(CheckError) as raised:
        imported(wheel(tmp_path, TAG, {f"handmade{SUFFIX}": module}))
    assert "The runtime does not have no_such_thing" in raised.value.why


def test_trap_in_native_code_is_explained(tmp_path: Path, imported: Imported) -> None:
    module = side_module([], ["PyInit_handmade"])
    with pytest.raises(CheckError) as raised:
        imported(wheel(tmp_path, TAG, {f"handmade{SUFFIX}": module}))
    assert raised.value.info.code == "import.trap"


def test_endless_import_is_stopped(tmp_path: Path, imported: Imported) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b"while True: pass"})
    begin = time.monotonic()
    with pytest.raises(LimitError, match=r"The import of handmade .* 4 s") as raised:
        imported(path, limits=DEFAULT.with_settings(["smoke.time=4s"]))
    assert "a loop" in raised.value.fix
    assert time.monotonic() - begin < 10


def test_import_that_exits_process_is_reported(tmp_path: Path, imported: Imported) -> None:
    text = b"import js; js.Object.constructor('return process')().exit(3)"
    with pytest.raises(CheckError):
        imported(wheel(tmp_path, PURE, {"handmade.py": text}))


def test_package_sees_browser_globals(tmp_path: Path, imported: Imported) -> None:
    text = b"import js; print(hasattr(js, 'process'), hasattr(js, 'require'), hasattr(js, 'fetch'))"
    path = wheel(tmp_path, PURE, {"handmade.py": text})
    assert imported(path).output == "False False True\n"


def test_package_cannot_access_user_files(
    tmp_path: Path, imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMWHEEL_TEST_SECRET", "unspoken")
    secret = tmp_path / "secret"
    secret.write_text("unspoken")
    code = f"""
import js
fs = js.Object.constructor("return process.getBuiltinModule('fs')")()
for attempt in (lambda: fs.readFileSync({str(secret)!r}, "utf8"),
                lambda: fs.writeFileSync({str(tmp_path / "new")!r}, "x")):
    try:
        print(attempt())
    except Exception as error:
        print(error)
print(js.JSON.stringify(js.Object.constructor("return process.env")()))
"""
    output = imported(wheel(tmp_path, PURE, {"handmade.py": b""}), code=code).output
    assert output.count("Access to this API has been restricted") == 2
    assert "unspoken" not in output
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's /proc")
def test_interrupted_check_leaves_no_process(tmp_path: Path, here: Machine) -> None:
    path = wheel(tmp_path, PURE, {"handmade.py": b"while True: pass"})
    script = f"""
from pathlib import Path
from tests.fixtures.wheel_factory import machine
from jupyter_wasmwheel import config
from jupyter_wasmwheel.checks.smoke import smoke
from jupyter_wasmwheel.wheel import read
here = machine("2026_0", config.load().store())
wheel = read(Path({str(path)!r}))
smoke([wheel], here.engine, here.context)
"""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], env=env, stderr=subprocess.PIPE, text=True
    )
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    deadline = time.monotonic() + 30
    running: list[int] = []
    while time.monotonic() < deadline:
        pids = [int(word) for word in children.read_text().split()]
        running = [pid for pid in pids if b"smoke.mjs" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if running:
            break
        time.sleep(0.05)
    assert running
    time.sleep(1.5)
    parent.send_signal(signal.SIGINT)
    _, stderr = parent.communicate(timeout=20)
    assert "KeyboardInterrupt" in stderr
    assert not any(Path(f"/proc/{pid}").exists() for pid in running)
