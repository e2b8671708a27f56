"""Wheels that other projects publish on PyPI for Pyodide, and ours of the same versions."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from jupyter_wasmwheel import config, pipeline, wheel
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.checks import smoke
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import engine, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.wheel import Wheel

PACKAGES = tomllib.loads(Path(__file__).with_name("official.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The wheel of a package on PyPI, and ours of the same version."""

    name: str
    version: str
    official: Wheel
    ours: Wheel


@contextmanager
def pairs(names: list[str]) -> Iterator[list[Pair]]:
    """Yield the two wheels of each package; ours is built or comes from the cache."""
    target = targets.find(targets.default_abi())
    store = config.load().store()
    index = Index()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = []
        for name in names:
            version = PACKAGES[name]["version"]
            requirement = Requirement(f"{name}=={version}")
            tag = target.platform_tag
            (folder / name).mkdir()
            package = index.find_wheel(requirement, target.python_version, tag)
            official = index.fetch(package, folder / name)
            request = BuildRequest(source=f"pypi:{requirement}")
            report = pipeline.run_build(request, store, ignore, out=folder / "ours")
            ours = wheel.read(Path(report.wheel))
            pair = Pair(name=name, version=version, official=wheel.read(official), ours=ours)
            found.append(pair)
        yield found


def output_of(of: Wheel, code: str) -> str:
    """Run code with a wheel in Pyodide in Node.js, and return its output."""
    target = targets.find(targets.default_abi())
    store = config.load().store()
    context = RunContext(store=store, emit=ignore)
    return smoke.smoke([of], engine.prepare(target, context), context, code=code).output
