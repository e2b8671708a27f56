"""The packages that a runtime can use, fetched as wheels from the user's package index.

Pyodide's own files of what its lock names are on a CDN. The index has the same names and versions
with other bytes, so whoever takes a file from here writes its name and its sha256 into his lock.

Where a requirement can be met is asked source by source: what was just built, what a site has, what
there is else. A source is a function, so that who resolves requirements looks nothing up himself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..api.errors import Retry, SourceError
from ..api.events import note
from ..safe_paths import Root
from ..store import Store
from ..wheel import Wheel, read
from .context import RunContext
from .lock import Entry, Lock, entry_for

#: Where a package comes from, in the words of a report.
Source = Literal["pyodide", "pypi", "pypi-wasm", "site", "built"]

#: The folder beside a site's lock where what is published to it goes.
PUBLISHED = "wheels/"

#: How the places of files begin that are addresses, as those of Pyodide's CDN.
URLS = ("https://", "http://")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A package that can be had: its entry for a lock, and what it requires in turn.

    `path` is its wheel, None where it is only an address, such as one of Pyodide's CDN.
    """

    entry: Entry
    source: Source
    path: Path | None
    needs: tuple[Requirement, ...]


#: What answers a requirement: None where it does not know the package, and a SourceError where it
#: looked for it and there is none.
PackageSource = Callable[[Requirement], Candidate | None]


def of_wheels(wheels: Sequence[Wheel], of: Lock, source: Source = "built") -> PackageSource:
    """Return the source of some wheels, which are for the runtime of a lock."""
    known = {wheel.canonical_name: wheel for wheel in wheels}

    def find(requirement: Requirement) -> Candidate | None:
        wheel = known.get(canonicalize_name(requirement.name))
        return _candidate(wheel, of, requirement, source) if wheel else None

    return find


def of_site(lock: Lock, root: Root, original: Lock) -> PackageSource:
    """Return the source of a site: what its lock names, with the files beneath that lock's folder.

    A SiteError where the way to a file is a link.
    """

    def find(requirement: Requirement) -> Candidate | None:
        entry = lock.get(requirement.name)
        if entry is None:
            return None
        here = not entry.file_name.startswith(URLS) and root.is_file(entry.file_name)
        return Candidate(
            entry=entry,
            source=_source(entry, original),
            path=root.path(entry.file_name) if here else None,
            needs=_depends(entry),
        )

    return find


def _source(entry: Entry, original: Lock) -> Source:
    """Whose an entry of a site is: published there, Pyodide's own, or brought from the index."""
    if entry.file_name.startswith(PUBLISHED):
        return "site"
    if original.get(entry.name):
        return "pyodide"
    return "pypi" if entry.file_name.endswith("-none-any.whl") else "pypi-wasm"


def of_index(original: Lock, context: RunContext, *, cdn: bool = False) -> PackageSource:
    """Return the source of all that can be fetched from the user's index for the runtime of a lock.

    What that lock names is taken in its version where the index has that, else in the newest one.
    With `cdn` what the index has not at all is a candidate without a file: Pyodide's CDN has it.
    """

    def find(requirement: Requirement) -> Candidate | None:
        known = original.get(requirement.name)
        if known and not requirement.specifier.contains(known.version, prereleases=True):
            known = None
        try:
            return _fetched(requirement, known, original, context)
        except SourceError:
            if known is None or not cdn:
                raise
            return Candidate(entry=known, source="pyodide", path=None, needs=_depends(known))

    return find


def _fetched(
    requirement: Requirement,
    known: Entry | None,
    original: Lock,
    context: RunContext,
) -> Candidate:
    """Return a candidate with its file, in the version that Pyodide has where it has one."""
    if known:
        try:
            path = fetch(known, original, context)
        except SourceError:
            if known.package_type != "package":
                raise
        else:
            entry = _with_own_depends(known, read(path), original)
            return Candidate(entry=entry, source="pyodide", path=path, needs=_depends(entry))
    wheel = read(newest(requirement, original, context))
    return _candidate(wheel, original, requirement, "pypi" if wheel.is_pure else "pypi-wasm")


def _candidate(wheel: Wheel, of: Lock, requirement: Requirement, source: Source) -> Candidate:
    needs = tuple(requirements(wheel, of, requirement.extras))
    path = wheel.path.resolve()
    entry = entry_for(wheel, path.as_posix(), (need.name for need in needs))
    return Candidate(entry=entry, source=source, path=path, needs=needs)


def _with_own_depends(entry: Entry, wheel: Wheel, original: Lock) -> Entry:
    """Pyodide's entry for the index's file, which may need what Pyodide's own was patched out of.

    Such is httpx, which imports httpcore but where Pyodide has patched it. What Pyodide has not at
    all is left to it.
    """
    own = [
        canonicalize_name(need.name)
        for need in requirements(wheel, original)
        if original.get(need.name)
    ]
    return replace(entry, depends=tuple(dict.fromkeys((*entry.depends, *own))))


def _depends(entry: Entry) -> tuple[Requirement, ...]:
    return tuple(Requirement(canonicalize_name(name)) for name in entry.depends)


def fetch(entry: Entry, of: Lock, context: RunContext) -> Path:
    """The wheel that the user's index has for an entry of a lock: same name, same version.

    It is kept in the store. A SourceError where the index has none for the lock's ABI, as for the
    libraries and the parts of the standard library that only Pyodide itself ships.
    """
    title = f"{entry.name} {entry.version}"
    if entry.package_type != "package":
        raise _pyodide_only(title, f"It is a {entry.package_type.replace('_', ' ')}, not a package")
    try:
        requirement = Requirement(f"{canonicalize_name(entry.name)}=={entry.version}")
    except InvalidRequirement as error:
        raise _pyodide_only(title, f"{error} (in the lock)") from error
    try:
        return newest(requirement, of, context)
    except SourceError as error:
        raise _pyodide_only(title, f"{error.what} {error.why}") from error


def newest(requirement: Requirement, of: Lock, context: RunContext) -> Path:
    """The newest wheel on the user's index that a requirement allows and a lock's runtime can load.

    That is a pure one, or one with the ABI's platform tag (PEP 783). It is kept in the store, and
    nothing is asked where one version is required (`==`) that is there already. Offline it is the
    newest of those that are kept.
    """
    (exact,) = requirement.specifier if len(requirement.specifier) == 1 else (None,)
    if exact and exact.operator == "==":
        kept = context.store.find(_key(of, requirement.name, exact.version))
        if kept:
            return _wheel_in(kept)
    try:
        platform = f"pyemscripten_{of.abi}_wasm32"
        found = context.index.find_wheel(requirement, python_version(of), platform)
    except SourceError:
        kept = _newest_kept(requirement, of, context.store) if context.offline else None
        if not kept:
            raise
        return _wheel_in(kept)

    def fill(folder: Path) -> None:
        note(context.emit, f"Fetching {found.link.filename} from the package index.")
        context.index.fetch(found, folder)

    key = _key(of, requirement.name, found.version or "unknown")
    return _wheel_in(context.store.install(key, fill, context.emit))


def python_version(lock: Lock) -> tuple[int, int]:
    """The major and minor version of the Python that a lock belongs to."""
    major, minor = lock.python.split(".")[:2]
    return int(major), int(minor)


def marker_environment(lock: Lock) -> dict[str, str]:
    """What environment markers (PEP 508) are evaluated with in the runtime of a lock."""
    platform = str(lock.head["info"].get("platform", ""))
    return {
        "implementation_name": "cpython",
        "implementation_version": lock.python,
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": platform.removeprefix("emscripten_").replace("_", "."),
        "platform_system": "Emscripten",
        "platform_version": "#1",
        "python_full_version": lock.python,
        "python_version": "{}.{}".format(*python_version(lock)),
        "sys_platform": "emscripten",
    }


def requirements(wheel: Wheel, of: Lock, extras: Iterable[str] = ()) -> list[Requirement]:
    """What a wheel requires in the runtime of a lock, with the extras that were asked for."""
    return applicable(wheel.requires, of, extras)


def applicable(
    requirements: Iterable[Requirement], of: Lock, extras: Iterable[str] = ()
) -> list[Requirement]:
    """Those of some requirements whose markers hold in the runtime of a lock."""
    environment = marker_environment(of)
    contexts = [environment | {"extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or any(map(requirement.marker.evaluate, contexts))
    ]


def _key(lock: Lock, name: str, version: str) -> str:
    return f"packages/{lock.abi}/{canonicalize_name(name)}-{version}"


def _newest_kept(requirement: Requirement, of: Lock, store: Store) -> Path | None:
    """The folder of the newest wheel in the store that a requirement allows."""
    stem = _key(of, requirement.name, "")
    folders = [path for root in (*store.read_only, store.home) for path in root.glob(f"{stem}*")]
    named = [(path.name[len(Path(stem).name) :], path) for path in folders]
    fitting = [
        (Version(version), path)
        for version, path in named
        if version[:1].isdigit() and requirement.specifier.contains(version)
    ]
    return max(fitting)[1] if fitting else None


def _wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pyodide_only(title: str, why: str) -> SourceError:
    return SourceError(
        f"Could not fetch {title}, which is a package of Pyodide, as a wheel.",
        why if why.endswith(".") else f"{why}.",
        "Check the network and `pip config list`. What only Pyodide's CDN has can be used in a "
        "site made with `jupyter wasmwheel site create --cdn`.",
        code="pyodide.package-not-available",
        remedies=[Retry()],
    )
