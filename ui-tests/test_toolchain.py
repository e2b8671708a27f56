"""Installing from the panel: a real install, of an Emscripten that is small."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import running
from playwright.sync_api import BrowserContext, expect
from screen import PATIENCE, Lab, keep, open_lab, show_panel

from jupyter_wasmwheel.runtime import targets
from tests.fixtures import emsdk_repository
from tests.fixtures.download_server import DownloadServer, serving

TARGET = targets.find(targets.default_abi())


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[DownloadServer]:
    """A server with a release of the target's Emscripten."""
    root = tmp_path / "releases"
    root.mkdir()
    emsdk_repository.publish(root, "good", TARGET.emscripten, 10)
    with serving(root) as server:
        yield server


@pytest.fixture
def bare_lab(tmp_path: Path, lab: Lab, releases: DownloadServer) -> Iterator[Lab]:
    """JupyterLab where all is there to build with, but the target's Emscripten."""
    program = emsdk_repository.FAKE_EMSDK.read_text()
    repository = emsdk_repository.make(
        tmp_path / "emsdk.git", program, releases.url, "good", TARGET
    )
    env = {
        "WASMWHEEL_HOME": str(tmp_path / "home"),
        "WASMWHEEL_PATH": os.environ["WASMWHEEL_HOME"],
        "WASMWHEEL_EMSDK": f"{repository}@main",
    }
    root = tmp_path / "root"
    root.mkdir()
    with running([sys.executable], root, tmp_path / "settings", env) as lab:
        yield lab


def test_emscripten_is_installed_by_a_button(
    bare_lab: Lab, context: BrowserContext, releases: DownloadServer, tmp_path: Path
) -> None:
    page = open_lab(context, bare_lab)
    panel = show_panel(page)
    panel.locator(".jp-wasmwheel-toolchain-line").click()
    finding = panel.locator(".jp-wasmwheel-findings li", has_text="C compiler")
    button = finding.get_by_role("button", name="Install Emscripten")
    expect(finding).to_contain_text(f"installs Emscripten {TARGET.emscripten}")

    releases.hold("wasm-binaries")
    button.click()
    running = panel.get_by_role("group", name="Installing")
    expect(running).to_contain_text("downloading wasm-binaries.tar.xz", timeout=PATIENCE)
    expect(button).to_be_disabled()
    keep(page, "panel-installing")

    running.get_by_role("button", name="Cancel the installation: Emscripten").click()
    expect(running).to_have_count(0, timeout=PATIENCE)
    assert not list((tmp_path / "home/staging").glob("*"))
    assert bare_lab.api("jobs")["jobs"][0]["state"] == "cancelled"

    releases.release()
    button.click()
    expect(finding).to_contain_text("installed by jupyter-wasmwheel", timeout=PATIENCE)
    expect(button).to_have_count(0)
    keep(page, "panel-installed")
