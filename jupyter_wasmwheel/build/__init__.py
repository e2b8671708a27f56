"""Building wheels: plans, cargo, maturin, other build backends, seeds and the cache."""
