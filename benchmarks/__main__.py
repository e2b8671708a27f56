"""Run all benchmarks, or the named ones: `python -m benchmarks [NAME]…`.

Each runs in its own process, one after the other. Then the tables and the picture are generated.
The exit status is 1 if a benchmark failed or missed a limit.
"""

from __future__ import annotations

import subprocess
import sys

from . import picture, table


def main() -> None:
    """Run the benchmarks, and generate the tables and the picture."""
    failed = []
    for name in sys.argv[1:] or table.ORDER:
        print(f"benchmarks.{name}", file=sys.stderr, flush=True)
        if subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]):
            failed.append(name)
    table.write()
    picture.write()
    if failed:
        sys.exit(f"Failed or missed a limit: {', '.join(failed)}")


if __name__ == "__main__":
    main()
