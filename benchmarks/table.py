"""The README's table and docs/reliability.md, made of what the benchmarks and the tests wrote.

`python -m benchmarks.table` writes both, and the picture. What the tests came to is read from
JUnit's XML files, which `make test-all` has pytest write.
"""

from __future__ import annotations

import json
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .figures import RESULTS

ROOT = Path(__file__).resolve().parent.parent
README, RELIABILITY = ROOT / "README.md", ROOT / "docs/reliability.md"

#: Where the README's table begins and ends.
BEGIN, END = "<!-- figures: python -m benchmarks.table -->\n", "<!-- /figures -->\n"

#: What the tests are to show, and what they came to: a file of ours, made of JUnit's.
PROMISES = Path(__file__).with_name("reliability.toml")
TESTED = RESULTS / "tests.json"

#: How JUnit marks a test that did not pass, and how that is told.
TOLD = {"error": "failed", "failure": "failed", "skipped": "skipped"}

#: The benchmarks in the order in which they are run and told.
ORDER = (
    "first_build",
    "draft",
    "cache",
    "size",
    "speed_inside",
    "checks_and_publish",
    "server_latency",
    "notebook_start",
    "workshop",
    "dask_throughput",
)


def results() -> list[dict[str, Any]]:
    """What the benchmarks wrote, in their order."""
    paths = [RESULTS / f"{name}.json" for name in ORDER]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def number(figure: dict[str, Any]) -> str:
    """A figure as a person reads it."""
    return f"{figure['figure']:,g} {figure['unit']}".strip()


def limit(figure: dict[str, Any]) -> str:
    """Its limit, and whether it is within."""
    if figure["limit"] is None:
        return ""
    text = f"at {figure['at']} {figure['limit']:,g}"
    return text if figure["met"] else f"**missed**: {text}"


def readme_table() -> str:
    """The README's table."""
    found = results()
    if not found:
        return "Nothing was measured yet; `make benchmarks` does that.\n"
    machines = sorted({each["machine"]["processors"] for each in found})
    cores = " or ".join(map(str, machines))
    lines = [
        f"Measured on a machine with {cores} processors by `make benchmarks`, compared within one",
        "run; what each comes from is in [docs/reliability.md](docs/reliability.md).",
        "",
        "| | | promised |",
        "|---|---|---|",
    ]
    for document in found:
        for figure in document["figures"]:
            lines.append(f"| {figure['promise']} | {number(figure)} | {limit(figure)} |")
    return "\n".join(lines) + "\n"


def readme() -> str:
    """The README with its table as it should be."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{readme_table()}\n{END}{after}"


def reliability() -> str:
    """docs/reliability.md as it should be."""
    lines = [
        "# What is promised, and what shows it",
        "",
        "Made by `python -m benchmarks.table` of what the benchmarks and the tests wrote; not to",
        "be edited. A promise whose tests have not run says so.",
        "",
        "## Figures",
        "",
        "| promise | figure | promised | command | date |",
        "|---|---|---|---|---|",
    ]
    found = results()
    for document in found:
        for figure in document["figures"]:
            lines.append(
                f"| {figure['promise']} | {number(figure)} | {limit(figure)} "
                f"| `{document['command']}` | {document['date']} |"
            )
    lines += ["", "What they come from:", ""]
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
    lines += ["", "## Tests", "", "| promise | tests | result | date |", "|---|---|---|---|"]
    told = json.loads(TESTED.read_text(encoding="utf-8")) if TESTED.is_file() else {"tests": {}}
    for promise in tomllib.loads(PROMISES.read_text(encoding="utf-8"))["promise"]:
        names = "<br>".join(f"`{name}`" for name in promise["tests"])
        result, date = outcome(promise["tests"], told)
        lines.append(f"| {promise['promise']} | {names} | {result} | {date} |")
    return "\n".join([*lines, ""])


def outcome(wanted: list[str], told: dict[str, Any]) -> tuple[str, str]:
    """What became of the tests of a promise, and on which day."""
    counts: dict[str, int] = {}
    for name in wanted:
        found = [
            each
            for test, each in told["tests"].items()
            if test == name or test.startswith((f"{name}[", f"{name}::"))
        ]
        for each in found or ["not run"]:
            counts[each] = counts.get(each, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in counts.items()), told.get("date", "")


def tested(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """The tests in JUnit's files by their node ids, and what became of each."""
    for path in paths:
        for case in ET.parse(path).iter("testcase"):
            # A class is no part of our tests: the name of the class is that of the module.
            module = case.get("classname", "").replace(".", "/")
            told = next((TOLD[each.tag] for each in case if each.tag in TOLD), "passed")
            yield f"{module}.py::{case.get('name')}", told


def keep(paths: list[Path]) -> None:
    """Keep what became of the tests that show a promise, of all that JUnit's files tell."""
    promises = tomllib.loads(PROMISES.read_text(encoding="utf-8"))["promise"]
    wanted = tuple(name for promise in promises for name in promise["tests"])
    when = [ET.parse(path).getroot().find("testsuite") for path in paths]
    dates = sorted(each.get("timestamp", "")[:10] for each in when if each is not None)
    tests = {name: state for name, state in tested(paths) if name.startswith(wanted)}
    document = {
        "schema": 1,
        "date": dates[-1] if dates else "",
        "tests": dict(sorted(tests.items())),
    }
    TESTED.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write() -> None:
    """Write both."""
    README.write_text(readme(), encoding="utf-8")
    RELIABILITY.write_text(reliability(), encoding="utf-8")


def main() -> None:
    """Write them; JUnit's files may be named."""
    from . import picture  # which reads the results by way of this module

    if words := sys.argv[1:]:
        keep([Path(word) for word in words])
    write()
    picture.write()


if __name__ == "__main__":
    main()
