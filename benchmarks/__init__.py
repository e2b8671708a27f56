"""The benchmarks behind docs/benchmarks.md; `python -m benchmarks` runs all of them."""
