"""Runtimes for wheels: targets, Pyodide, Node.js, memory snapshots, locks and packages."""
