"""What the README promises in numbers, measured: `python -m benchmarks` runs all of it."""
