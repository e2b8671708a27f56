"""The checks of the starter crate's wheel, its size, and publishing it, alone and among 1,000.

Run it with `python benchmarks/checks_and_publish.py [RUNS]`; the target's runtime and its snapshot
are made by a first build that is not counted.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from jupyter_wasmwheel import config, pipeline, wheel
from jupyter_wasmwheel.build.request import BuildRequest
from jupyter_wasmwheel.events import ignore
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.site import lite, publish

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
        publish.publish(site, read, [], ignore)
        taken.append((time.monotonic() - begin) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Measure and print the result as JSON."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    store = config.load().store()
    its_node = node.get(store, ignore)
    target = targets.find(targets.default_abi())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crate = starter.make("hello", folder)
        request = BuildRequest(source=str(crate), out=folder / "dist")
        pipeline.run(request, store, ignore)
        reports = [pipeline.run(request, store, ignore) for _ in range(runs)]
        checks = [report.phases["audit"] + report.phases["smoke"] for report in reports]
        site = lite.create(folder / "site", target, store, its_node, Index(), ignore)
        path = reports[0].wheel.path
        alone = publishing(site, path, runs)
        for number in range(MANY):
            publish.publish(site, plain_wheel(folder, number), [], ignore)
        among = publishing(site, path, runs)
        print(
            json.dumps(
                {
                    "benchmark": "checks, size and publishing of the starter crate",
                    "checks_seconds": round(statistics.median(checks), 2),
                    "wheel_bytes": reports[0].wheel.size,
                    "publish_milliseconds": round(alone, 1),
                    f"publish_milliseconds_among_{MANY}": round(among, 1),
                    "ratio": round(among / alone, 2),
                },
                indent=2,
            )
        )


if __name__ == "__main__":
    main()
