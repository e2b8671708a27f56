"""Checks of wheels: audit, import ("smoke"), dependencies, own tests, PyPI and reports."""
