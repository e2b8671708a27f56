"""Each requirement is found where the runtime or the site would find it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from jupyter_wasmwheel.checks.dependencies import Dependency, resolve
from jupyter_wasmwheel.runtime.lock import Entry, Lock
from jupyter_wasmwheel.wheel import Wheel, read

from .handmade import wheel


def entry(name: str, version: str, folder: str = "") -> Entry:
    return Entry(
        name=name,
        version=version,
        file_name=f"{folder}{name}-{version}-py3-none-any.whl",
        sha256="0" * 64,
        imports=(name,),
        depends=(),
        extra={},
    )


def lock(*entries: Entry, python: str = "3.14.2") -> Lock:
    info = {"abi_version": "2026_0", "python": python, "platform": "emscripten_5_0_3"}
    empty = Lock(head={"info": info}, packages={})
    for one in entries:
        empty = empty.with_entry(one)
    return empty


def requiring(folder: Path, lines: Iterable[str]) -> Wheel:
    return read(wheel(folder, "py3-none-any", {"handmade.py": b""}, requires=lines))


def test_a_requirement_that_pyodide_has(tmp_path: Path) -> None:
    (found,) = resolve(
        requiring(tmp_path, ["Zope.Interface >= 7"]), lock(entry("zope-interface", "7.2"))
    )
    assert found == Dependency(
        name="Zope.Interface", requirement="Zope.Interface>=7", source="pyodide", version="7.2"
    )
    assert found.row()["from"] == "pyodide"


def test_a_requirement_that_is_nowhere(tmp_path: Path) -> None:
    (found,) = resolve(requiring(tmp_path, ["gone"]), lock())
    assert (found.source, found.version) == ("missing", None)


@pytest.mark.parametrize(
    ("requirement", "source"),
    [
        ("tool>=2", "missing"),
        ("tool<2", "pyodide"),
        ("tool~=1.4", "pyodide"),
        ("tool!=1.5rc1", "missing"),
        ("tool", "pyodide"),
    ],
)
def test_the_version_in_the_lock_counts(tmp_path: Path, requirement: str, source: str) -> None:
    (found,) = resolve(requiring(tmp_path, [requirement]), lock(entry("tool", "1.5rc1")))
    assert (found.source, found.version) == (source, "1.5rc1")


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("sys_platform == 'emscripten'", True),
        ("sys_platform != 'emscripten'", False),
        ("platform_system == 'Emscripten' and platform_machine == 'wasm32'", True),
        ("os_name == 'nt'", False),
        ("implementation_name == 'cpython' and platform_python_implementation == 'CPython'", True),
        ("python_version < '3.14'", False),
        ("python_full_version >= '3.14.2'", True),
        ("extra == 'fast'", False),
        ("platform_release == '5.0.3'", True),
    ],
)
def test_markers_are_evaluated_for_the_target(tmp_path: Path, marker: str, holds: bool) -> None:
    found = resolve(requiring(tmp_path, [f"tool; {marker}"]), lock(entry("tool", "1.0")))
    assert bool(found) is holds


def test_markers_know_a_python_that_is_not_released(tmp_path: Path) -> None:
    wheel = requiring(tmp_path, ["tool; python_version >= '3.15'"])
    assert resolve(wheel, lock(entry("tool", "1.0"), python="3.15.0rc1"))


def test_what_was_published_to_a_site_wins(tmp_path: Path) -> None:
    needing = requiring(tmp_path, ["tool>=2", "other", "base"])
    own = lock(entry("tool", "1.0"), entry("base", "3.0"))
    site = lock(
        entry("tool", "2.0", folder="wheels/abc/"), entry("other", "1.0"), entry("base", "3.0")
    )
    found = resolve(needing, own, site)
    assert [(one.source, one.version) for one in found] == [
        ("site", "2.0"),
        ("site", "1.0"),
        ("pyodide", "3.0"),
    ]


def test_what_a_site_does_not_have_is_taken_from_pyodide(tmp_path: Path) -> None:
    (found,) = resolve(requiring(tmp_path, ["tool"]), lock(entry("tool", "1.0")), lock())
    assert found.source == "pyodide"
