"""The targets that wheels are built for: an ABI of Pyodide's a row (PEP 783), read from data."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources

from ..api.errors import CheckError, SiteError, UsageError
from ..wheel import Wheel

#: Rust's target triple, the same for every ABI.
TRIPLE = "wasm32-unknown-emscripten"


@dataclass(frozen=True, kw_only=True)
class JupyterLite:
    """The releases on PyPI of the front end that serves a target in a site."""

    core: str
    kernel: str


@dataclass(frozen=True, kw_only=True)
class Headers:
    """Where a target's Python headers are: a cross-build environment, and a suite of Debian's."""

    url: str
    sha256: str
    debian: str | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """An ABI that wheels are built for, and the releases that go with it."""

    abi: str
    pyodide: str
    integrity: str
    python: str
    emscripten: str
    rust: str
    headers: Headers
    jupyterlite: JupyterLite | None

    @property
    def platform_tag(self) -> str:
        """The last part of a wheel's tag, as PEP 783 spells it."""
        return f"pyemscripten_{self.abi}_wasm32"

    @property
    def python_tag(self) -> str:
        """The interpreter's part of a wheel's tag, as `cp314`."""
        return "cp" + self.python.replace(".", "")

    @property
    def python_version(self) -> tuple[int, int]:
        """The Python's major and minor version."""
        major, minor = self.python.split(".")
        return int(major), int(minor)


@functools.cache
def _table() -> dict[str, object]:
    text = resources.files(__package__).joinpath("targets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def all_targets() -> tuple[Target, ...]:
    """Every target, oldest ABI first."""
    rows = _table()["target"]
    assert isinstance(rows, dict)
    return tuple(
        Target(
            abi=abi,
            **row
            | {
                "headers": Headers(**row["headers"]),
                "jupyterlite": JupyterLite(**row["jupyterlite"]) if "jupyterlite" in row else None,
            },
        )
        for abi, row in rows.items()
    )


def default_abi() -> str:
    """The ABI that is built for where nobody says otherwise."""
    return str(_table()["default"])


def find(abi: str) -> Target:
    """The target of an ABI such as `2026_0`; a UsageError names those there are."""
    for target in all_targets():
        if target.abi == abi:
            return target
    known = ", ".join(target.abi for target in all_targets())
    raise UsageError(
        f"Unknown target {abi!r}.",
        "A target is named by its ABI, the number in a wheel's platform tag (PEP 783).",
        f"Take one of {known}; `jupyter wasmwheel targets` lists them.",
        code="target.unknown",
    )


def series(release: str) -> str:
    """The series of a release, as `0.8` of `0.8.6`: all of one serve the same target."""
    return ".".join(release.split(".")[:2])


def of_kernel(release: str) -> Target:
    """The target that a release of jupyterlite-pyodide-kernel serves; else a SiteError."""
    served = [target for target in all_targets() if target.jupyterlite]
    for target in served:
        if target.jupyterlite and series(target.jupyterlite.kernel) == series(release):
            return target
    known = [target.jupyterlite.kernel for target in served if target.jupyterlite]
    raise SiteError(
        f"jupyterlite-pyodide-kernel {release} is not supported.",
        f"The series are those of {', '.join(known)}.",
        f"Install one of them: `pip install jupyterlite-pyodide-kernel=={known[-1]}`.",
        code="site.kernel-not-supported",
    )


def of_wheel(wheel: Wheel) -> Target:
    """The target that a wheel's tag names, the default for a pure one; else a CheckError."""
    if wheel.is_pure:
        return find(default_abi())
    for target in all_targets():
        if target.platform_tag in wheel.platform_tags:
            return target
    raise CheckError(
        f"{wheel.path.name} is not for Pyodide.",
        f"Its platform is {', '.join(wheel.platform_tags)}; Pyodide's are "
        f"{', '.join(target.platform_tag for target in all_targets())}.",
        "Build it for one of them with `jupyter wasmwheel build`.",
        code="wheel.not-for-pyodide",
    )
