"""The size of our release wheels, against those of the same versions that are on PyPI for Pyodide.

Both get through the same page of calls (official.toml). Run it with `python -m benchmarks.size`.
"""

from __future__ import annotations

import statistics

from . import official
from .figures import Figure, tell

#: The most that ours may be of theirs, in the geometric mean.
AT_MOST = 0.92


def main() -> None:
    """Measure, and tell."""
    packages = {}
    with official.pairs(list(official.PACKAGES)) as pairs:
        for pair in pairs:
            for wheel in (pair.official, pair.ours):
                official.say(wheel, official.PACKAGES[pair.name]["calls"])
            packages[f"{pair.name} {pair.version}"] = {
                "ours_bytes": pair.ours.size,
                "official_bytes": pair.official.size,
                "ratio": round(pair.ours.size / pair.official.size, 3),
            }
    tell(
        "size",
        [
            Figure(
                promise="our release wheel / the one on PyPI, geometric mean of "
                + ", ".join(official.PACKAGES),
                figure=round(
                    statistics.geometric_mean(float(each["ratio"]) for each in packages.values()), 3
                ),
                unit="of its size",
                limit=AT_MOST,
                detail=packages,
            )
        ],
    )


if __name__ == "__main__":
    main()
