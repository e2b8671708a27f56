"""Run the benchmarks, all of them or those that are named: `python -m benchmarks [NAME]…`.

Each is a process of its own, one after the other. Then the tables and the picture are made of what
they wrote; the exit status is 1 if one failed, or a limit was missed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import picture, table


def main() -> None:
    """Run what is asked for, and make what shows it."""
    failed = []
    there = [name for name in table.ORDER if Path(__file__).with_name(f"{name}.py").is_file()]
    for name in sys.argv[1:] or there:
        print(f"benchmarks.{name}", file=sys.stderr, flush=True)
        if subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]):
            failed.append(name)
    table.write()
    picture.write()
    if failed:
        sys.exit(f"Failed, or a limit was missed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
