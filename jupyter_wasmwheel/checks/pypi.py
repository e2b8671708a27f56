"""Checks of a wheel before it is uploaded to PyPI: what PyPI rejects, and what would harm users.

PyPI accepts wheels for Pyodide since PEP 783. It checks a wheel's name, tag and metadata, but not
that the wheel works, nor that the right Emscripten compiled its C.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from packaging.version import Version

from ..api.errors import CheckError
from ..build import provenance
from ..runtime.engine import Engine
from ..runtime.targets import Target, all_targets
from ..wheel import Wheel, record_row
from . import audit, side_module, twine
from .finding import State, WheelFinding
from .side_module import DamagedModuleError, SideModule

#: PyPI's default limit of a file's size.
MAX_WHEEL_BYTES = 100 * 1024**2

#: Files that a RECORD does not list: itself, and its signatures.
_NOT_RECORDED = ("RECORD", "RECORD.jws", "RECORD.p7s")

#: The state, the text and the fix of a check.
_Outcome = tuple[State, str, str]


def examine(wheel: Wheel, target: Target, engine: Engine) -> tuple[WheelFinding, ...]:
    """Check a wheel for PyPI without running any of it."""
    modules = _modules(wheel)
    outcomes = {
        "name": _name(wheel),
        "tag": _tag(wheel, target),
        "metadata": _metadata(wheel),
        "requirements": _requirements(wheel),
        "record": _record(wheel),
        "audit": _audit(wheel, target, engine),
        "compiler": _compiler(wheel, modules, target),
        "paths": _runtime_paths(modules),
        "profile": _profile(wheel),
        "size": _size(wheel),
    }
    return tuple(
        WheelFinding(check=check, state=state, text=text, fix=fix)
        for check, (state, text, fix) in outcomes.items()
    )


def _ok(text: str) -> _Outcome:
    return "ok", text, ""


def _modules(wheel: Wheel) -> dict[str, SideModule]:
    """Return the readable modules of a wheel; the audit reports the others."""
    modules = {}
    for member, data in wheel.read_all(each.member for each in wheel.extension_modules):
        try:
            modules[member] = side_module.parse(data)
        except DamagedModuleError:
            continue
    return modules


def _name(wheel: Wheel) -> _Outcome:
    version = Version(wheel.version)
    start = f"{wheel.canonical_name.replace('-', '_')}-{version}-"
    if not wheel.path.name.startswith(start):
        text = f"The file name {wheel.path.name} must start with {start} for PyPI."
        return "problem", text, "Build it again with a newer build backend."
    if version.local:
        text = f"PyPI does not accept local versions such as {version}."
        return "problem", text, f"Use a public version, such as {version.public}.post1."
    return _ok(f"{wheel.name} {version}")


def _tag(wheel: Wheel, target: Target) -> _Outcome:
    tags = ", ".join(wheel.platform_tags)
    if wheel.is_pure:
        return _ok("It is for any platform.")
    known = {each.platform_tag: each for each in all_targets()}
    if target.platform_tag not in wheel.platform_tags or not {*wheel.platform_tags} <= {*known}:
        text = f"It is for {tags}; Pyodide's platform on PyPI is {target.platform_tag} (PEP 783)."
        return "problem", text, "Build it again with `jupyter wasmwheel build`."
    releases = [known[tag].pyodide for tag in wheel.platform_tags]
    if early := [each for each in releases if Version(each).is_prerelease]:
        text = f"It is for {tags}, whose Pyodide is a pre-release ({', '.join(early)})."
        return "unknown", text, "Wait for the release and build it again; its ABI can still change."
    return _ok(f"{tags} (PEP 783)")


def _metadata(wheel: Wheel) -> _Outcome:
    """Check the metadata by twine, as PyPI would."""
    accepted, messages = twine.check(wheel.path)
    if not accepted:
        text = messages or "twine rejects it."
        return "problem", text, "Correct it in pyproject.toml, and build it again."
    if messages:
        text = f"Its page on PyPI would be incomplete: {messages}"
        return "unknown", text, "Set `readme` under `[project]` in pyproject.toml."
    return _ok("twine finds no problem.")


def _requirements(wheel: Wheel) -> _Outcome:
    direct = [str(each) for each in wheel.requires if each.url]
    if direct:
        text = f"PyPI does not accept requirements with a URL: {', '.join(direct)}."
        return "problem", text, "Require a version instead."
    return _ok(f"{len(wheel.requires)} of packages")


def _record(wheel: Wheel) -> _Outcome:
    """Check that RECORD, which installers use, matches the files."""
    try:
        wrong = list(_differences(wheel))
    except (KeyError, ValueError, csv.Error) as error:
        wrong = [f"it cannot be read ({error})"]
    if wrong:
        text = f"Its RECORD does not match its files: {', '.join(wrong[:5])}."
        fix = "Build it again. A tool that changes a wheel must also update its RECORD."
        return "problem", text, fix
    return _ok(f"{len(wheel.members)} files")


def _differences(wheel: Wheel) -> Iterator[str]:
    text = wheel.read_text(f"{wheel.dist_info}/RECORD")
    recorded = {row[0]: row[1:] for row in csv.reader(io.StringIO(text)) if row}
    own = {f"{wheel.dist_info}/{name}" for name in _NOT_RECORDED}
    members = [member for member in wheel.members if member not in own]
    for member, data in wheel.read_all(members):
        if member not in recorded:
            yield f"{member} is not in it"
        elif recorded[member] != record_row(member, data)[1:]:
            yield f"{member} has another hash or size"
    for name in recorded.keys() - set(members) - own:
        yield f"{name} is missing"


def _audit(wheel: Wheel, target: Target, engine: Engine) -> _Outcome:
    try:
        audit.raise_if_failed(audit.audit(wheel, target, engine), wheel, engine.runtime)
    except CheckError as error:
        return "problem", error.why, error.fix
    return _ok(f"Pyodide {engine.runtime.version} provides all that it imports.")


def _compiler(wheel: Wheel, modules: dict[str, SideModule], target: Target) -> _Outcome:
    """Check which Emscripten compiled a wheel's C, by its provenance and its modules."""
    wanted = target.emscripten
    install = (
        f"Install Emscripten {wanted} (`jupyter wasmwheel doctor --fix emscripten`) and build it "
        "again."
    )
    if not modules:
        return _ok("It has no compiled modules.")
    made = provenance.read(wheel)
    if made and made.emscripten:
        names = " and ".join(made.compiled) or "it"
        if made.emscripten == wanted:
            return _ok(f"Emscripten {wanted}, Pyodide's own, compiled the C of {names}.")
        text = f"Emscripten {made.emscripten} compiled the C of {names}; Pyodide's own is {wanted}."
        return "problem", text, install
    known = [module.compilers for module in modules.values()]
    clangs = sorted(
        {f"{name} {version}" for each in known for name, version in each or () if "clang" in name}
    )
    # Emscripten's clang has no other name; a distribution puts its own before it.
    others = [each for each in clangs if not each.startswith("clang ")]
    if others:
        text = f"{' and '.join(others)} compiled C in it, not Emscripten {wanted}'s clang."
        return "problem", text, install
    if made and clangs:
        text = f"{' and '.join(clangs)} compiled C in it, but not in its build."
        return "problem", text, f"Compile that library from its sources. {install}"
    if made or (not clangs and None not in known):
        return _ok("It contains no compiled C.")
    text = f"The Emscripten that compiled its C is unknown; Pyodide's own is {wanted}."
    return "unknown", text, "Check it, unless cibuildwheel or pyodide-build built the wheel."


def _runtime_paths(modules: dict[str, SideModule]) -> _Outcome:
    paths = {path for module in modules.values() for path in module.runtime_paths}
    outside = sorted(path for path in paths if not path.startswith("$ORIGIN"))
    if outside:
        text = f"Its modules search for libraries in the build's folders: {', '.join(outside)}."
        fix = (
            "Link without -rpath, or with one that starts with $ORIGIN, for the wheel's libraries."
        )
        return "problem", text, fix
    return _ok("Its modules search for libraries only in the wheel.")


def _profile(wheel: Wheel) -> _Outcome:
    made = provenance.read(wheel)
    if made and made.profile == "draft":
        text = "It is a draft: quick to build, but larger and slower."
        return "problem", text, "Build it with `--profile release`."
    if made and made.wasm_opt is None:
        text = "It was not optimized by wasm-opt, so it is larger than necessary."
        return "unknown", text, "Run `jupyter wasmwheel doctor --fix` and build it again."
    return _ok("It is not a draft.")


def _size(wheel: Wheel) -> _Outcome:
    if wheel.size > MAX_WHEEL_BYTES:
        text = f"It has {wheel.size:,} bytes; PyPI accepts {MAX_WHEEL_BYTES:,}."
        return "problem", text, "Remove data from it, or ask PyPI to raise the project's limit."
    return _ok(f"{wheel.size:,} of at most {MAX_WHEEL_BYTES:,} bytes")
