"""The figures of a benchmark, and the file that keeps them."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

#: The folder of the results, one file for each benchmark.
RESULTS = Path(__file__).with_name("results")

SCHEMA = 1

#: The load average before the benchmark. Other processes disturbed it where this is high.
LOAD = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A promise, its measured figure, and the limit that the figure must meet.

    `limit` is an upper limit, or a lower one where `at` is "least"; without a limit, the figure is
    only shown. `detail` has the measurements behind the figure.
    """

    promise: str
    figure: float
    unit: str
    limit: float | None = None
    at: Literal["most", "least"] = "most"
    detail: Mapping[str, Any] | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is within its limit."""
        if self.limit is None:
            return True
        return self.figure <= self.limit if self.at == "most" else self.figure >= self.limit


def save_and_exit(benchmark: str, figures: Sequence[Figure]) -> None:
    """Print and save the figures as JSON; exit with status 1 where one misses its limit."""
    document = {
        "schema": SCHEMA,
        "benchmark": benchmark,
        "command": f"python -m benchmarks.{benchmark}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "figures": [{**dataclasses.asdict(each), "met": each.met} for each in figures],
    }
    text = json.dumps(document, indent=2) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{benchmark}.json").write_text(text, encoding="utf-8")
    print(text, end="")
    sys.exit(0 if all(each.met for each in figures) else 1)


def machine() -> dict[str, Any]:
    """Return the kind of this machine, without anything that identifies it."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load_before": LOAD,
        "python": platform.python_version(),
    }


def _processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
