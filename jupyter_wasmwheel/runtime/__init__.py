"""What runs wheels: targets, Pyodide runtimes, Node, memory snapshots and locks."""
