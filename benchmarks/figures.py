"""The shape in which every benchmark tells what it measured, and where it is kept."""

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

#: Where the results are, a file a benchmark.
RESULTS = Path(__file__).with_name("results")

SCHEMA = 1

#: How many processes wanted to run in the minute before; where that is much, so was something else.
LOAD = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A promise, what was measured of it, and the limit that it is to stay within.

    `limit` is the most that it may be, or the least where `at` is "least"; None of what is only
    told. `unit` is as a person reads it after the number. `detail` is what the figure comes from.
    """

    promise: str
    figure: float
    unit: str
    limit: float | None = None
    at: Literal["most", "least"] = "most"
    detail: Mapping[str, Any] | None = None

    @property
    def met(self) -> bool:
        """Whether it is within its limit."""
        if self.limit is None:
            return True
        return self.figure <= self.limit if self.at == "most" else self.figure >= self.limit


def tell(benchmark: str, figures: Sequence[Figure]) -> None:
    """Print what was measured as JSON, and keep it; end with 1 where a limit is missed."""
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
    """The kind of machine that measured: nothing that would say whose it is."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load_before": LOAD,
        "python": platform.python_version(),
    }


def _processor() -> str:
    """The processor's name, where the system tells (/proc)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
