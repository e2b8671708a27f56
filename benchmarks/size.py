"""The size of our release wheels, compared with the wheels of the same versions on PyPI.

Both pass the same calls (official.toml). Run it with `python -m benchmarks.size`.
"""

from __future__ import annotations

import statistics

from . import official
from .figures import Figure, save_and_exit

#: The limit for the geometric mean of the ratios.
RATIO_LIMIT = 0.92


def main() -> None:
    """Run the benchmark."""
    packages = {}
    with official.pairs(list(official.PACKAGES)) as pairs:
        for pair in pairs:
            for wheel in (pair.official, pair.ours):
                official.output_of(wheel, official.PACKAGES[pair.name]["calls"])
            packages[f"{pair.name} {pair.version}"] = {
                "ours_bytes": pair.ours.size,
                "official_bytes": pair.official.size,
                "ratio": round(pair.ours.size / pair.official.size, 3),
            }
    save_and_exit(
        "size",
        [
            Figure(
                promise="Release wheels compared with those on PyPI (geometric mean of "
                f"{', '.join(official.PACKAGES)})",
                figure=round(
                    statistics.geometric_mean(float(each["ratio"]) for each in packages.values()), 3
                ),
                unit="of their size",
                limit=RATIO_LIMIT,
                detail=packages,
            )
        ],
    )


if __name__ == "__main__":
    main()
