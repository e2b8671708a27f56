"""Requirements are found where the runtime or the site has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.api.report import Dependency
from jupyter_wasmwheel.checks import pyodide_loader
from jupyter_wasmwheel.checks.dependencies import Resolution, resolve
from jupyter_wasmwheel.runtime import packages
from jupyter_wasmwheel.runtime.lock import Entry, Lock
from jupyter_wasmwheel.runtime.packages import Candidate, PackageSource
from jupyter_wasmwheel.safe_paths import Root
from jupyter_wasmwheel.wheel import Wheel, read
from tests.fixtures.wheel_factory import wheel


def entry(name: str, version: str, folder: str = "", depends: Iterable[str] = ()) -> Entry:
    return Entry(
        name=name,
        version=version,
        file_name=f"{folder}{name}-{version}-py3-none-any.whl",
        sha256="0" * 64,
        imports=(name,),
        depends=tuple(depends),
        extra={},
    )


def lock(*entries: Entry, python: str = "3.14.2") -> Lock:
    info = {"abi_version": "2026_0", "python": python, "platform": "emscripten_5_0_3"}
    empty = Lock(head={"info": info}, packages={})
    for one in entries:
        empty = empty.with_entry(one)
    return empty


def wheel_requiring(folder: Path, lines: Iterable[str], name: str = "handmade") -> Wheel:
    return read(wheel(folder, "py3-none-any", {f"{name}.py": b""}, requires=lines))


def index(*entries: Entry) -> PackageSource:
    """Return a package source like the index: its candidates, and an error for other names."""
    known = {one.name: one for one in entries}

    def find(requirement: Requirement) -> Candidate:
        found = known.get(requirement.name)
        if found is None:
            raise SourceError(
                f"There is no {requirement.name}.",
                "The index says so.",
                "",
                code="index.package-not-found",
            )
        needs = tuple(map(Requirement, found.depends))
        return Candidate(entry=found, source="pypi", path=Path(found.file_name), needs=needs)

    return find


def found(lines: Iterable[str], *sources: PackageSource) -> Resolution:
    return resolve(map(Requirement, lines), sources)


def pyodide(*entries: Entry) -> PackageSource:
    """Return the package source of a site with only Pyodide's packages."""
    return packages.site_source(lock(*entries), Root(Path()), lock(*entries))


def test_requirement_in_pyodide_is_found() -> None:
    (one,) = found(["Zope.Interface >= 7"], pyodide(entry("zope-interface", "7.2"))).dependencies
    assert one == Dependency(
        name="Zope.Interface", requirement="Zope.Interface>=7", source="pyodide", version="7.2"
    )
    assert msgspec.to_builtins(one)["from"] == "pyodide"


def test_unavailable_requirement_is_missing() -> None:
    result = found(["gone"], pyodide(), index())
    assert [(one.source, one.version) for one in result.dependencies] == [("missing", None)]
    assert "There is no gone." in result.reasons["gone"]


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
def test_locked_version_decides_whether_requirement_is_met(requirement: str, source: str) -> None:
    (one,) = found([requirement], pyodide(entry("tool", "1.5rc1"))).dependencies
    assert (one.source, one.version) == (source, "1.5rc1")


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("sys_platform == 'emscripten'", True),
        ("sys_platform != 'emscripten'", False),
        ("platform_system == 'Emscripten' and platform_machine == 'wasm32'", True),
        ("platform_machine == 'x86_64' or platform_machine == 'arm64'", False),
        ("os_name == 'nt'", False),
        ("implementation_name == 'cpython' and platform_python_implementation == 'CPython'", True),
        ("python_version < '3.14'", False),
        ("python_full_version >= '3.14.2'", True),
        ("extra == 'fast'", False),
        ("platform_release == '5.0.3'", True),
    ],
)
def test_markers_are_evaluated_for_target(tmp_path: Path, marker: str, holds: bool) -> None:
    assert (
        bool(packages.requirements(wheel_requiring(tmp_path, [f"tool; {marker}"]), lock())) is holds
    )


def test_markers_accept_unreleased_python(tmp_path: Path) -> None:
    needing = wheel_requiring(tmp_path, ["tool; python_version >= '3.15'"])
    assert packages.requirements(needing, lock(python="3.15.0rc1"))


def test_published_package_takes_precedence_over_pyodide() -> None:
    own = lock(entry("tool", "1.0"), entry("base", "3.0"))
    site = lock(
        entry("tool", "2.0", folder="wheels/abc/"), entry("other", "1.0"), entry("base", "3.0")
    )
    result = found(["tool>=2", "other", "base"], packages.site_source(site, Root(Path()), own))
    assert [(one.source, one.version) for one in result.dependencies] == [
        ("site", "2.0"),
        ("pypi", "1.0"),
        ("pyodide", "3.0"),
    ]


def test_transitive_requirements_are_found() -> None:
    hub = entry("hub", "1.0", depends=["yaml", "tool>=2"])
    result = found(["hub"], pyodide(entry("tool", "1.0")), index(hub))
    assert [(one.name, one.source, one.needed_by) for one in result.dependencies] == [
        ("hub", "pypi", None),
        ("yaml", "missing", "hub"),
        ("tool", "missing", "hub"),
    ]
    assert result.reasons["tool"] == "hub requires tool>=2, but 1.0 was found."


def test_circular_requirements_are_found_once() -> None:
    a, b = entry("a", "1", depends=["b"]), entry("b", "1", depends=["a"])
    assert [one.name for one in found(["a"], index(a, b)).dependencies] == ["a", "b"]


def test_built_package_takes_precedence_over_all(tmp_path: Path) -> None:
    built = packages.wheel_source([wheel_requiring(tmp_path, ["tool"])], lock())
    sources = (built, pyodide(entry("handmade", "0.1"), entry("tool", "1.0")))
    result = found(["handmade"], *sources)
    assert [(one.name, one.source) for one in result.dependencies] == [
        ("handmade", "built"),
        ("tool", "pyodide"),
    ]


def test_lock_entry_with_only_address_has_no_file() -> None:
    (one,) = found(["tool"], pyodide(entry("tool", "1.0"))).without_file
    assert (one.name, one.source) == ("tool", "pyodide")


@pytest.mark.parametrize(
    ("module", "requirement"),
    [("no_such.thing", "No.Such"), ("_cffi_backend", "cffi"), ("cffix", None), ("other", None)],
)
def test_missing_module_leads_to_its_requirement(module: str, requirement: str | None) -> None:
    text = f"ModuleNotFoundError: No module named '{module}'"
    assert pyodide_loader.missing_requirement(text, ["No.Such", "cffi"]) == requirement
