"""What a notebook's cell shows of a builder: ipywidgets, in the colours of the theme.

All that comes from a build is escaped: a widget of HTML runs what it is given.
"""

from __future__ import annotations

import html
import typing
from collections.abc import Mapping
from typing import Any

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

#: How many lines of the log, and how many problems, are shown; the builder has more.
SHOWN, PROBLEMS = 300, 20

#: How a block of text looks, and a long one, whose newest line stays in sight: turned round, it is
#: scrolled from below.
BLOCK = (
    "background: var(--jp-layout-color2); color: var(--jp-content-font-color1); "
    "font-family: var(--jp-code-font-family); font-size: var(--jp-code-font-size); "
    "line-height: 1.35; margin: 0; overflow: visible; overflow-wrap: anywhere; padding: 4px 8px; "
    "white-space: pre-wrap;"
)
SCROLLED = "display: flex; flex-direction: column-reverse; max-height: 20em; overflow: auto;"

#: What a state is called; what runs is called by its phase.
STATES = {
    "ready": "Not built yet",
    "running": "Starting",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Canceled",
}

#: The options that the view has a field for, besides the source, the profile and the place.
FIELDS = ("features", "make_optional", "with_dependencies")

_OPTIONS = requests.options(BuildRequest)


def make(builder: BuildModel) -> widgets.Widget:
    """The widgets of a builder; they show what its traits say, whoever changes them."""
    return _View(builder).box


class _View:
    """The widgets, and what they do."""

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
        self._fields = {name: _field(name, builder.options.get(name)) for name in FIELDS}
        self._remedies = widgets.HBox()
        self._build = widgets.Button(
            description="Build for Pyodide",
            button_style="primary",
            icon="cogs",
            layout=widgets.Layout(width="auto"),
        )
        self._cancel = widgets.Button(description="Cancel", icon="stop", disabled=True)
        self._bar = widgets.IntProgress(layout=_wide())
        self._status, self._result, self._log = (widgets.HTML() for _ in range(3))
        options = widgets.VBox(list(self._fields.values()))
        self.box = widgets.VBox(
            [
                self._source,
                self._place,
                self._profile,
                widgets.HBox(
                    [
                        self._build,
                        self._cancel,
                        _shows(options, "Options", "sliders"),
                        _shows(self._log, "Log", "align-left"),
                    ]
                ),
                options,
                self._status,
                self._bar,
                self._result,
                self._remedies,
                self._log,
            ]
        )
        self.box.add_class("jp-wasmwheel-builder")
        self._offer_places()
        self._connect()

    def _offer_places(self) -> None:
        """Offer the sites there are, and a wheel for each target."""
        offered = {
            ("site", site.name): f"{site.name} (Pyodide {site.pyodide})"
            for site in lite.list_sites(config.load().store())
        }
        for target in targets.all_targets():
            offered["target", target.abi] = f"a wheel for Pyodide {target.pyodide}"
        options = self._builder.options
        if options.get("site"):
            wanted = ("site", options["site"])
        else:
            wanted = ("target", options.get("target") or targets.default_abi())
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

    def _start(self) -> None:
        """Build what the fields say; what cannot be built is said below them."""
        kind, place = self._place.value
        shown = ("site", "target", "profile", *FIELDS)
        kept = {key: value for key, value in self._builder.options.items() if key not in shown}
        self._builder.source = self._source.value.strip()
        self._builder.options = kept | {
            kind: place,
            "profile": self._profile.value,
            **{name: _value(field) for name, field in self._fields.items()},
        }
        self._start_builder()

    def _retry(self, remedy: Retry) -> None:
        """Build the same again with the changes of a remedy, which the fields show too."""
        self._builder.options = requests.changed(self._builder.options, remedy.changes)
        for name, field in self._fields.items():
            _show(field, self._builder.options.get(name))
        self._profile.value = self._builder.options.get("profile", self._profile.value)
        self._start_builder()

    def _start_builder(self) -> None:
        try:
            self._builder.start()
        except WasmwheelError as error:
            self._result.value = _error(error.as_json())
            self._offer(error.as_json())

    def _offer(self, error: Mapping[str, Any]) -> None:
        """Offer a button for each remedy of an error that a notebook has."""
        remedies = msgspec.convert(error.get("remedies", ()), tuple[Remedy, ...])
        buttons = []
        for remedy in remedies:
            if isinstance(remedy, Retry):
                layout = widgets.Layout(width="auto")
                button = widgets.Button(description=_label(remedy), icon="repeat", layout=layout)
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
            count = [f"{done} of {total}"] if total else []
            words = [builder.phase, *count, *([builder.label] if builder.label else [])]
        self._status.value = f'<div role="status">{html.escape(" · ".join(words))}</div>'
        self._bar.max = total or 1
        self._bar.value = (done if total else 0) if running else builder.state == "done"
        self._bar.layout.visibility = "visible" if running else "hidden"

    def _show_log(self) -> None:
        lines = self._builder.log[-SHOWN:]
        text = html.escape("\n".join(lines)) or "Nothing yet."
        self._log.value = (
            f'<pre role="log" aria-label="Log" tabindex="0" style="{BLOCK} {SCROLLED}">{text}</pre>'
        )

    def _show_result(self) -> None:
        builder = self._builder
        parts = []
        for each in builder.problems[:PROBLEMS]:
            parts.append(
                f'<pre style="{BLOCK}">{html.escape(str(each["rendered"]).rstrip())}</pre>'
            )
        if len(builder.problems) > PROBLEMS:
            parts.append(f"<p>… and {len(builder.problems) - PROBLEMS} more.</p>")
        if builder.error and builder.state != "cancelled":
            parts.append(_error(builder.error))
            self._offer(builder.error)
        else:
            self._offer({})
        if builder.report:
            parts.append(_report(builder.report))
        self._result.value = "".join(parts)


def _field(name: str, value: Any) -> widgets.Widget:
    """Return the field for an option of a build: a box to check, or words in a text."""
    option = _OPTIONS[name]
    if typing.get_type_hints(BuildRequest)[name] is bool:
        field = widgets.Checkbox(indent=False, layout=_wide())
    else:
        field = widgets.Text(placeholder=option.placeholder, layout=_wide())
    field.description, field.tooltip = option.label, option.help
    _show(field, value)
    return field


def _show(field: widgets.Widget, value: Any) -> None:
    """Show the value of an option in its field."""
    is_check = isinstance(field, widgets.Checkbox)
    field.value = bool(value) if is_check else " ".join(value or ())


def _value(field: widgets.Widget) -> bool | list[str]:
    """Return the value of an option that its field shows."""
    value: bool | str = field.value
    return value if isinstance(value, bool) else value.split()


def _label(remedy: Retry) -> str:
    """Return the text of a button that tries again."""
    changes = [
        f"Without {_OPTIONS[key].label}" if value is False else _OPTIONS[key].label or key
        for key, value in remedy.changes.items()
        if key in _OPTIONS
    ]
    return " and ".join([*changes, "Retry"])


def _wide() -> widgets.Layout:
    """A layout of a widget's own that takes the cell's width."""
    return widgets.Layout(width="auto")


def _shows(part: widgets.Widget, name: str, icon: str) -> widgets.Widget:
    """A button that shows a part, and hides it again; it is hidden at first."""
    button = widgets.ToggleButton(description=name, icon=icon)
    part.layout.display = "none"

    def show(change: Mapping[str, Any]) -> None:
        part.layout.display = None if change["new"] else "none"

    button.observe(show, "value")
    return button


def _error(error: Mapping[str, Any]) -> str:
    """An error as what happened, why, and what to do."""
    what, why, fix = (html.escape(str(error[key])) for key in ("what", "why", "fix"))
    return (
        '<div role="alert" style="border-left: 4px solid var(--jp-error-color1); '
        f'padding-left: 8px"><strong>{what}</strong><p>{why}</p><p>{fix}</p></div>'
    )


def _report(report: Mapping[str, Any]) -> str:
    """What a build came to, a line each."""
    target, smoke, published = report["target"], report["smoke"], report["published"]
    took = sum(phase["seconds"] for phase in report["phases"])
    rows = {
        "Wheel": report["wheel"],
        "SHA-256": report["sha256"],
        "Size": size(report["size"]),
        "For": f"Pyodide {target['pyodide']}, Python {target['python']}",
        "Import": f"{smoke['module']} works, {duration(smoke['seconds'])}"
        if smoke
        else "not tried",
        "Time": duration(took) + (", as it was kept" if report["cached"] else ""),
    }
    lines = [_row(name, html.escape(str(text))) for name, text in rows.items()]
    if published:
        url = html.escape(published["url"], quote=True)
        lines.append(_row("In the site", f'<a href="{url}" target="_blank">{url}</a>'))
    title = html.escape(f"{report['name']} {report['version']} is built.")
    return f"<strong>{title}</strong><table>{''.join(lines)}</table>"


def _row(name: str, text: str) -> str:
    return (
        f'<tr><th scope="row" style="text-align: left; padding-right: 1em">{name}</th>'
        f'<td style="overflow-wrap: anywhere">{text}</td></tr>'
    )
