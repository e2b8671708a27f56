"""The compiler flags of a project: cargo's configuration and the user's variables.

Cargo uses the flags of one source only. Ours would hide the project's, which can declare a `cfg`
that its code requires; and the project's can be for another machine, or for an Emscripten of years
ago. So the flags that suit the target are joined to ours, and the others are ignored with a note.
"""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import tomli
from msgspec import Struct

from ..runtime.targets import TRIPLE
from . import cargo_files
from .cargo_files import ConfigFile, table_of
from .rust import Rust

#: The variable with flags that cargo prefers to all others; they can contain spaces.
ENCODED, SEPARATOR = "CARGO_ENCODED_RUSTFLAGS", "\x1f"

#: The other variables with flags: for all targets, for this one, and for all others.
_PLAIN = "RUSTFLAGS"
_OF_TARGET = f"CARGO_TARGET_{TRIPLE.upper().replace('-', '_')}_RUSTFLAGS"
_OF_BUILD = "CARGO_BUILD_RUSTFLAGS"

#: The tables that change what is compiled.
_INFLUENCING = ("env", "patch", "paths", "profile")

#: Why flags are ignored.
SET_FOR_PYODIDE = "the build sets this for Pyodide"
FOR_OTHER_MACHINE = "this applies to another machine or linker"
REQUIRES_NIGHTLY = "this requires a nightly Rust"
OTHER_SOURCE = "cargo uses flags of one source only"

#: The longest `cfg(…)` that is evaluated, which limits how deep it is nested.
MAX_CFG_LENGTH = 1_000

#: Options of rustc whose value can be the next word.
_WITH_VALUE = (
    *("-A", "-C", "-D", "-F", "-L", "-W", "-Z", "-l", "--allow", "--cap-lints", "--cfg"),
    *("--check-cfg", "--codegen", "--deny", "--emit", "--extern", "--forbid", "--force-warn"),
    *("--print", "--remap-path-prefix", "--sysroot", "--target", "--warn"),
)

#: Codegen options that the build sets, and those that describe another machine.
_SET = ("linker", "linker-flavor", "link-self-contained", "relocation-model", "code-model")
_OTHER_MACHINE = (
    *("control-flow-guard", "dlltool", "instrument-coverage", "link-dead-code", "prefer-dynamic"),
    *("profile-generate", "profile-use", "rpath", "split-debuginfo"),
)

#: The CPUs of WebAssembly, and the beginnings of its features.
_CPUS = ("bleeding-edge", "generic", "lime1", "mvp")
_FEATURES = (
    *("atomics", "bulk-memory", "exception-handling", "extended-const", "gc", "multivalue"),
    *("mutable-globals", "nontrapping-fptoint", "reference-types", "relaxed-simd", "sign-ext"),
    *("simd128", "tail-call", "wide-arithmetic"),
)

#: Unstable options of old instructions for Pyodide, which a stable Rust no longer needs.
_OLD = ("emscripten-wasm-eh", "link-native-libraries", "wasm-c-abi")

#: emcc's settings and flags, among the arguments for the linker.
_EMCC = re.compile(r"-s|-O|-g|-f|-m|-pthread|(-Wl,)?--no-entry")


class Ignored(Struct, frozen=True, kw_only=True):
    """A setting that the build does not use, and the file or the variable that has it."""

    setting: str
    origin: Path | str
    reason: str


class Rustflags(Struct, frozen=True, kw_only=True):
    """The compiler flags that are joined to ours, and the settings that are not used."""

    used: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()

    def notes(self, locate: Callable[[str], str]) -> Iterator[str]:
        """Yield a sentence for the ignored settings of each file; `locate` finds the user's own."""

        def key(each: Ignored) -> tuple[str, str]:
            return str(each.origin), each.reason

        for (origin, reason), group in groupby(sorted(self.ignored, key=key), key):
            settings = list(group)
            names = ", ".join(dict.fromkeys(f"`{each.setting}`" for each in settings))
            place = locate(origin) if isinstance(settings[0].origin, Path) else origin
            yield f"Ignoring {names} of {place}: {reason}."


def read(
    folder: Path, rust: Rust, environ: Mapping[str, str], arguments: Sequence[str] = ()
) -> Rustflags:
    """Return the flags for the target that cargo would use in a folder, without ours."""
    files = [*cargo_files.find(folder, environ), *_given(arguments)]
    unstable = rust.channel == "nightly" or bool(environ.get("RUSTC_BOOTSTRAP"))
    used: list[str] = []
    ignored = list(_settings(files, unstable))
    for for_target, flags in _sources(files, rust, environ):
        here: list[str] = []
        for origin, words in flags:
            for flag in _grouped(words):
                reason = _reason(flag, for_target=for_target, unstable=unstable)
                reason = reason or (OTHER_SOURCE if used else "")
                if reason:
                    ignored.append(Ignored(setting=" ".join(flag), origin=origin, reason=reason))
                else:
                    here += flag
        used = used or here
    return Rustflags(used=tuple(used), ignored=tuple(ignored))


def influencing(folder: Path, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the tables other than flags that change what cargo compiles in a folder."""
    tables = [file.table for file in cargo_files.find(folder, environ)]
    found = [{name: each[name] for name in _INFLUENCING if name in each} for each in tables]
    return [each for each in found if each]


def folders_of_user(copy: Path, folder: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the folders with crates that cargo's configuration outside a private copy names."""
    found: list[Path] = []
    for file in cargo_files.find(folder, environ):
        origin = Path(file.origin)
        if file.is_in(copy):
            continue
        tables = [
            each for each in table_of(file.table, "source").values() if isinstance(each, dict)
        ]
        named = [each.get(name) for each in tables for name in ("directory", "local-registry")]
        named += file.table.get("paths", [])
        found += [origin.parent.parent / str(name) for name in named if name]
    return found


def _given(arguments: Sequence[str]) -> Iterator[ConfigFile]:
    """Yield the configuration in cargo's options, `--config KEY=VALUE` or `--config FILE`."""
    option = "--config"
    given = [word.removeprefix(f"{option}=") for word in arguments if word.startswith(f"{option}=")]
    for text in [*given, *(after for word, after in pairwise(arguments) if word == option)]:
        try:
            yield ConfigFile(origin=option, table=tomli.loads(text))
        except tomli.TOMLDecodeError:
            yield ConfigFile(origin=Path(text), table=cargo_files.load(Path(text))[0])


def _sources(
    files: Sequence[ConfigFile], rust: Rust, environ: Mapping[str, str]
) -> Iterator[tuple[bool, list[tuple[Path | str, list[str]]]]]:
    """Yield the sources of flags, the one that cargo prefers first, and whether it is a target's.

    Each is a list of the words of a file or a variable.
    """
    yield False, [(ENCODED, environ.get(ENCODED, "").split(SEPARATOR))]
    yield False, [(_PLAIN, environ.get(_PLAIN, "").split())]
    tables = [(file.origin, table) for file in files for table in _tables(file.table, rust)]
    of_target = [(origin, _words(table.get("rustflags"))) for origin, table in tables]
    yield True, [*of_target, (_OF_TARGET, environ.get(_OF_TARGET, "").split())]
    builds = [(file.origin, table_of(file.table, "build")) for file in files]
    of_build = [(origin, _words(table.get("rustflags"))) for origin, table in builds]
    yield False, [*of_build, (_OF_BUILD, environ.get(_OF_BUILD, "").split())]


def _words(flags: object) -> list[str]:
    """Return flags that a file declares as a list, or as a text with spaces."""
    return list(map(str, flags)) if isinstance(flags, list) else str(flags or "").split()


def _tables(table: Mapping[str, Any], rust: Rust) -> Iterator[Mapping[str, Any]]:
    """Yield the tables for the target: by its name, then by a `cfg` that holds for it."""
    targets = table_of(table, "target")
    yield table_of(targets, TRIPLE)
    for name in targets:
        is_cfg = name.startswith("cfg(") and len(name) <= MAX_CFG_LENGTH
        if is_cfg and "rustflags" in table_of(targets, name):
            words = re.findall(r'"[^"]*"|[\w-]+|[(),=]', name[len("cfg(") : -1])
            if _holds(words, _known(rust.rustc)):
                yield table_of(targets, name)


@functools.cache
def _known(rustc: Path) -> frozenset[str]:
    """Return what rustc declares for the target, as in `cfg(target_os="emscripten")`."""
    command = [str(rustc), "--print=cfg", f"--target={TRIPLE}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return frozenset(done.stdout.splitlines())


def _holds(words: list[str], known: frozenset[str]) -> bool:
    """Take a predicate from the words of a `cfg`, and return whether it holds."""
    if not words:
        return False  # cargo reports it
    word = words.pop(0)
    if words[:1] == ["("]:
        del words[0]
        inner = []
        while words and words[0] != ")":
            inner.append(_holds(words, known))
            if words[:1] == [","]:
                del words[0]
        del words[:1]
        return {"all": all(inner), "any": any(inner), "not": not any(inner)}.get(word, False)
    if words[:1] == ["="]:
        word = "".join((word, *words[:2]))
        del words[:2]
    return word == "true" or word in known


def _settings(files: Iterable[ConfigFile], unstable: bool) -> Iterator[Ignored]:
    """Yield the settings other than flags that the build overrides."""
    for file in files:
        if "linker" in table_of(table_of(file.table, "target"), TRIPLE):
            yield Ignored(setting="linker", origin=file.origin, reason=SET_FOR_PYODIDE)
        if table_of(file.table, "build").get("target", TRIPLE) not in (TRIPLE, [TRIPLE]):
            yield Ignored(setting="build.target", origin=file.origin, reason=SET_FOR_PYODIDE)
        if table_of(file.table, "unstable") and not unstable:
            yield Ignored(setting="[unstable]", origin=file.origin, reason=REQUIRES_NIGHTLY)


def _grouped(words: Iterable[str]) -> Iterator[list[str]]:
    """Yield each flag with its value, which can be a word of its own."""
    rest = iter(filter(None, words))
    for word in rest:
        value = next(rest, None) if word in _WITH_VALUE else None
        yield [word] if value is None else [word, value]


def _reason(flag: Sequence[str], *, for_target: bool, unstable: bool) -> str:
    """Return why a flag is ignored, or an empty text."""
    text = "=".join(flag) if flag[0].startswith("--") else "".join(flag)
    option, _, value = text.removeprefix("--codegen=").removeprefix("-C").partition("=")
    if text.startswith(("--sysroot", "--target")):
        return SET_FOR_PYODIDE
    if text.startswith("-Z"):
        if any(name in text for name in _OLD):
            return SET_FOR_PYODIDE
        return "" if unstable else REQUIRES_NIGHTLY
    if not text.startswith(("-C", "--codegen")):
        return FOR_OTHER_MACHINE if text.startswith(("-L", "-l")) and not for_target else ""
    if option in _SET:
        return SET_FOR_PYODIDE
    if option in ("link-arg", "link-args", "pre-link-arg", "pre-link-args"):
        if not for_target:
            return FOR_OTHER_MACHINE
        return SET_FOR_PYODIDE if _EMCC.match(value) else ""
    is_other = (
        option in _OTHER_MACHINE
        or (option == "target-cpu" and value not in _CPUS)
        or (option == "target-feature" and not _are_of_webassembly(value))
    )
    return FOR_OTHER_MACHINE if is_other else ""


def _are_of_webassembly(features: str) -> bool:
    return all(name.lstrip("+-").startswith(_FEATURES) for name in features.split(",") if name)
