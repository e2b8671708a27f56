"""The view of a builder in a notebook's cell: ipywidgets, in the colors of the theme.

All text of a build is escaped, because an HTML widget runs the scripts in its text.
"""

from __future__ import annotations

import html
import typing
from collections.abc import Mapping
from typing import Any, Literal

import ipywidgets as widgets
import msgspec

from .. import config
from ..api import requests
from ..api.errors import Remedy, Retry, WasmwheelError
from ..api.requests import BuildRequest, Profile
from ..cli.format import duration, size
from ..runtime import targets
from ..site import lite
from .build_model import BuildModel

#: The numbers of lines of the log and of problems that are shown; the builder has more.
SHOWN_LINES, SHOWN_PROBLEMS = 300, 20

#: The style of a block of text, and of a long one, which is reversed so that its end stays visible.
BLOCK = (
    "background: var(--jp-layout-color2); color: var(--jp-content-font-color1); "
    "font-family: var(--jp-code-font-family); font-size: var(--jp-code-font-size); "
    "line-height: 1.35; margin: 0; overflow: visible; overflow-wrap: anywhere; padding: 4px 8px; "
    "white-space: pre-wrap;"
)
SCROLLED = "display: flex; flex-direction: column-reverse; max-height: 20em; overflow: auto;"

#: The labels of the states; a running build shows its phase instead.
STATES = {
    "ready": "Not built yet",
    "running": "Starting",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Canceled",
}

_OPTIONS = requests.options(BuildRequest)
_HINTS = typing.get_type_hints(BuildRequest)
_DEFAULTS = msgspec.structs.asdict(BuildRequest(source=""))


def create_view(builder: BuildModel) -> widgets.Widget:
    """Return the widgets of a builder, which follow its traits."""
    return _View(builder).box


class _View:
    """The widgets of a builder, and their actions."""

    def __init__(self, builder: BuildModel) -> None:
        self._builder = builder
        self._source = widgets.Text(
            value=builder.source,
            description="Build",
            placeholder=_OPTIONS["source"].help,
            layout=_wide(),
        )
        self._place = widgets.Dropdown(description="for", layout=_wide())
        self._profile = widgets.ToggleButtons(
            options=[(each.capitalize(), each) for each in typing.get_args(Profile)],
            value=builder.options.get("profile", "release"),
            tooltip=_OPTIONS["profile"].help,
            description="Profile",
        )
        self._fields = {name: _field(name) for name, each in _OPTIONS.items() if each.label}
        self._show_options()
        self._remedies = widgets.HBox()
        self._build = widgets.Button(
            description="Build for Pyodide", button_style="primary", icon="cogs", layout=_wide()
        )
        self._cancel = widgets.Button(description="Cancel", icon="stop", disabled=True)
        self._bar = widgets.IntProgress(layout=_wide())
        self._status, self._result, self._log = (widgets.HTML() for _ in range(3))
        options = widgets.VBox(list(self._fields.values()))
        buttons = [
            self._build,
            self._cancel,
            _toggle(options, "Options", "sliders"),
            _toggle(self._log, "Log", "align-left"),
        ]
        rows = [self._source, self._place, self._profile, widgets.HBox(buttons), options]
        rows += [self._status, self._bar, self._result, self._remedies, self._log]
        self.box = widgets.VBox(rows)
        self.box.add_class("jp-wasmwheel-builder")
        self._offer_places()
        self._connect()

    def _offer_places(self) -> None:
        """Offer the existing sites, and a wheel for each target."""
        offered = {
            ("site", site.name): f"{site.name} (Pyodide {site.pyodide})"
            for site in lite.list_sites(config.load().store())
        }
        for target in targets.all_targets():
            offered["target", target.abi] = f"a wheel for Pyodide {target.pyodide}"
        options = self._builder.options
        wanted = ("target", options.get("target") or targets.default_abi())
        if options.get("site"):
            wanted = ("site", options["site"])
        offered.setdefault(wanted, wanted[1])
        self._place.options = [(text, place) for place, text in offered.items()]
        self._place.value = wanted

    def _connect(self) -> None:
        self._build.on_click(lambda _: self._start())
        self._cancel.on_click(lambda _: self._builder.cancel())
        observe = self._builder.observe
        observe(lambda change: setattr(self._source, "value", change["new"]), "source")
        observe(lambda _: self._show_state(), ["state", "phase", "progress", "label"])
        observe(lambda _: self._show_log(), "log")
        observe(lambda _: self._show_result(), ["problems", "report", "error", "state"])
        self._show_state()
        self._show_log()
        self._show_result()

    def _show_options(self) -> None:
        """Show the options of the builder in their fields."""
        for name, field in self._fields.items():
            value = self._builder.options.get(name, _DEFAULTS[name])
            field.value = value if isinstance(value, bool | str) else " ".join(value)

    def _start(self) -> None:
        """Start a build with the values of the fields."""
        kind, place = self._place.value
        shown = ("site", "target", "profile", *self._fields)
        kept = {key: value for key, value in self._builder.options.items() if key not in shown}
        values = {name: _value(name, field) for name, field in self._fields.items()}
        given = {key: value for key, value in values.items() if value != _DEFAULTS[key]}
        self._builder.source = self._source.value.strip()
        self._builder.options = kept | {kind: place, "profile": self._profile.value} | given
        self._start_builder()

    def _retry(self, remedy: Retry) -> None:
        """Start the same build with the changes of a remedy, and show them in the fields."""
        self._builder.options = requests.changed(self._builder.options, remedy.changes)
        self._show_options()
        self._profile.value = self._builder.options.get("profile", self._profile.value)
        self._start_builder()

    def _start_builder(self) -> None:
        try:
            self._builder.start()
        except WasmwheelError as error:
            self._result.value = _error(error.as_json())
            self._offer(error.as_json())

    def _offer(self, error: Mapping[str, Any]) -> None:
        """Offer a button for each remedy that retries the build."""
        buttons = []
        for remedy in msgspec.convert(error.get("remedies", ()), tuple[Remedy, ...]):
            if isinstance(remedy, Retry):
                button = widgets.Button(description=_label(remedy), icon="repeat", layout=_wide())
                button.on_click(lambda _, remedy=remedy: self._retry(remedy))
                buttons.append(button)
        self._remedies.children = buttons

    def _show_state(self) -> None:
        builder = self._builder
        running = builder.state == "running"
        self._build.disabled, self._cancel.disabled = running, not running
        done, total = builder.progress
        words = [STATES[builder.state]]
        if running and builder.phase:
            count = f"{done} of {total}" if total else ""
            words = [each for each in (builder.phase, count, builder.label) if each]
        self._status.value = f'<div role="status">{html.escape(" · ".join(words))}</div>'
        self._bar.max = total or 1
        self._bar.value = (done if total else 0) if running else builder.state == "done"
        self._bar.layout.visibility = "visible" if running else "hidden"

    def _show_log(self) -> None:
        text = html.escape("\n".join(self._builder.log[-SHOWN_LINES:])) or "No output yet."
        self._log.value = (
            f'<pre role="log" aria-label="Log" tabindex="0" style="{BLOCK} {SCROLLED}">{text}</pre>'
        )

    def _show_result(self) -> None:
        builder = self._builder
        parts = [
            f'<pre style="{BLOCK}">{html.escape(str(each["rendered"]).rstrip())}</pre>'
            for each in builder.problems[:SHOWN_PROBLEMS]
        ]
        if len(builder.problems) > SHOWN_PROBLEMS:
            parts.append(f"<p>… and {len(builder.problems) - SHOWN_PROBLEMS} more.</p>")
        error = builder.error if builder.error and builder.state != "cancelled" else {}
        if error:
            parts.append(_error(error))
        self._offer(error)
        if builder.report:
            parts.append(_report(builder.report))
        self._result.value = "".join(parts)


def _field(name: str) -> widgets.Widget:
    """Return the form field for an option: a checkbox, a dropdown, or a text."""
    option, hint = _OPTIONS[name], _HINTS[name]
    if hint is bool:
        field = widgets.Checkbox(indent=False, layout=_wide())
    elif typing.get_origin(hint) is Literal:
        field = widgets.Dropdown(options=typing.get_args(hint), layout=_wide())
    else:
        field = widgets.Text(placeholder=option.placeholder, layout=_wide())
    field.description, field.tooltip = option.label, option.help
    return field


def _value(name: str, field: widgets.Widget) -> Any:
    """Return the value of an option from its field."""
    if isinstance(_DEFAULTS[name], tuple):
        return tuple(field.value.split())
    return field.value or _DEFAULTS[name]


def _label(remedy: Retry) -> str:
    """Return the label of a button that retries."""
    changes = [
        f"Without {_OPTIONS[key].label}" if value is False else _OPTIONS[key].label or key
        for key, value in remedy.changes.items()
        if key in _OPTIONS
    ]
    return " and ".join([*changes, "Retry"])


def _wide() -> widgets.Layout:
    """Return a new layout with automatic width; widgets must not share one."""
    return widgets.Layout(width="auto")


def _toggle(part: widgets.Widget, name: str, icon: str) -> widgets.Widget:
    """Return a button that shows and hides a part, and hide the part."""
    button = widgets.ToggleButton(description=name, icon=icon)
    part.layout.display = "none"

    def show(change: Mapping[str, Any]) -> None:
        part.layout.display = None if change["new"] else "none"

    button.observe(show, "value")
    return button


def _error(error: Mapping[str, Any]) -> str:
    """Return an error as HTML."""
    what, why, fix = (html.escape(str(error[key])) for key in ("what", "why", "fix"))
    return (
        '<div role="alert" style="border-left: 4px solid var(--jp-error-color1); '
        f'padding-left: 8px"><strong>{what}</strong><p>{why}</p><p>{fix}</p></div>'
    )


def _report(report: Mapping[str, Any]) -> str:
    """Return the report of a build as an HTML table."""
    target, smoke, published = report["target"], report["smoke"], report["published"]
    seconds = sum(phase["seconds"] for phase in report["phases"])
    rows = {
        "Wheel": report["wheel"],
        "SHA-256": report["sha256"],
        "Size": size(report["size"]),
        "Target": f"Pyodide {target['pyodide']}, Python {target['python']}",
        "Import": f"{smoke['module']} works ({duration(smoke['seconds'])})" if smoke else "skipped",
        "Time": duration(seconds) + (" (cached)" if report["cached"] else ""),
    }
    rows = {name: html.escape(str(text)) for name, text in rows.items()}
    if published:
        url = html.escape(published["url"], quote=True)
        rows["Notebook"] = f'<a href="{url}" target="_blank">{url}</a>'
    table = "".join(
        f'<tr><th scope="row" style="text-align: left; padding-right: 1em">{name}</th>'
        f'<td style="overflow-wrap: anywhere">{text}</td></tr>'
        for name, text in rows.items()
    )
    title = html.escape(f"Built {report['name']} {report['version']}")
    return f"<strong>{title}</strong><table>{table}</table>"
