"""Fixtures for the tests of the front end: JupyterLab and Chromium."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page
from screen import Lab, open_lab

from jupyter_wasmwheel import config
from jupyter_wasmwheel.build import cache, seeds
from jupyter_wasmwheel.checks import check_cache
from tests.fixtures import wheel_factory
from tests.fixtures.browser import browser

# A shell that starts the tests in the background lets all children ignore interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


#: How long JupyterLab can take to start on a busy machine.
START_TIMEOUT_S = 180

#: Settings that suppress JupyterLab's own notifications.
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run JupyterLab with this package in an empty folder."""
    root = tmp_path_factory.mktemp("root")
    if "WASMWHEEL_HOME" not in os.environ:
        os.environ["WASMWHEEL_HOME"] = str(tmp_path_factory.mktemp("home"))
    # With cached seeds or wheels, a build ends before a test sees its progress.
    for kept in (cache.FOLDER, check_cache.FOLDER, seeds.FOLDER):
        shutil.rmtree(config.load().store().home / kept, ignore_errors=True)
    with running([sys.executable], root, tmp_path_factory.mktemp("settings"), {}) as lab:
        yield lab


@contextmanager
def running(python: list[str], root: Path, settings: Path, env: Mapping[str, str]) -> Iterator[Lab]:
    """Run JupyterLab with a Python in a folder, with its own settings and variables."""
    news = settings / "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True, exist_ok=True)
    news.write_text(json.dumps(NO_NEWS))
    own = {f"JUPYTER_{kind}_DIR": str(settings / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    token, port = secrets.token_hex(16), _free_port()
    log = settings / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(*python, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={root}",
                f"--IdentityProvider.token={token}",
                f"--LabApp.user_settings_dir={settings}",
                "--LabApp.expose_app_in_browser=True",
                "--WasmwheelApp.prepare_seeds=False",
            ],
            env={**os.environ, **own, **env},
            cwd=root,
            stdout=output,
            stderr=output,
        )
    lab = Lab(f"http://localhost:{port}", token, root, process)
    try:
        _wait(lab, log)
        yield lab
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(lab: Lab, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            lab.api("")
        except OSError:
            assert lab.process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture
def context(tmp_path: Path) -> Iterator[BrowserContext]:
    """Provide a separate browser for each test."""
    with browser(tmp_path / "profile") as context:
        yield context


@pytest.fixture
def page(lab: Lab, context: BrowserContext) -> Page:
    """Open JupyterLab."""
    return open_lab(context, lab)


@pytest.fixture
def make_crate(lab: Lab) -> Callable[[str], Path]:
    """Make a starter crate of a name in JupyterLab's folder."""
    return lambda name: wheel_factory.crate(name, lab.root)
