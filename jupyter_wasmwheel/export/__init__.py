"""Exports: a package as input for other build tools."""
