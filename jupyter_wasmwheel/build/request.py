"""What somebody asks to be built, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..process.limits import DEFAULT, Limits
from ..project import recipes

Profile = Literal["release", "draft"]
PROFILES: tuple[Profile, ...] = ("release", "draft")


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """A build as it is asked for: the words of `jupyter wasmwheel build`.

    `target` is an ABI, None where the site or the default decides; `site` is a name or a folder;
    `out` is the folder that the wheel is put into. `recipe` is `auto`, `none` or a recipe's path.
    `variables` are the names of those that the build sees besides the usual ones.
    """

    source: str
    target: str | None = None
    site: str | None = None
    profile: Profile = "release"
    linker: str = "auto"
    features: tuple[str, ...] = ()
    no_default_features: bool = False
    cargo_args: tuple[str, ...] = ()
    ignore_lock: bool = False
    make_optional: tuple[str, ...] = ()
    recipe: str = recipes.AUTO
    out: Path | None = None
    smoke: bool = True
    cache: bool = True
    with_dependencies: bool = False
    offline: bool = False
    limits: Limits = DEFAULT
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TestRequest(BuildRequest):
    """The project's own tests as they are asked for: the words of `jupyter wasmwheel test`.

    `select` is an expression of pytest's `-k`; `timeout` is in seconds, for each test.
    """

    select: str | None = None
    timeout: float
