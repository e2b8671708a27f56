"""Errors of the operating system are explained, whatever a project lets it raise."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_wasmwheel.errors.os_errors import known_error
from jupyter_wasmwheel.process.run import Command, run


def run_with(argument: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", "", argument]
    run(Command(words=words, cwd=tmp_path, env=os.environ), on_line=print)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports another error")
@pytest.mark.parametrize(
    ("start", "code"),
    [
        (lambda folder: run_with("x" * 10_000_000, folder), "project.arguments-too-long"),
        (lambda folder: run_with("a\0b", folder), "project.null-character"),
        (lambda folder: subprocess.run(["true", "x" * 10_000_000]), "project.arguments-too-long"),
        (lambda folder: subprocess.run(["true", "\0"]), "project.null-character"),
        (lambda folder: (folder / "a\0b").read_bytes(), "project.null-character"),
        (lambda folder: os.stat("a\0b"), "project.null-character"),
    ],
)
def test_text_that_the_system_does_not_accept_is_explained(
    start: Callable[[Path], object], code: str, tmp_path: Path
) -> None:
    with pytest.raises((OSError, ValueError)) as caught:
        start(tmp_path)
    known = known_error(caught.value)
    assert known
    assert known.info.code == code


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError(errno.EBADF, "x")])
def test_other_errors_are_bugs(error: Exception) -> None:
    assert known_error(error) is None
