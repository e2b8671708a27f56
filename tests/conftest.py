"""What the tests share: the real command, a store that is kept between runs, and a starter crate.

Nothing is mocked. The store is the one that WASMWHEEL_HOME names (`make test` keeps it in the
clone), so that the target's standard library is built once and not for every test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel import config
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import cache, seeds
from jupyter_wasmwheel.checks import check_cache
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import toolchain
from tests.fixtures import wheel_factory

# A shell that starts the tests in the background makes interruptions ignored, for all children.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Ran:
    """What the command printed, and the status it ended with."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document of a run with `--json`."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a run with `--events`."""
        return [json.loads(line) for line in self.stdout.splitlines()]


Command = Callable[..., Ran]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store that the whole run uses; nothing that another run built is taken again."""
    if "WASMWHEEL_HOME" not in os.environ:
        os.environ["WASMWHEEL_HOME"] = str(tmp_path_factory.mktemp("home"))
    store = config.load().store()
    for kept in (cache.FOLDER, check_cache.FOLDER, seeds.FOLDER):
        shutil.rmtree(store.home / kept, ignore_errors=True)
    return store


@pytest.fixture(scope="session")
def wasmwheel(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Run `jupyter wasmwheel` as a person does; `env` adds variables, None removes one."""
    elsewhere = tmp_path_factory.mktemp("cwd")

    def run(
        *arguments: str | Path,
        cwd: Path = elsewhere,
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        changed = {**os.environ, **(env or {})}
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_wasmwheel", *map(str, arguments)],
            cwd=cwd,
            env={name: value for name, value in changed.items() if value is not None},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the crate that tests change; one path, so that pyo3 is compiled once for it."""
    return tmp_path_factory.mktemp("workbench")


@pytest.fixture
def crate(workbench: Path) -> Path:
    """A starter crate, `hello`, of a test's own."""
    shutil.rmtree(workbench / "hello", ignore_errors=True)
    return wheel_factory.crate("hello", workbench)


@pytest.fixture(scope="session")
def starter_events(
    wasmwheel: Command, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """The events of a starter crate's first release build."""
    folder = tmp_path_factory.mktemp("starter")
    ran = wasmwheel("build", starter.create("hello", folder), "--events", "--out", folder / "dist")
    assert ran.status == 0, ran.stderr
    return ran.events


@pytest.fixture(scope="session")
def starter_report(starter_events: list[dict[str, Any]]) -> dict[str, Any]:
    """The report of that build."""
    report: dict[str, Any] = starter_events[-1]["report"]
    return report


@pytest.fixture(scope="session")
def starter_wheel(starter_report: dict[str, Any]) -> Path:
    """Its wheel: `hello` 0.1.0, for the default target."""
    return Path(starter_report["wheel"])


@pytest.fixture(scope="session")
def draft_seed(store: Store) -> None:
    """What `doctor --fix seeds` makes for drafts of the default target."""
    target = targets.find(targets.default_abi())
    chosen = toolchain.choose(
        target, node.ensure_node(store, ignore), RunContext(store=store, emit=ignore)
    )
    seeds.build_seed(target, chosen, "draft", store, ignore)
