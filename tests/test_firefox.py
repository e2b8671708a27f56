"""In a real Firefox: what a person sees who opens a site's notebook and runs its cells."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site import server
from jupyter_wasmwheel.store import Store

from .conftest import Command
from .firefox import firefox
from .test_notebook import make_site

CELL = "document.querySelectorAll('.jp-Notebook .jp-CodeCell')[0]"
INDICATOR = "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status"

#: A key of WebDriver's.
CONTROL, ENTER = "\ue009", "\ue007"


@pytest.mark.slow
def test_a_crate_is_imported_in_a_notebook_in_firefox(
    wasmwheel: Command, store: Store, crate: Path, tmp_path: Path
) -> None:
    nonce = secrets.token_hex(16)
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("This is Rust", nonce))
    site = make_site(tmp_path / "site", store, targets.default_abi())
    built = wasmwheel(
        "build", crate, "--site", site.folder, "--out", tmp_path, "--profile", "draft", "--json"
    )
    assert built.status == 0, built.stderr
    with server.serving(site), firefox(tmp_path / "profile") as tab:
        tab.open(built.document["published"]["url"])
        tab.until(f"{INDICATOR} === 'unknown' || {INDICATOR} === 'busy'")
        tab.until(f"{INDICATOR} === 'idle'")
        tab.until(f"Boolean({CELL}.querySelector('.cm-content'))")
        assert "hello 0.1.0" in tab.evaluate(
            "document.querySelector('.jp-MarkdownOutput h1').innerText"
        )
        tab.evaluate(f"{CELL}.querySelector('.cm-content').focus()")
        tab.press(CONTROL, "a")
        for letter in "import hello; hello.greet('you')":
            tab.press(letter)
        tab.press(CONTROL, ENTER)
        tab.until(f"/\\d/.test({CELL}.querySelector('.jp-InputPrompt').innerText)")
        shown = tab.until(f"{CELL}.querySelector('.jp-OutputArea-output')?.innerText")
        assert nonce in shown
