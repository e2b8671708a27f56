"""The speed of our release wheels in Pyodide, compared with the wheels on PyPI.

A process of Node.js calls `work` (official.toml) for some seconds, so that V8 optimizes it, and
reports the fastest call. Processes with their wheel and with ours alternate, and the ratio is taken
turn by turn. Run it with `python -m benchmarks.speed_inside [TURNS]`.
"""

from __future__ import annotations

import statistics
import sys

from jupyter_wasmwheel.wheel import Wheel

from . import official
from .figures import Figure, require_quiet_machine, save_and_exit

#: The lower limit for the ratio. Runs of the same wheel differ by some hundredths.
RATIO_LIMIT = 1.0

#: The code that times `work`.
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
    """Return the duration of the fastest call in seconds."""
    output = official.output_of(wheel, work + TIMER)
    return float(output.rpartition("seconds")[2])


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
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
            ratios = [theirs_s / ours_s for theirs_s, ours_s in zip(theirs, ours, strict=True)]
            figures.append(
                Figure(
                    promise=f"{pair.name} {pair.version} in Pyodide compared with PyPI's wheel",
                    figure=round(statistics.median(ratios), 3),
                    unit="times as fast",
                    limit=RATIO_LIMIT,
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
    save_and_exit("speed_inside", figures)


if __name__ == "__main__":
    main()
