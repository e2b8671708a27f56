"""Installing from the panel: a real installation of a small Emscripten."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import running
from playwright.sync_api import BrowserContext, expect
from screen import BUILD_TIMEOUT_MS, Lab, check_and_capture, open_lab, show_panel

from jupyter_wasmwheel.runtime import targets
from tests.fixtures import emsdk_repository
from tests.fixtures.download_server import DownloadServer, serving

TARGET = targets.find(targets.default_abi())


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[DownloadServer]:
    """Provide a server with a release of the target's Emscripten."""
    root = tmp_path / "releases"
    root.mkdir()
    emsdk_repository.publish(root, "good", TARGET.emscripten, 10)
    with serving(root) as server:
        yield server


@pytest.fixture
def bare_lab(tmp_path: Path, lab: Lab, releases: DownloadServer) -> Iterator[Lab]:
    """Run JupyterLab with all that is required to build except the target's Emscripten."""
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


def test_button_installs_emscripten(
    bare_lab: Lab, context: BrowserContext, releases: DownloadServer, tmp_path: Path
) -> None:
    page = open_lab(context, bare_lab)
    panel = show_panel(page)
    panel.locator(".jp-wasmwheel-toolchain-line").click()
    finding = panel.locator(".jp-wasmwheel-findings li", has_text="C compiler")
    button = finding.get_by_role("button", name="Install Emscripten")
    expect(finding).to_contain_text(f"install Emscripten {TARGET.emscripten}")

    releases.hold("wasm-binaries")
    button.click()
    running = panel.get_by_role("group", name="Installing")
    expect(running).to_contain_text("downloading wasm-binaries.tar.xz", timeout=BUILD_TIMEOUT_MS)
    expect(button).to_be_disabled()
    check_and_capture(page, "panel-installing")

    running.get_by_role("button", name="Cancel installation of Emscripten").click()
    expect(running).to_have_count(0, timeout=BUILD_TIMEOUT_MS)
    assert not list((tmp_path / "home/staging").glob("*"))
    assert bare_lab.api("jobs")["jobs"][0]["state"] == "cancelled"

    releases.release()
    button.click()
    expect(finding).to_contain_text("installed by jupyter-wasmwheel", timeout=BUILD_TIMEOUT_MS)
    expect(button).to_have_count(0)
    check_and_capture(page, "panel-installed")
