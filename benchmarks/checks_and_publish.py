"""The checks of the starter crate's wheel, its size, and publishing it, alone and among 1,000.

Run it with `python -m benchmarks.checks_and_publish [RUNS]`; the target's runtime and its snapshot
are made by a first build that is not counted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from jupyter_wasmwheel import config, pipeline, wheel
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.site import lite
from tests.fixtures.site_factory import create_site, publish_one

from .figures import Figure, tell

#: How many packages a full site has.
MANY = 1000


def plain_wheel(folder: Path, number: int) -> wheel.Wheel:
    """A small pure wheel with a name of its own."""
    name = f"package_{number:04}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"NUMBER = {number}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel.read(path)


def publishing(site: lite.Site, path: Path, runs: int) -> float:
    """The median milliseconds that publishing a wheel takes."""
    taken = []
    for _ in range(runs):
        read = wheel.read(path)
        begin = time.monotonic()
        publish_one(site, read, [], ignore)
        taken.append((time.monotonic() - begin) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Measure, and tell."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    store = config.load().store()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = starter.make("hello", folder)
        request = BuildRequest(source=str(crate), no_cache=True)
        reports = [
            pipeline.run_build(request, store, ignore, out=folder / "dist") for _ in range(runs + 1)
        ]
        checks = [
            sum(each.seconds for each in report.phases if each.name in ("audit", "smoke"))
            for report in reports[1:]
        ]
        site = create_site(folder / "site", store)
        path = Path(reports[0].wheel)
        alone = publishing(site, path, runs)
        for number in range(MANY):
            publish_one(site, plain_wheel(folder, number), [], ignore)
        among = publishing(site, path, runs)
        size = reports[0].size
    tell(
        "checks_and_publish",
        [
            Figure(
                promise="checks of the starter crate: each import looked up, imported in Pyodide",
                figure=round(statistics.median(checks), 2),
                unit="s",
            ),
            Figure(promise="its release wheel", figure=round(size / 1000), unit="kB"),
            Figure(promise="publishing it into a site", figure=round(alone, 1), unit="ms"),
            Figure(
                promise=f"publishing it into a site with {MANY:,} packages",
                figure=round(among, 1),
                unit="ms",
                detail={"times_as_long": round(among / alone, 2)},
            ),
        ],
    )


if __name__ == "__main__":
    main()
