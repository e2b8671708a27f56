"""The plan of an import check: which modules of a wheel are imported, and which must be.

Each extension module must import, and so must the top-level modules that contain one or have the
project's name; if there are none, all top-level modules must. A failure of another is a remark.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from ..wheel import MAGIC, Wheel
from . import side_module
from .side_module import DamagedModuleError


class ImportStep(Struct, frozen=True, kw_only=True):
    """A module to import; an extension module and a library also have a member of the wheel."""

    kind: Literal["required", "extension", "library", "optional"]
    name: str
    member: str | None = None

    def as_optional(self) -> ImportStep:
        """Return the step for a package of which only the extension modules must be imported."""
        return replace(self, kind="optional") if self.kind == "required" else self


def plan(wheel: Wheel) -> tuple[ImportStep, ...]:
    """Return the steps of the import check of a wheel, in their order."""
    compiled = _compiled(wheel)
    inside = {step.name for step in compiled}
    names = [name for name in wheel.own_imports if _is_public(name) or name in inside]
    required = [name for name in names if _is_main(name, wheel, inside)] or names
    return (
        *(ImportStep(kind="required", name=name) for name in required),
        *compiled,
        *(ImportStep(kind="optional", name=name) for name in names if name not in required),
    )


def skipped(wheel: Wheel) -> tuple[str, ...]:
    """Return the top-level modules that are not imported, because they are for development."""
    return tuple(name for name in wheel.imports if name not in wheel.own_imports)


def _compiled(wheel: Wheel) -> list[ImportStep]:
    """Return the steps for the extension modules and libraries of a wheel."""
    steps = []
    names = {each.member: each.name for each in wheel.extension_modules}
    for member, data in wheel.read_all(names):
        if data.startswith(MAGIC):
            steps.append(ImportStep(kind=_kind(data), name=names[member], member=member))
    return steps


def _kind(data: bytes) -> Literal["extension", "library"]:
    try:
        return "extension" if side_module.parse(data).is_python_module else "library"
    except DamagedModuleError:
        return "extension"  # its import says more


def _is_public(name: str) -> bool:
    return not name.rpartition(".")[2].startswith("_")


def _is_main(name: str, wheel: Wheel, compiled: Iterable[str]) -> bool:
    return canonicalize_name(name) == wheel.canonical_name or any(
        f"{each}.".startswith(f"{name}.") for each in compiled
    )
