"""Made-up answers of the server, in place of real ones."""

from __future__ import annotations

import json
import time
from typing import Any

from playwright.sync_api import BrowserContext, Route

#: The time at which the tests started, in seconds since the epoch.
NOW = time.time()

#: A running job as the server lists it.
JOB: dict[str, Any] = {
    "id": "0123456789abcdef",
    "kind": "build",
    "state": "running",
    "request": {"kind": "build", "source": "hello"},
    "name": "hello",
    "version": "0.1.0",
    "created": NOW,
    "started": NOW,
    "ended": None,
    "phase": "compile",
    "done": 3,
    "total": 14,
    "label": "pyo3",
    "report": None,
    "error": None,
    "seq": 10,
}


#: The report of a build.
REPORT: dict[str, Any] = {
    "schema": 1,
    "name": "rpds-py",
    "version": "2026.9",
    "wheel": "/home/me/dist/rpds_py-2026.9-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
    "sha256": "5f1c" * 16,
    "size": 142_000,
    "target": {
        "abi": "2026_0",
        "pyodide": "314.0.7",
        "python": "3.14",
        "platform_tag": "pyemscripten_2026_0_wasm32",
    },
    "toolchain": {
        "rustc": "1.96.0 (ac68faa20)",
        "std": "prebuilt",
        "linker": "wasm-ld 22.1.8",
        "emscripten": {"version": "5.0.3", "wanted": "5.0.3", "crates": ["onig_sys"]},
        "wasm_opt": "132",
        "maturin": "1.16.0",
    },
    "profile": "release",
    "phases": [],
    "crates": [],
    "cached": False,
    "seeded": False,
    "patches": [
        {
            "file": "Cargo.toml",
            "diff": "--- Cargo.toml\n+++ Cargo.toml\n@@ -1,2 +1,2 @@\n"
            '-tokio = { version = "1", features = ["signal"] }\n+tokio = { version = "1" }\n',
        }
    ],
    "audit": {"ok": True, "missing": [], "unexpected": []},
    "smoke": {"ok": True, "module": "rpds", "seconds": 0.8},
    "dependencies": [
        {"name": "numpy", "requirement": "numpy>=2", "from": "pyodide"},
        {"name": "torch", "requirement": "torch", "from": "missing"},
    ],
    "built_along": [],
    "tests": None,
    "published": {"site": "workshop", "url": "http://127.0.0.1:1/x/"},
}


def job(number: int, state: str, name: str, **more: object) -> dict[str, Any]:
    """Return a job that has ended."""
    return JOB | {
        "id": f"{number:016x}",
        "state": state,
        "name": name,
        "created": NOW - 60 - number,
        "started": NOW - 60 - number,
        "ended": NOW - 36 - number,
        **more,
    }


def row(abi: str, pyodide: str, python: str, size: int | None) -> dict[str, Any]:
    """Return the result for one of several targets; without a size, it failed."""
    tag = f"pyemscripten_{abi}_wasm32"
    target = {"abi": abi, "pyodide": pyodide, "python": python, "platform_tag": tag}
    name = f"rpds_py-2026.9-cp{python.replace('.', '')}-cp{python.replace('.', '')}-{tag}.whl"
    phases = [{"name": "compile", "seconds": 8.1}, {"name": "smoke", "seconds": 0.8}]
    own = {"wheel": f"/home/me/dist/{name}", "size": size, "phases": phases, "target": target}
    error = {
        "what": "rpds-py 2026.9 requires an older pyo3.",
        "why": f"pyo3 0.28 does not support Python {python}.",
        "fix": "Require pyo3 0.29 or newer in Cargo.toml.",
    }
    return {
        "target": target,
        "report": REPORT | own if size else None,
        "error": None if size else error,
    }


#: The results for all targets, of which one failed.
ROWS = [
    row("2025_0", "0.29.5", "3.13", 141_000),
    row("2026_0", "314.0.7", "3.14", 142_000),
    row("2026_5", "315.0.0-alpha.2", "3.15", None),
]

JOBS = [
    JOB | {"done": 9},
    job(1, "queued", "next", started=None, ended=None, phase=None, total=None, done=None),
    job(2, "done", "rpds-py", version="2026.9", report=REPORT | {"targets": ROWS}),
    job(
        3,
        "failed",
        "tokenizers",
        version="0.23.3",
        error={
            "what": "No Rust toolchain can build for Pyodide.",
            "why": "Rust 1.80 was found; the target needs 1.93.",
            "fix": "Run `jupyter wasmwheel doctor --fix` to install another one.",
            "code": "rust.missing",
            "status": 4,
            "counts": {},
            "remedies": [{"action": "install", "extras": [], "target": "2026_0"}],
        },
    ),
    job(4, "interrupted", "old", version="0.3.0"),
    job(5, "cancelled", "never-mind"),
]


SITE = {
    "name": "workshop",
    "folder": "/home/me/sites/workshop",
    "target": "2026_0",
    "pyodide": "314.0.7",
    "mode": "offline",
    "url": "http://127.0.0.1:9/x/tree/index.html",
    "up": True,
    "probe": "http://127.0.0.1:9/x/probe.svg",
    "through": "/wasmwheel/site/workshop/x/tree/index.html",
    "error": None,
}


PACKAGE = {
    "name": "rpds-py",
    "version": "2026.9",
    "size": 142_000,
    "sha256": "5f1c" * 16,
    "file_name": "wheels/x.whl",
    "published": "2026-11-22T15:00:00.000+00:00",
    "notebook": "try-rpds-py-2026.9.ipynb",
    "url": "http://127.0.0.1:9/x/notebooks/index.html?path=try-rpds-py-2026.9.ipynb",
    "through": "/wasmwheel/site/workshop/x/notebooks/index.html?path=try-rpds-py-2026.9.ipynb",
}


def fake(context: BrowserContext, path: str, document: object, status: int = 200) -> None:
    """Respond instead of the server."""

    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=json.dumps(document))

    context.route(f"**/wasmwheel/api/{path}", answer)
    context.route(f"**/wasmwheel/api/{path}?*", answer)
