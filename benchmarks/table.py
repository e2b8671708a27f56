"""Generate docs/benchmarks.md, docs/reliability.md and the headline figures of the README.

`python -m benchmarks.table [JUNIT_XML]…` writes them and the picture from the results of the
benchmarks and of the tests. `make test-all` passes the JUnit files that pytest wrote.
"""

from __future__ import annotations

import json
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .figures import RESULTS

ROOT = Path(__file__).resolve().parent.parent
README, BENCHMARKS = ROOT / "README.md", ROOT / "docs/benchmarks.md"
PROFILES = ROOT / "docs/profiles.md"
RELIABILITY = ROOT / "docs/reliability.md"

#: Where the generated part of README.md and docs/benchmarks.md begins and ends.
BEGIN, END = "<!-- figures: python -m benchmarks.table -->\n", "<!-- /figures -->\n"

#: The promises with the tests that prove them, and the results of these tests.
PROMISES = Path(__file__).with_name("reliability.toml")
TEST_RESULTS = RESULTS / "tests.json"

#: The result of a test by the element that JUnit's file has for it; a test without one passed.
OUTCOMES = {"error": "failed", "failure": "failed", "skipped": "skipped"}

#: The benchmarks, in the order in which they run and are shown.
ORDER = (
    "first_build",
    "draft",
    "cache",
    "confinement",
    "source_copy",
    "size",
    "speed_inside",
    "profiles",
    "checks_and_publish",
    "server_latency",
    "notebook_start",
    "workshop",
    "dask_throughput",
    "soak",
)

#: The figures in the README: a benchmark, which of its figures, and the sentence that shows it.
HEADLINES = (
    ("draft", 0, "From an edit of a small crate to its draft wheel in a site: {}"),
    ("checks_and_publish", 3, "Publishing a wheel to a site with 1,000 packages: {}"),
    (
        "notebook_start",
        0,
        "From opening a notebook to its first import (empty cache): {} as in plain JupyterLite",
    ),
)


def results() -> list[dict[str, Any]]:
    """Return the results of the benchmarks, in their order."""
    paths = [RESULTS / f"{name}.json" for name in ORDER]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def number(figure: dict[str, Any]) -> str:
    """Return a figure with its unit."""
    return f"{figure['figure']:,g} {figure['unit']}".strip()


def limit(figure: dict[str, Any]) -> str:
    """Return the limit of a figure, marked where it is missed."""
    if figure["limit"] is None:
        return ""
    text = f"at {figure['at']} {figure['limit']:,g}"
    return text if figure["met"] else f"**missed**: {text}"


def headlines() -> str:
    """Return the headline figures as a list."""
    found = {each["benchmark"]: each["figures"] for each in results()}
    return "".join(
        f"- {sentence.format(number(found[name][index]))}\n"
        for name, index, sentence in HEADLINES
        if name in found
    )


def table() -> str:
    """Return the table of all figures with their limits."""
    found = results()
    if not found:
        return "No results yet. Run `make benchmarks`.\n"
    cores = " or ".join(map(str, sorted({each["machine"]["processors"] for each in found})))
    lines = [
        f"Measured by `make benchmarks` on a machine with {cores} processors. What is compared was",
        "measured in the same run. The measurements behind the figures are in",
        "[Reliability](reliability.md).",
        "",
        "| Benchmark | Result | Limit |",
        "|---|---|---|",
    ]
    for document in found:
        for figure in document["figures"]:
            lines.append(f"| {figure['promise']} | {number(figure)} | {limit(figure)} |")
    return "\n".join(lines) + "\n"


def profiles() -> str:
    """Return the table of packages by profile."""
    path = RESULTS / "profiles.json"
    if not path.is_file():
        return "Not measured yet: `python -m benchmarks.profiles` does, in half an hour.\n"
    figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
    lines = ["| Package | Profile | Size | Speed | Build |", "|---|---|---|---|---|"]
    for package, rows in figures[0]["detail"].items():
        for profile, row in rows.items():
            size = f"{row['bytes'] / 1000:,.0f} kB"
            measured = ("", "")
            if "build_seconds" in row:
                measured = (f"{row['times_as_fast']:.2f}", f"{row['build_seconds']:.0f} s")
            lines.append(f"| {package} | {profile} | {size} | {measured[0]} | {measured[1]} |")
    return "\n".join(lines) + "\n"


def filled(path: Path, part: str) -> str:
    """Return the text of a file with its generated part replaced."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def readme() -> str:
    """Return the text that README.md must have."""
    return filled(README, headlines())


def benchmarks() -> str:
    """Return the text that docs/benchmarks.md must have."""
    return filled(BENCHMARKS, table())


def reliability() -> str:
    """Return the text that docs/reliability.md must have."""
    lines = [
        "# Reliability",
        "",
        "What this package promises, and the measurements and tests that prove it. Generated by",
        "`python -m benchmarks.table`; do not edit. A promise whose tests have not run says so.",
        "",
        "## Figures",
        "",
        "| Benchmark | Result | Limit | Command | Date |",
        "|---|---|---|---|---|",
    ]
    found = results()
    for document in found:
        for figure in document["figures"]:
            lines.append(
                f"| {figure['promise']} | {number(figure)} | {limit(figure)} "
                f"| `{document['command']}` | {document['date']} |"
            )
    lines += ["", "The measurements behind them:", ""]
    for document in found:
        machine = document["machine"]
        for figure in document["figures"]:
            if figure["detail"]:
                detail = json.dumps(figure["detail"]).replace('"', "")
                lines.append(f"- {figure['promise']}: {detail}")
        lines.append(
            f"  ({document['benchmark']}: {machine['processors']} of {machine['processor']}, "
            f"Python {machine['python']}, {machine['system']}, "
            f"load before {machine['load_before']})"
        )
    lines += ["", "## Tests", "", "| Promise | Tests | Result | Date |", "|---|---|---|---|"]
    tested: dict[str, Any] = {"tests": {}}
    if TEST_RESULTS.is_file():
        tested = json.loads(TEST_RESULTS.read_text(encoding="utf-8"))
    for promise in promises():
        names = "<br>".join(f"`{name}`" for name in promise["tests"])
        result, date = outcome(promise["tests"], tested), tested.get("date", "")
        lines.append(f"| {promise['promise']} | {names} | {result} | {date} |")
    return "\n".join([*lines, ""])


def promises() -> list[dict[str, Any]]:
    """Return the promises, each with the tests that prove it."""
    rows: list[dict[str, Any]] = tomllib.loads(PROMISES.read_text(encoding="utf-8"))["promise"]
    return rows


def outcome(wanted: list[str], tested: dict[str, Any]) -> str:
    """Return how many of the tests of a promise passed, failed or did not run."""
    counts: Counter[str] = Counter()
    for name in wanted:
        found = [
            each
            for test, each in tested["tests"].items()
            if test == name or test.startswith((f"{name}[", f"{name}::"))
        ]
        counts.update(found or ["not run"])
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def outcomes(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield the node id of each test in JUnit files, and its result."""
    for path in paths:
        for case in ET.parse(path).iter("testcase"):
            # The tests are functions, so the name of the class is that of the module.
            module = case.get("classname", "").replace(".", "/")
            state = next((OUTCOMES[each.tag] for each in case if each.tag in OUTCOMES), "passed")
            yield f"{module}.py::{case.get('name')}", state


def save_test_results(paths: list[Path]) -> None:
    """Save the results of the tests that prove a promise, from JUnit files."""
    wanted = tuple(name for promise in promises() for name in promise["tests"])
    suites = [ET.parse(path).getroot().find("testsuite") for path in paths]
    dates = sorted(each.get("timestamp", "")[:10] for each in suites if each is not None)
    tests = {name: state for name, state in outcomes(paths) if name.startswith(wanted)}
    document = {
        "schema": 1,
        "date": dates[-1] if dates else "",
        "tests": dict(sorted(tests.items())),
    }
    TEST_RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write() -> None:
    """Write the generated parts of the README and of the docs."""
    README.write_text(readme(), encoding="utf-8")
    BENCHMARKS.write_text(benchmarks(), encoding="utf-8")
    PROFILES.write_text(filled(PROFILES, profiles()), encoding="utf-8")
    RELIABILITY.write_text(reliability(), encoding="utf-8")


def main() -> None:
    """Save the results of tests from the JUnit files that are named, and write everything."""
    from . import picture  # imports this module

    if words := sys.argv[1:]:
        save_test_results([Path(word) for word in words])
    write()
    picture.write()


if __name__ == "__main__":
    main()
