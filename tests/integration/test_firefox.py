"""A site's notebook in a real Firefox."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from tests.fixtures import site_server
from tests.fixtures.browser import HAS_KERNEL
from tests.fixtures.commands import Command
from tests.fixtures.firefox import firefox
from tests.fixtures.notebooks import create_site_with

#: The first code cell, its prompt and its output.
CELL = ".jp-Notebook .jp-CodeCell"
PROMPT = f"document.querySelector('{CELL} .jp-InputPrompt').innerText"
OUTPUT = f"document.querySelector('{CELL} .jp-OutputArea-output')?.innerText"

#: Keys of WebDriver.
CONTROL, ENTER = "\ue009", "\ue007"


@pytest.mark.slow
def test_crate_is_imported_in_notebook_in_firefox(
    wasmwheel: Command, store: Store, crate: Path, tmp_path: Path
) -> None:
    nonce = secrets.token_hex(16)
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("This is Rust", nonce))
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    built = wasmwheel(
        "build", crate, "--site", site.folder, "--out", tmp_path, "--profile", "draft", "--json"
    )
    assert built.status == 0, built.stderr
    with site_server.serving(site), firefox(tmp_path / "profile") as tab:
        tab.open(built.document["published"]["url"])
        tab.until(f"({HAS_KERNEL})()")
        tab.until(f"Boolean(document.querySelector('{CELL} .cm-content'))")
        tab.click(f"{CELL} .cm-content")
        tab.press(CONTROL, "a")
        for letter in "import hello; hello.greet('you')":
            tab.press(letter)
        tab.press(CONTROL, ENTER)
        tab.until(f"/\\d/.test({PROMPT})")
        assert nonce in tab.until(OUTPUT)
