"""Put a Python package with Rust in it into a browser."""

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter finds the server extension; asked only by a Jupyter server."""
    from .server.app import WasmwheelApp

    return [{"module": "jupyter_wasmwheel.server.app", "app": WasmwheelApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where the built front end is; asked by `jupyter labextension develop`."""
    return [{"src": "labextension", "dest": "jupyter-wasmwheel"}]


def __getattr__(name: str) -> object:
    """`WheelBuilder`, for notebooks; imported only when somebody asks for it."""
    if name == "WheelBuilder":
        from .widget.wheel_builder import WheelBuilder

        return WheelBuilder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
