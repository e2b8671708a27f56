"""The size, the speed and the time to build of wheels by profile.

Each package is built once with each profile, in a new work folder. Then processes of Node.js time
its `work` with each wheel in turn (speed_inside.py). Run it with `python -m benchmarks.profiles
[TURNS]`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import tomllib
import typing
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from jupyter_wasmwheel import config, pipeline, wheel
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.requests import BuildRequest, Profile
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store

from . import official
from .figures import Figure, require_quiet_machine, save_and_exit
from .speed_inside import seconds

#: The profiles, the one that the others are compared with first.
PROFILES: tuple[Profile, ...] = typing.get_args(Profile)
BASE: Profile = "release"

#: The limit for the size of `small`, compared with the wheels on PyPI (geometric mean).
SMALL_LIMIT = 0.85

#: The phases that a profile changes.
PHASES = ("compile", "package", "optimise")

PACKAGES: dict[str, dict[str, str]] = {
    **{name: each for name, each in official.PACKAGES.items() if "work" in each},
    **tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")),
}


def build(name: str, version: str, profile: Profile, folder: Path) -> dict[str, Any]:
    """Build a package in a new store, and return its wheel, its size and the time in seconds."""
    user = config.load().store()
    store = Store(home=folder / "store", read_only=(user.home, *user.read_only))
    request = BuildRequest(source=f"pypi:{name}=={version}", profile=profile, no_cache=True)
    report = pipeline.run_build(request, store, ignore, out=folder / profile)
    taken = sum(each.seconds for each in report.phases if each.name in PHASES)
    built = wheel.read(Path(report.wheel))
    return {"wheel": built, "bytes": built.size, "build_seconds": round(taken, 1), "times": []}


def measure(name: str, version: str, work: str, turns: int) -> dict[str, dict[str, Any]]:
    """Return the size, the time to build and the speed of a package by profile."""
    with tempfile.TemporaryDirectory() as folder:
        rows: dict[str, dict[str, Any]] = {
            each: build(name, version, each, Path(folder, each)) for each in PROFILES
        }
        for turn in range(turns):
            for profile in PROFILES if turn % 2 else PROFILES[::-1]:
                rows[profile]["times"].append(seconds(rows[profile]["wheel"], work))
    base = rows[BASE]["times"]
    for row in rows.values():
        ratios = [ours / theirs for ours, theirs in zip(base, row.pop("times"), strict=True)]
        row["times_as_fast"] = round(statistics.median(ratios), 3)
        del row["wheel"]
    return rows


def official_bytes(name: str, version: str) -> int | None:
    """Return the size of a package's wheel on PyPI, if it has one for the default target."""
    if name not in official.PACKAGES:
        return None
    target = targets.find(targets.default_abi())
    requirement = Requirement(f"{name}=={version}")
    index = Index()
    found = index.find_wheel(requirement, target.python_version, target.platform_tag)
    with tempfile.TemporaryDirectory() as folder:
        return index.fetch(found, Path(folder)).stat().st_size


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    packages = {}
    for name, each in PACKAGES.items():
        rows = measure(name, each["version"], each["work"], turns)
        packages[f"{name} {each['version']}"] = rows
        if published := official_bytes(name, each["version"]):
            rows["PyPI"] = {"bytes": published}
    sizes = [
        each["small"]["bytes"] / each["PyPI"]["bytes"]
        for each in packages.values()
        if "PyPI" in each
    ]
    speeds = [each["fast"]["times_as_fast"] for each in packages.values()]
    figures = [
        Figure(
            promise="Wheels of the profile small compared with those on PyPI (geometric mean)",
            figure=round(statistics.geometric_mean(sizes), 3),
            unit="of their size",
            limit=SMALL_LIMIT,
            detail=packages,
        ),
        Figure(
            promise="Wheels of the profile fast compared with those of release (geometric mean)",
            figure=round(statistics.geometric_mean(speeds), 3),
            unit="times as fast",
        ),
    ]
    save_and_exit("profiles", figures)


if __name__ == "__main__":
    main()
