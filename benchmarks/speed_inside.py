"""The speed of our release wheels in Pyodide, against those of the same versions that are on PyPI.

One call of `work` (official.toml) is timed as the quickest of many in a process of its own, in
Node.js, once V8 has optimised it; such processes with theirs and ours take turns, and the ratio is
taken turn by turn. Run it with `python -m benchmarks.speed_inside [TURNS]`.
"""

from __future__ import annotations

import statistics
import sys

from jupyter_wasmwheel.wheel import Wheel

from . import official
from .figures import Figure, tell

#: The least that theirs may take of ours. Runs of the very same wheel differ by some hundredths.
AT_LEAST = 1.0

#: What times it, after it has run for a while.
TIMER = """
import time
until = time.perf_counter() + 4
best = 1e9
while time.perf_counter() < until:
    begin = time.perf_counter()
    work()
    best = min(best, time.perf_counter() - begin)
print("seconds", best)
"""


def seconds(wheel: Wheel, work: str) -> float:
    """The seconds of a call."""
    output = official.say(wheel, work + TIMER)
    return float(output.rpartition("seconds")[2])


def main() -> None:
    """Measure, and tell."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    timed = [name for name, each in official.PACKAGES.items() if "work" in each]
    figures = []
    with official.pairs(timed) as pairs:
        for pair in pairs:
            work = official.PACKAGES[pair.name]["work"]
            theirs: list[float] = []
            ours: list[float] = []
            for turn in range(turns):
                both = [(pair.official, theirs), (pair.ours, ours)]
                for wheel, taken in both if turn % 2 else both[::-1]:
                    taken.append(seconds(wheel, work))
            ratios = [its / mine for its, mine in zip(theirs, ours, strict=True)]
            figures.append(
                Figure(
                    promise=f"{pair.name} {pair.version} in Pyodide / with the wheel on PyPI",
                    figure=round(statistics.median(ratios), 3),
                    unit="times as fast",
                    limit=AT_LEAST,
                    at="least",
                    detail={
                        "turns": turns,
                        "min": round(min(ratios), 3),
                        "max": round(max(ratios), 3),
                        "ours_milliseconds": round(1000 * min(ours), 3),
                        "official_milliseconds": round(1000 * min(theirs), 3),
                    },
                )
            )
    tell("speed_inside", figures)


if __name__ == "__main__":
    main()
