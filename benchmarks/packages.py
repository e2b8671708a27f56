"""Build packages from PyPI, import them in Pyodide, and generate docs/packages.md.

Run it with `python -m benchmarks.packages [--failed] [NAME]…`. Without names, it builds those of
packages.toml that have no result yet, so that it continues after an interruption; `--failed` also
builds those that failed. Where an error offers to try again with other options, such as
--ignore-lock for a lock file with a version that the registry lacks, it does.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import figures

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/packages.md"
RESULTS = Path(__file__).with_name("packages.json")
PACKAGES = tomllib.loads(Path(__file__).with_name("packages.toml").read_text(encoding="utf-8"))

#: The longest build, in seconds. On two processors, polars needs most of it.
TIMEOUT_S = 60 * 60

#: The options for the changes that an error's remedy to try again can have.
RETRIES = {
    ("ignore_lock", True): ["--ignore-lock"],
    ("rust", "auto"): ["--rust", "auto"],
    ("target", "2025_0"): ["--target", "2025_0"],
}

HEAD = """\
# Packages

`python -m benchmarks.packages` built these packages from PyPI, which contain Rust, as drafts, and
imported them in Pyodide{pyodide}. Of {all} packages, {works} work{missing}.

A lock file can name a version of a crate that the package registry at hand does not have. Then the
package was built with `--ignore-lock`. With another registry, it may not need that option.

| Package | Version | Result | Command | Size | Seconds |
|---|---|---|---|---|---|
"""

FOOT = """
The time is that of a first build on two processors, with its downloads and often beside other work.

Next: [build your own package](package-authors.md).
"""


def main() -> None:
    """Build the packages, and generate the page."""
    words = sys.argv[1:]
    results = read()
    chosen = [word for word in words if not word.startswith("-")]
    for name in chosen or PACKAGES["names"]:
        known = results.get(name)
        if chosen or not known or ("--failed" in words and not known["works"]):
            results[name] = build(name)
            save(results)
            result = results[name]
            print(f"{name}: {'works' if result['works'] else result['reason']}", flush=True)
    PAGE.write_text(page(results), encoding="utf-8")


def read() -> dict[str, Any]:
    """Return the saved results by package name."""
    if not RESULTS.is_file():
        return {}
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))["packages"]
    return found


def save(results: dict[str, Any]) -> None:
    """Save the results of the packages in packages.toml."""
    packages = {name: results[name] for name in sorted(PACKAGES["names"]) if name in results}
    document = {
        "schema": figures.SCHEMA,
        "command": "python -m benchmarks.packages",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": figures.machine(),
        "packages": packages,
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def build(name: str) -> dict[str, Any]:
    """Build a package, with the options of the errors' remedies where it fails without them."""
    options = list(PACKAGES.get("options", {}).get(name, ()))
    while True:
        result = _build_once(name, options)
        more = [] if result["works"] else _remedy(result.pop("remedies"), options)
        if not more:
            return result
        options += more


def _remedy(remedies: list[dict[str, Any]], options: list[str]) -> list[str]:
    """Return the options of the first remedy that has not been tried, or none."""
    for remedy in remedies:
        for change in remedy.get("changes", {}).items():
            more = RETRIES.get(change)
            if more and more[0] not in options:
                return more
    return []


def _build_once(name: str, options: list[str]) -> dict[str, Any]:
    program = str(Path(sys.executable).with_name("jupyter-wasmwheel"))
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        words = f"build pypi:{name} --profile draft --events --out".split()
        command = [program, *words, out, *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
            events = [json.loads(line) for line in done.stdout.splitlines()]
        except subprocess.TimeoutExpired:
            minutes = TIMEOUT_S // 60
            events = [{"kind": "error", "code": "", "what": f"It took over {minutes} minutes."}]
    common = {"options": options, "seconds": round(time.monotonic() - begin)}
    last = {event["kind"]: event for event in events}
    if "report" in last:
        report = last["report"]["report"]
        return {
            **common,
            "works": True,
            "version": report["version"],
            "size": report["size"],
            "pyodide": report["target"]["pyodide"],
        }
    error = last["error"]
    return {
        **common,
        "works": False,
        "code": error["code"],
        "reason": without_folders(" ".join(filter(None, [error["what"], error.get("why")]))),
        "remedies": error.get("remedies", []),
    }


def without_folders(reason: str) -> str:
    """Return a reason without the folder of the store in which a package was unpacked."""
    return re.sub(r"/[^\s`]*/sources/[0-9a-f]{32}/", "", reason)


def page(results: dict[str, Any]) -> str:
    """Return the page with the table of all results."""
    known = {name: results[name] for name in sorted(PACKAGES["names"]) if name in results}
    works = [result for result in known.values() if result["works"]]
    untried = len(PACKAGES["names"]) - len(known)
    versions = sorted({result["pyodide"] for result in works})
    rows = "".join(_row(name, result) for name, result in known.items())
    head = HEAD.format(
        missing=f", and {untried} have not been tried yet" if untried else "",
        works=len(works),
        all=len(PACKAGES["names"]),
        pyodide=f" {' or '.join(versions)}" if versions else "",
    )
    return head + rows + FOOT


def _row(name: str, result: dict[str, Any]) -> str:
    command = " ".join(["build", f"pypi:{name}", *result["options"]])
    reason = PACKAGES.get("reasons", {}).get(name) or result.get("reason", "")
    cells = [
        f"[{name}](https://pypi.org/project/{name}/)",
        result.get("version", ""),
        "works" if result["works"] else reason.replace("|", "\\|").replace("\n", " "),
        f"`{command}`",
        f"{result['size'] / 1e6:.1f}\N{NO-BREAK SPACE}MB" if result["works"] else "",
        str(result["seconds"]) if result["works"] else "",
    ]
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
