"""The proof that a wheel works: audit, smoke, dependencies."""
