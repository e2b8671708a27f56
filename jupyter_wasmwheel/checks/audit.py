"""The audit: check that a runtime provides every import of every module of a wheel.

Pyodide itself reports a missing symbol only when a module is loaded or a function is called, one at
a time ("Dynamic linking error: cannot resolve symbol").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from ..api.report import Audit
from ..errors import known_errors
from ..runtime.engine import Engine
from ..runtime.pyodide import Runtime
from ..runtime.snapshot import Snapshot
from ..runtime.targets import Target
from ..wheel import ExtensionModule, Wheel
from . import side_module
from .side_module import DamagedModuleError, SideModule

#: The first bytes of host binaries. A Windows one starts with MZ, as a text can, and has a
#: signature at the offset that the word at 0x3C contains.
HOST_MAGICS = {
    b"\x7fELF": "Linux",
    b"\xfe\xed\xfa\xce": "macOS",
    b"\xfe\xed\xfa\xcf": "macOS",
    b"\xce\xfa\xed\xfe": "macOS",
    b"\xcf\xfa\xed\xfe": "macOS",
}

#: The import modules that the runtime's exports and its offset table provide.
_PROVIDED_MODULES = ("env", "wasi_snapshot_preview1", "GOT.mem", "GOT.func")

#: The prefix of Emscripten's wrappers of functions for JavaScript exceptions.
_JS_EXCEPTIONS = "invoke_"

#: How many names an error contains; the report has all.
_MAX_NAMES = 12


def audit(wheel: Wheel, target: Target, engine: Engine) -> Audit:
    """Check a wheel against an exact runtime, without running any of it."""
    unexpected = list(_excluded_python(wheel, target))
    if wheel.is_pure and not wheel.extension_modules:
        return Audit(ok=not unexpected, missing=(), unexpected=tuple(unexpected))
    known = engine.snapshot
    hosts = _host_binaries(wheel)
    compiled = {each.member: each for each in wheel.extension_modules if each.member not in hosts}
    unexpected += _wrong_tags(wheel, target, [*compiled.values()])
    modules: dict[ExtensionModule, SideModule] = {}
    for member, data in wheel.read_all(compiled):
        try:
            modules[compiled[member]] = side_module.parse(data)
        except DamagedModuleError as error:
            unexpected.append(f"{member} is not a WebAssembly module: {error}.")
    remarks = []
    for member, system in hosts.items():
        text = f"{member} is a program or a library for {system}."
        if _replaces_module(member, wheel, modules, known.extension_suffixes):
            unexpected.append(text)
        else:
            remarks.append(f"{text} It cannot be used in a browser.")
    missing: set[str] = set()
    for extension, module in modules.items():
        lacking = _missing(module, modules, known)
        missing.update(lacking)
        if any(name.startswith(_JS_EXCEPTIONS) for name in lacking):
            unexpected.append(
                f"{extension.member} was compiled for JavaScript exceptions; Pyodide "
                f"{engine.runtime.version} supports only WebAssembly exceptions."
            )
        if not _is_library(extension, module, modules):
            unexpected.extend(_misplaced(extension, module, known))
    return Audit(
        ok=not missing and not unexpected,
        missing=tuple(sorted(missing)),
        unexpected=tuple(unexpected),
        remarks=tuple(remarks),
    )


def raise_if_failed(audit: Audit, wheel: Wheel, runtime: Runtime) -> None:
    """Raise a CheckError with all findings of an audit that failed."""
    if audit.ok:
        return
    reasons = list(audit.unexpected)
    if audit.missing:
        names = ", ".join(audit.missing[:_MAX_NAMES])
        more = len(audit.missing) - _MAX_NAMES
        rest = f" and {more} more" if more > 0 else ""
        reasons.append(f"The runtime does not provide these imports: {names}{rest}.")
    found = "\n".join((*audit.unexpected, *audit.missing))
    words = {"wheel": wheel.path.name, "pyodide": runtime.version, "target": runtime.abi}
    raise known_errors.match("audit", found, findings="\n       ".join(reasons), **words)[0]


def _excluded_python(wheel: Wheel, target: Target) -> Iterator[str]:
    if not target.is_python_in(wheel.requires_python):
        wanted = wheel.requires_python
        yield f"Its requires-python is {wanted}; this target's Python is {target.python}."


def _wrong_tags(wheel: Wheel, target: Target, compiled: Sequence[ExtensionModule]) -> Iterator[str]:
    if wheel.is_pure:
        if compiled:
            yield "Its tag says that it is for any platform, but it contains compiled modules."
    # The name of the same ABI before PEP 783 also counts.
    elif not {target.platform_tag, f"pyodide_{target.abi}_wasm32"} & set(wheel.platform_tags):
        yield f"It is for {', '.join(wheel.platform_tags)}; this target is {target.platform_tag}."
    elif not any(target.is_python_of(tag) for tag in wheel.tags):
        tags = ", ".join(sorted(f"{tag.interpreter}-{tag.abi}" for tag in wheel.tags))
        yield f"It is for {tags}; this target's Python is {target.python} ({target.python_tag})."


def _host_binaries(wheel: Wheel) -> dict[str, str]:
    """Return the members that are programs or libraries for another system, with that system."""
    with wheel.opened() as packed:
        found = {member: _host_system(packed.head(member)) for member in wheel.members}
    return {member: system for member, system in found.items() if system}


def _replaces_module(
    member: str, wheel: Wheel, modules: Iterable[ExtensionModule], suffixes: Sequence[str]
) -> bool:
    """Return whether a host binary is imported in place of a module, or is the only one of it.

    Others are data, or left behind by `maturin develop`.
    """
    own = next((each for each in wheel.extension_modules if each.member == member), None)
    if own is None:
        return False
    beside = [_suffix(each) for each in modules if each.name == own.name]
    first = next((suffix for suffix in suffixes if suffix in (_suffix(own), *beside)), None)
    return _suffix(own) == first if beside else _suffix(own) != ".so"


def _suffix(extension: ExtensionModule) -> str:
    return "." + PurePosixPath(extension.member).name.partition(".")[2]


def _host_system(head: bytes) -> str | None:
    if head[:2] == b"MZ":
        mark = int.from_bytes(head[0x3C:0x40], "little")
        return "Windows" if head[mark : mark + 4] == b"PE\0\0" else None
    return HOST_MAGICS.get(head[:4])


def _missing(
    module: SideModule, modules: Mapping[ExtensionModule, SideModule], known: Snapshot
) -> set[str]:
    """Return the symbols and libraries that a module requires and nothing provides."""
    beside = {PurePosixPath(extension.member).name: other for extension, other in modules.items()}
    missing = set()
    given = known.provided | module.exports
    waiting = list(module.needed)
    for needed in waiting:
        library = beside.get(PurePosixPath(needed).name)
        if library is None:
            missing.add(needed)
        else:
            given |= library.exports
            waiting.extend(name for name in library.needed if name not in waiting)
    for entry in module.imports:
        if entry.module not in _PROVIDED_MODULES:
            missing.add(f"{entry.module}.{entry.name}")
        elif entry.name not in given and entry.name not in module.weak:
            missing.add(entry.name)
    return missing


def _is_library(
    extension: ExtensionModule, module: SideModule, modules: Mapping[ExtensionModule, SideModule]
) -> bool:
    """Return whether a module is a library, which others link against or ctypes opens."""
    path = PurePosixPath(extension.member)
    if any(path.name == PurePosixPath(n).name for other in modules.values() for n in other.needed):
        return True
    return not module.is_python_module


def _misplaced(extension: ExtensionModule, module: SideModule, known: Snapshot) -> Iterator[str]:
    """Yield why Python would not find a module in the wheel, or would not initialize it."""
    if _suffix(extension) not in known.extension_suffixes:
        endings = ", ".join(known.extension_suffixes)
        yield f"{extension.member} is not found by this Python: its modules end in {endings}."
    wanted = extension.init_function
    # Since Python 3.15 a module can export its slots instead (PEP 793).
    if {wanted, wanted.replace("PyInit", "PyModExport", 1)} & module.exports:
        return
    found = sorted(name for name in module.exports if name.startswith("PyInit"))
    other = f"its init function is {' and '.join(found)}" if found else "it has no init function"
    yield f"The module is called {extension.name}, but {other}; {wanted} is required."
