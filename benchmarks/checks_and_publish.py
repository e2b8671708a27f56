"""The checks of the starter crate's wheel, its size, and publishing it to an empty and a full site.

Run it with `python -m benchmarks.checks_and_publish [RUNS]`. A first build, which is not counted,
prepares the target's runtime and its snapshot.
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

from .figures import Figure, require_quiet_machine, save_and_exit

#: The number of packages in a full site.
MANY = 1000


def plain_wheel(folder: Path, number: int) -> wheel.Wheel:
    """Write a small pure wheel with a unique name."""
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


def publish_ms(site: lite.Site, path: Path, runs: int) -> float:
    """Return the median time to publish a wheel, in milliseconds."""
    taken = []
    for _ in range(runs):
        read = wheel.read(path)
        begin = time.monotonic()
        publish_one(site, read, [], ignore)
        taken.append((time.monotonic() - begin) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    store = config.load().store()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = starter.create("hello", folder)
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
        alone = publish_ms(site, path, runs)
        for number in range(MANY):
            publish_one(site, plain_wheel(folder, number), [], ignore)
        among = publish_ms(site, path, runs)
        size = reports[0].size
    save_and_exit(
        "checks_and_publish",
        [
            Figure(
                promise="Checks of the starter crate: audit and import in Pyodide",
                figure=round(statistics.median(checks), 2),
                unit="s",
            ),
            Figure(
                promise="Size of the starter crate's release wheel",
                figure=round(size / 1000),
                unit="kB",
            ),
            Figure(promise="Publishing a wheel to a site", figure=round(alone, 1), unit="ms"),
            Figure(
                promise=f"Publishing a wheel to a site with {MANY:,} packages",
                figure=round(among, 1),
                unit="ms",
                detail={"times_as_long": round(among / alone, 2)},
            ),
        ],
    )


if __name__ == "__main__":
    main()
