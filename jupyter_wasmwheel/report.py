"""The report of a build: what was made, with what, how long it took, and what proves it.

As JSON it is a contract (`"schema": 1`): times are seconds, sizes bytes, hashes hexadecimal.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .build.request import Profile
from .checks.audit import Audit
from .checks.dependencies import Dependency
from .checks.smoke import Smoke
from .checks.tests import Tests
from .project.edits import Patch
from .project.recipes import Recipe
from .runtime.pyodide import Runtime
from .runtime.targets import Target
from .site.publish import Published
from .toolchain.cargo import Crate
from .toolchain.toolchain import Toolchain
from .wheel import Wheel

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a build came to."""

    wheel: Wheel
    target: Target
    runtime: Runtime
    toolchain: Toolchain | None
    profile: Profile
    phases: dict[str, float]
    crates: tuple[Crate, ...]
    crates_with_c: tuple[str, ...]
    seeded: bool
    cached: bool
    recipe: Recipe | None
    patches: tuple[Patch, ...]
    audit: Audit
    smoke: Smoke | None
    dependencies: tuple[Dependency, ...]
    built_along: tuple[Report, ...] = ()
    published: Published | None = None
    tests: Tests | None = None

    def as_json(self) -> dict[str, Any]:
        """The report in the words of the contract."""
        return {
            "schema": SCHEMA,
            "name": self.wheel.name,
            "version": self.wheel.version,
            "wheel": str(self.wheel.path),
            "sha256": self.wheel.sha256,
            "size": self.wheel.size,
            "target": {
                "abi": self.target.abi,
                "pyodide": self.runtime.version,
                "python": self.target.python,
                "platform_tag": self.target.platform_tag,
            },
            "toolchain": _toolchain(self.toolchain, self.crates_with_c, self.target),
            "profile": self.profile,
            "phases": [
                {"name": name, "seconds": round(seconds, 3)}
                for name, seconds in self.phases.items()
            ],
            "crates": [dataclasses.asdict(crate) for crate in self.crates],
            "cached": self.cached,
            "seeded": self.seeded,
            "recipe": self.recipe and self.recipe.summary(),
            "patches": [dataclasses.asdict(patch) for patch in self.patches],
            "audit": dataclasses.asdict(self.audit),
            "smoke": self.smoke and dataclasses.asdict(self.smoke),
            "dependencies": [each.row() for each in self.dependencies],
            "built_along": [each.as_json() for each in self.built_along],
            "tests": self.tests and dataclasses.asdict(self.tests),
            "published": self.published
            and {"site": str(self.published.site.folder), "url": self.published.url},
        }


def _toolchain(
    toolchain: Toolchain | None, crates_with_c: tuple[str, ...], target: Target
) -> dict[str, Any] | None:
    """The toolchain's part; None for a pure wheel, which needs none."""
    if toolchain is None:
        return None
    c_compiler = toolchain.emscripten if crates_with_c or not toolchain.linker else None
    return {
        "rustc": toolchain.rust and f"{toolchain.rust.version} ({toolchain.rust.commit[:9]})",
        "std": toolchain.sysroot and toolchain.sysroot.origin,
        "linker": f"wasm-ld {toolchain.linker.version}" if toolchain.linker else "emcc",
        "emscripten": c_compiler
        and {
            "version": c_compiler.version,
            "wanted": target.emscripten,
            "crates": list(crates_with_c),
        },
        "wasm_opt": toolchain.wasm_opt and toolchain.wasm_opt.version,
        "maturin": toolchain.maturin,
    }
