"""The context of all steps of the pipeline."""

from __future__ import annotations

from pathlib import Path

from ..api.events import Phases
from ..runtime.context import RunContext
from ..wheel import Wheel

#: The default folder for wheels, as in `python -m build`.
DEFAULT_OUT = Path("dist")


class BuildContext(RunContext, frozen=True, kw_only=True):
    """The context of a build.

    `out` is the folder for wheels. `variables` names more environment variables that the build
    sees. `building` names the package after those that need it; `built` are the dependencies that
    were built before it.
    """

    phases: Phases
    out: Path = DEFAULT_OUT
    variables: tuple[str, ...] = ()
    building: tuple[str, ...] = ()
    built: tuple[Wheel, ...] = ()
