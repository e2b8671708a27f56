"""The widget for notebooks, without a browser (ui-tests use one)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_wasmwheel import WheelBuilder
from jupyter_wasmwheel.api.errors import ErrorInfo, Retry, SourceError, UsageError


def test_widget_rejects_invalid_source_like_command_line(tmp_path: Path) -> None:
    builder = WheelBuilder(tmp_path / "nowhere")
    with pytest.raises(SourceError) as raised:
        asyncio.run(builder.build())
    assert raised.value.fix
    assert builder.state == "ready"


def test_widget_rejects_unknown_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        asyncio.run(WheelBuilder(tmp_path, colour="green").build())


def test_widget_escapes_build_output() -> None:
    builder = WheelBuilder()
    hostile = "<img src=x onerror=alert(1)>"
    builder.log = (hostile,)
    builder.problems = ({"rendered": hostile},)
    builder.error = {"what": hostile, "why": hostile, "fix": hostile, "status": 5}
    shown = [each.value for each in widgets_in(builder.view) if hasattr(each, "value")]
    texts = [text for text in shown if isinstance(text, str) and "onerror" in text]
    assert len(texts) == 2
    assert not [text for text in texts if "<img" in text]


def widgets_in(widget: object) -> list[object]:
    children = getattr(widget, "children", ())
    return [widget, *(each for child in children for each in widgets_in(child))]


@pytest.mark.parametrize(
    ("remedy", "button", "option"),
    [
        ({"ignore_lock": True}, "Ignore Cargo.lock and Retry", True),
        ({"make_optional": ("numpy",)}, "Make optional and Retry", ["pandas", "numpy"]),
        ({"offline": False}, "Without Offline and Retry", False),
        ({}, "Retry", None),
    ],
)
def test_widget_shows_remedy_as_button(
    remedy: dict[str, Any], button: str, option: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = WheelBuilder(make_optional=["pandas"])
    started: list[str] = []
    monkeypatch.setattr(builder, "start", lambda: started.append("start"))
    assert not buttons_in(builder.view).get(button)
    info = ErrorInfo(
        code="x.y", what="7f3a", why="7f3a", fix="7f3a", status=3, remedies=(Retry(changes=remedy),)
    )
    builder.error = msgspec.to_builtins(info)
    builder.state = "failed"
    buttons_in(builder.view)[button].click()
    assert started == ["start"]
    assert [builder.options.get(key) for key in remedy] == ([option] if remedy else [])


def buttons_in(widget: object) -> dict[str, Any]:
    return {each.description: each for each in widgets_in(widget) if hasattr(each, "click")}
