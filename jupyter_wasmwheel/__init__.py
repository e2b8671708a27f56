"""Put a Python package with Rust in it into a browser."""

__version__ = "0.1.0"
