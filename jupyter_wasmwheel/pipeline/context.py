"""The context that every step of the pipeline gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..api.events import Phases
from ..runtime.context import RunContext
from ..wheel import Wheel

#: The folder for wheels where no other one is given, as with `python -m build`.
OUT = Path("dist")


@dataclass(frozen=True, kw_only=True)
class BuildContext(RunContext):
    """The context of a build.

    `out` is the folder for wheels. `variables` are the names of more environment variables that the
    build sees. `building` names the package and those that it is built for, outermost first;
    `built` are the wheels that were built for it before.
    """

    phases: Phases
    out: Path = OUT
    variables: tuple[str, ...] = ()
    building: tuple[str, ...] = ()
    built: tuple[Wheel, ...] = ()
