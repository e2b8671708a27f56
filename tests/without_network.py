"""Run in a network namespace of its own: a folder served by `python -m http.server`, and a browser.

Prints a JSON document: what a notebook's cells showed, and what the browser asked others for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.browser import browser, open_notebook

PORT = 8000

#: What is asked of a page: what a browser gives to an origin that it holds to be secure.
SECURE = "() => ({secure: isSecureContext, isolated: crossOriginIsolated, "
SECURE += "serviceWorker: 'serviceWorker' in navigator})"


def main(folder: str, host: str, notebook: str, profile: str, *cells: str) -> None:
    """Serve a folder, open a notebook of it at a host, run other code in its first cell, and tell.

    Each of `cells` is run in turn, after all cells of the notebook itself.
    """
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", "10.77.0.1/24", "dev", "lo"], check=True)
    serving = [sys.executable, "-m", "http.server", str(PORT), "--directory", folder]
    server = subprocess.Popen(serving, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    origin = f"http://{host}:{PORT}"
    try:
        until_up(origin)
        with browser(Path(profile)) as context:
            tab = open_notebook(context, f"{origin}/notebooks/index.html?path={notebook}")
            tab.run_all()
            shown = tab.results()
            told = {
                "shown": shown,
                "errors": tab.errors(),
                "cells": [tab.run(0, cell).strip() for cell in cells],
                "page": tab.page.evaluate(SECURE),
                "elsewhere": tab.from_elsewhere(origin),
            }
            front = context.new_page()
            front.goto(f"{origin}/")
            front.locator(".jp-DirListing-item", has_text=notebook).wait_for(timeout=60_000)
    finally:
        server.terminate()
        server.wait()
    print(json.dumps(told))


def until_up(origin: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{origin}/README.txt"):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
