"""The targets of wheels, an ABI of Pyodide each (PEP 783), read from targets.toml."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

import msgspec
from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag

from ..api.errors import CheckError, SiteError, UsageError
from ..wheel import Wheel

#: More releases than a minor version of Python ever has.
MAX_MICRO = 30

#: The name of all targets together.
ALL = "all"

#: The ABIs of wheels for several versions of Python (PEP 384, PEP 803).
STABLE_ABIS = ("abi3", "abi3t")

#: Rust's target triple, the same for every ABI.
TRIPLE = "wasm32-unknown-emscripten"


class JupyterLite(Struct, frozen=True, kw_only=True):
    """The releases of JupyterLite's packages on PyPI for a target."""

    core: str
    kernel: str


class Headers(Struct, frozen=True, kw_only=True):
    """The sources of a target's Python headers: a cross-build environment and a Debian suite."""

    url: str
    sha256: str
    debian: str | None = None


class Flags(Struct, frozen=True, kw_only=True):
    """The flags of each tool for a target's exception model and its features of WebAssembly."""

    rustc: tuple[str, ...]
    emcc: tuple[str, ...]
    wasm_ld: tuple[str, ...]
    wasm_opt: tuple[str, ...]


class Target(Struct, frozen=True, kw_only=True):
    """An ABI that wheels are built for, and its releases; `rust` and `pyo3` are the oldest."""

    abi: str
    pyodide: str
    integrity: str
    python: str
    emscripten: str
    rust: str
    pyo3: str
    flags: Flags
    headers: Headers
    jupyterlite: JupyterLite | None = None

    @property
    def platform_tag(self) -> str:
        """Return the platform of a wheel's tag (PEP 783)."""
        return f"pyemscripten_{self.abi}_wasm32"

    @property
    def python_tag(self) -> str:
        """Return the interpreter of a wheel's tag, such as `cp314`."""
        return "cp" + self.python.replace(".", "")

    @property
    def python_version(self) -> tuple[int, int]:
        """Return the Python's major and minor version."""
        major, minor = self.python.split(".")
        return int(major), int(minor)

    def is_python_of(self, tag: Tag) -> bool:
        """Return whether this Python supports a tag, apart from the platform."""
        if tag.abi == "none":
            return tag.interpreter in (self.python_tag, "py3", f"py{self.python_tag[2:]}")
        if tag.abi in STABLE_ABIS:
            version = tag.interpreter.removeprefix("cp3")
            return version.isdecimal() and int(version) <= self.python_version[1]
        return tag.interpreter == tag.abi == self.python_tag

    def is_python_in(self, requires_python: str) -> bool:
        """Return whether a `requires-python` allows a release of this Python, or is invalid."""
        try:
            allowed = SpecifierSet(requires_python)
        except InvalidSpecifier:
            return True
        return any(f"{self.python}.{micro}" in allowed for micro in range(MAX_MICRO))


@functools.cache
def _table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("targets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def all_targets() -> tuple[Target, ...]:
    """Return every target, oldest ABI first."""
    rows = _table()["target"].items()
    complete = ({"abi": abi} | row | {"flags": flags(row["flags"])} for abi, row in rows)
    return tuple(msgspec.convert(each, Target) for each in complete)


def flags(name: str) -> Flags:
    """Return the flags with a name."""
    return msgspec.convert(_table()["flags"][name], Flags)


def default_abi() -> str:
    """Return the default ABI."""
    return str(_table()["default"])


def find(abi: str) -> Target:
    """Return the target of an ABI such as `2026_0`."""
    for target in all_targets():
        if target.abi == abi:
            return target
    known = ", ".join(target.abi for target in all_targets())
    raise UsageError(
        f"Unknown target {abi!r}.",
        "The name of a target is its ABI, the number in a wheel's platform tag (PEP 783).",
        f"Use one of {known}; `jupyter wasmwheel targets` lists them.",
        code="target.unknown",
    )


def find_all(abis: str | None) -> tuple[Target, ...]:
    """Return the targets of ABIs separated by commas; `all` for every one, None for the default."""
    if abis == ALL:
        return all_targets()
    names = abis.split(",") if abis else [default_abi()]
    return tuple(find(name.strip()) for name in dict.fromkeys(names))


def series(release: str) -> str:
    """Return the series of a release (`0.8` of `0.8.6`), which serves one target."""
    return ".".join(release.split(".")[:2])


def of_kernel(release: str) -> Target:
    """Return the target that a release of jupyterlite-pyodide-kernel serves."""
    known = {each.jupyterlite.kernel: each for each in all_targets() if each.jupyterlite}
    for kernel, target in known.items():
        if series(kernel) == series(release):
            return target
    raise SiteError(
        f"jupyterlite-pyodide-kernel {release} is not supported.",
        f"The supported series are those of {', '.join(known)}.",
        f"Install one of them: `pip install jupyterlite-pyodide-kernel=={[*known][-1]}`.",
        code="site.kernel-not-supported",
    )


def of_wheel(wheel: Wheel) -> Target:
    """Return the target of a wheel's tag, or the default for a pure wheel."""
    if wheel.is_pure:
        return find(default_abi())
    for target in all_targets():
        if target.platform_tag in wheel.platform_tags:
            return target
    raise CheckError(
        f"{wheel.path.name} is not for Pyodide.",
        f"Its platform is {', '.join(wheel.platform_tags)}; Pyodide's are "
        f"{', '.join(target.platform_tag for target in all_targets())}.",
        "Build a wheel for one of them with `jupyter wasmwheel build`.",
        code="wheel.not-for-pyodide",
    )
