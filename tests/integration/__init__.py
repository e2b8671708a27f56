"""Tests with the real parts: Rust, maturin, Pyodide in Node, JupyterLite in Chromium."""
