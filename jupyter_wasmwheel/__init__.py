"""Build Rust-based Python packages for Pyodide, and run them in JupyterLite."""

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Return the server extension; only a Jupyter server calls this."""
    from .server.app import WasmwheelApp

    return [{"module": "jupyter_wasmwheel.server.app", "app": WasmwheelApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return the folder of the built front end, for `jupyter labextension develop`."""
    return [{"src": "labextension", "dest": "jupyter-wasmwheel"}]


def __getattr__(name: str) -> object:
    """Import `WheelBuilder`, for notebooks, on first use."""
    if name == "WheelBuilder":
        from .widget.wheel_builder import WheelBuilder

        return WheelBuilder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
