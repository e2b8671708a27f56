"""The figures of a benchmark, and the file that keeps them."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

#: The folder of the results, one file for each benchmark.
RESULTS = Path(__file__).with_name("results")

SCHEMA = 1

#: The largest load average at the start of a benchmark: other processes would disturb it.
MAX_LOAD = 0.5

#: Seconds to wait for that; the average follows the load slowly.
WAIT_S = 300

#: The load average at the start, for the result.
LOAD_BEFORE: list[float] = []


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


def require_quiet_machine() -> None:
    """Wait until the machine has nothing else to do; exit if it has too much for too long."""
    deadline = time.monotonic() + WAIT_S
    while (load := load_average()) is not None and load > MAX_LOAD:
        if time.monotonic() > deadline:
            sys.exit(
                f"The load average is {load:.1f}. A benchmark would be disturbed above {MAX_LOAD}. "
                "End the other programs, and run it again."
            )
        time.sleep(5)
    LOAD_BEFORE[:] = [] if load is None else [round(load, 1)]


def load_average() -> float | None:
    """Return the load average of the last minute where the system has one."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


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
        "load_before": LOAD_BEFORE[0] if LOAD_BEFORE else None,
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
