"""The class that notebooks use to build wheels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import UsageError
from .build_model import BuildModel

if TYPE_CHECKING:
    import ipywidgets


class WheelBuilder(BuildModel):
    """A builder of wheels for Pyodide: `report = await WheelBuilder("path").build()`.

    As the last value of a cell, it shows a form and its result. This requires ipywidgets.
    """

    def __init__(
        self, source: str | Path = ".", *, out: str | Path = "dist", **options: Any
    ) -> None:
        super().__init__(source, out=out, **options)
        self._view: ipywidgets.Widget | None = None

    @property
    def view(self) -> ipywidgets.Widget:
        """Return the widget that a cell shows, for use in other widgets."""
        if self._view is None:
            self._view = _view_of(self)
        return self._view

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the representation of the builder for Jupyter."""
        try:
            return self.view._repr_mimebundle_(**kwargs)
        except UsageError as error:
            return {"text/plain": f"{self!r}\n{error}"}


def _view_of(model: BuildModel) -> ipywidgets.Widget:
    try:
        from .view import create_view
    except ImportError as error:
        raise UsageError(
            "ipywidgets is required to show the builder.",
            "It is not installed in this kernel's environment.",
            "Run `pip install 'jupyter-wasmwheel[widget]'`, and restart the kernel. "
            "`await builder.build()` works without it.",
            code="widget.ipywidgets-missing",
        ) from error
    return create_view(model)
