"""Whether PyPI should get a wheel: what it refuses, and what its users would be harmed by.

PyPI takes wheels for Pyodide since PEP 783. It looks at a wheel's name, tag and metadata; that the
wheel works, and that its C was compiled by what Pyodide itself was compiled by, nobody sees there.
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import util

from packaging.version import Version

from .. import build_variables
from ..api.errors import CheckError, ToolchainError
from ..build import provenance
from ..runtime.engine import Engine
from ..runtime.targets import Target
from ..wheel import Wheel, record_row
from . import audit, side_module
from .finding import WheelFinding
from .side_module import DamagedModuleError, SideModule

#: The largest file that PyPI takes unless somebody asks for more, in bytes.
MAX_WHEEL_BYTES = 100 * 1024**2

#: Files that a RECORD does not list: itself, and its signatures.
_NOT_RECORDED = ("RECORD", "RECORD.jws", "RECORD.p7s")

#: How twine begins what it remarks, and what it refuses for.
_REMARK = re.compile(r"(WARNING|ERROR)\s+(.*)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def examine(wheel: Wheel, target: Target, engine: Engine) -> tuple[WheelFinding, ...]:
    """All that speaks for and against giving a wheel to PyPI; nothing of the wheel is run."""
    modules = _modules(wheel)
    return (
        _name(wheel),
        _tag(wheel, target),
        _metadata(wheel),
        _requirements(wheel),
        _record(wheel),
        _imports(wheel, target, engine),
        _compiler(wheel, modules, target),
        _runtime_paths(modules),
        _profile(wheel),
        _size(wheel),
    )


def _modules(wheel: Wheel) -> dict[str, SideModule]:
    """The modules of a wheel that can be read; the audit tells of the others."""
    modules = {}
    for extension in wheel.extension_modules:
        try:
            modules[extension.member] = side_module.parse(wheel.read(extension.member))
        except DamagedModuleError:
            continue
    return modules


def _name(wheel: Wheel) -> WheelFinding:
    version = Version(wheel.version)
    wanted = f"{wheel.canonical_name.replace('-', '_')}-{version}-"
    if not wheel.path.name.startswith(wanted):
        return WheelFinding(
            check="name",
            state="problem",
            text=f"Its file is {wheel.path.name}, and PyPI wants a name that begins {wanted}.",
            fix="Build it again with a newer build backend, which writes the name that way.",
        )
    if version.local:
        return WheelFinding(
            check="name",
            state="problem",
            text=f"PyPI takes no local version, as {version} is.",
            fix=f"Give it a public version, such as {version.public}.post1.",
        )
    return WheelFinding(check="name", state="ok", text=f"{wheel.name} {version}")


def _tag(wheel: Wheel, target: Target) -> WheelFinding:
    tags = ", ".join(wheel.platform_tags)
    if wheel.is_pure:
        return WheelFinding(check="tag", state="ok", text="It is for any platform.")
    if wheel.platform_tags != (target.platform_tag,):
        return WheelFinding(
            check="tag",
            state="problem",
            text=f"It is for {tags}; PyPI knows Pyodide as {target.platform_tag} (PEP 783).",
            fix="Build it again with `jupyter wasmwheel build`.",
        )
    if Version(target.pyodide).is_prerelease:
        return WheelFinding(
            check="tag",
            state="unknown",
            text=f"It is for {tags}, whose Pyodide is no release yet ({target.pyodide}).",
            fix="Wait for the release and build it again: what it links to may still change.",
        )
    return WheelFinding(check="tag", state="ok", text=f"{tags} (PEP 783)")


def _metadata(wheel: Wheel) -> WheelFinding:
    """What twine says of the metadata, which is what PyPI would."""
    if util.find_spec("twine") is None:
        raise ToolchainError(
            "twine is required to check the metadata.",
            "It knows what PyPI refuses, and comes with this package's extra `pypi`.",
            "Install it: `pip install 'jupyter-wasmwheel[pypi]'`.",
            code="publish.twine-missing",
        )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "twine", "--no-color", "check", str(wheel.path)],
        capture_output=True,
        text=True,
        env=build_variables.for_build(os.environ) | {"COLUMNS": "1000"},
    )
    lines = _COLOURS.sub("", done.stdout + done.stderr).splitlines()
    remarks = [
        found[2].strip() for line in lines for found in [_REMARK.match(line.strip())] if found
    ]
    said = " ".join(remarks)
    if done.returncode:
        return WheelFinding(
            check="metadata",
            state="problem",
            text=said or " ".join(lines[-3:]) or "twine refuses it.",
            fix="Correct it in pyproject.toml, and build it again.",
        )
    if remarks:
        return WheelFinding(
            check="metadata",
            state="unknown",
            text=f"Its page on PyPI would lack something: {said}",
            fix="Name a `readme` under `[project]` in pyproject.toml.",
        )
    return WheelFinding(check="metadata", state="ok", text="twine finds nothing to object to.")


def _requirements(wheel: Wheel) -> WheelFinding:
    direct = [str(each) for each in wheel.requires if each.url]
    if direct:
        return WheelFinding(
            check="requirements",
            state="problem",
            text=f"PyPI takes no requirement with an address: {', '.join(direct)}.",
            fix="Require a version of it instead.",
        )
    return WheelFinding(check="requirements", state="ok", text=f"{len(wheel.requires)} of packages")


def _record(wheel: Wheel) -> WheelFinding:
    """Whether the list of files that an installer goes by is that of the files."""
    try:
        wrong = list(_differences(wheel))
    except (KeyError, ValueError, csv.Error) as error:
        wrong = [f"it cannot be read ({error})"]
    if wrong:
        return WheelFinding(
            check="record",
            state="problem",
            text=f"Its RECORD is not that of its files: {', '.join(wrong[:5])}.",
            fix="Build it again. A tool that changes a wheel must also update its RECORD.",
        )
    return WheelFinding(check="record", state="ok", text=f"{len(wheel.members)} files")


def _differences(wheel: Wheel) -> Iterator[str]:
    text = wheel.read_text(f"{wheel.dist_info}/RECORD")
    recorded = {row[0]: row[1:] for row in csv.reader(io.StringIO(text)) if row}
    own = {f"{wheel.dist_info}/{name}" for name in _NOT_RECORDED}
    members = [member for member in wheel.members if member not in own]
    for member in {member for member in wheel.members if wheel.members.count(member) > 1}:
        yield f"{member} is there more than once"
    for member in members:
        if member not in recorded:
            yield f"{member} is not in it"
        elif recorded[member] != record_row(member, wheel.read(member))[1:]:
            yield f"{member} has another hash or size"
    for name in recorded.keys() - set(members) - own:
        yield f"{name} is not there"


def _imports(wheel: Wheel, target: Target, engine: Engine) -> WheelFinding:
    runtime = engine.runtime
    found = audit.audit(wheel, target, engine)
    try:
        audit.raise_if_failed(found, wheel, runtime)
    except CheckError as error:
        return WheelFinding(check="audit", state="problem", text=error.why, fix=error.fix)
    text = f"All that it imports is in Pyodide {runtime.version}."
    return WheelFinding(check="audit", state="ok", text=text)


def _compiler(wheel: Wheel, modules: dict[str, SideModule], target: Target) -> WheelFinding:
    """Which Emscripten compiled what is C in a wheel: by its build's note, and by its modules."""
    finding: Callable[..., WheelFinding] = lambda state, text, fix="": WheelFinding(  # noqa: E731
        check="compiler", state=state, text=text, fix=fix
    )
    wanted = target.emscripten
    install = (
        f"Install Emscripten {wanted} (`jupyter wasmwheel doctor --fix emscripten`) and build it "
        "again."
    )
    if not modules:
        return finding("ok", "Nothing in it is compiled.")
    made = provenance.read(wheel)
    if made and made.emscripten:
        who = " and ".join(made.compiled) or "it"
        if made.emscripten == wanted:
            return finding("ok", f"Emscripten {wanted}, Pyodide's own, compiled the C of {who}.")
        text = f"Emscripten {made.emscripten} compiled the C of {who}; Pyodide's own is {wanted}."
        return finding("problem", text, install)
    known = [module.compilers for module in modules.values()]
    clangs = sorted(
        {f"{name} {version}" for each in known for name, version in each or () if "clang" in name}
    )
    others = [each for each in clangs if not each.startswith("clang ")]
    if others:
        # Emscripten's own clang has no other name; a distribution puts its own before it.
        text = f"{' and '.join(others)} compiled C in it; that is not Emscripten {wanted}'s."
        return finding("problem", text, install)
    if made and clangs:
        text = f"{' and '.join(clangs)} compiled C in it, and its build did not see it."
        return finding("problem", text, f"Compile that library from its sources. {install}")
    if made or (not clangs and None not in known):
        return finding("ok", "Nothing in it was compiled from C.")
    return finding(
        "unknown",
        f"It does not say which Emscripten compiled its C; Pyodide's own is {wanted}.",
        "cibuildwheel and pyodide-build take the right one; of any other build make sure.",
    )


def _runtime_paths(modules: dict[str, SideModule]) -> WheelFinding:
    places = {path for module in modules.values() for path in module.runtime_paths}
    outside = sorted(path for path in places if not path.startswith("$ORIGIN"))
    if outside:
        return WheelFinding(
            check="paths",
            state="problem",
            text=f"Its modules look for libraries in folders of the build's: {', '.join(outside)}.",
            fix="Link without -rpath, or with one that begins with $ORIGIN, as for libraries that "
            "are in the wheel.",
        )
    return WheelFinding(check="paths", state="ok", text="It looks for libraries nowhere else.")


def _profile(wheel: Wheel) -> WheelFinding:
    made = provenance.read(wheel)
    if made and made.profile != "release":
        return WheelFinding(
            check="profile",
            state="problem",
            text="It is a draft: quick to build, larger and slower to run.",
            fix="Build it with `--profile release`.",
        )
    if made and made.wasm_opt is None:
        return WheelFinding(
            check="profile",
            state="unknown",
            text="No wasm-opt has optimised it, so it is larger than it could be.",
            fix="`jupyter wasmwheel doctor --fix` installs one; then build it again.",
        )
    return WheelFinding(check="profile", state="ok", text="It is no draft.")


def _size(wheel: Wheel) -> WheelFinding:
    if wheel.size > MAX_WHEEL_BYTES:
        return WheelFinding(
            check="size",
            state="problem",
            text=f"It has {wheel.size:,} bytes; PyPI takes {MAX_WHEEL_BYTES:,}.",
            fix="Leave data out of it, or ask PyPI for a higher limit of the project's.",
        )
    return WheelFinding(
        check="size", state="ok", text=f"{wheel.size:,} bytes of at most {MAX_WHEEL_BYTES:,}"
    )
