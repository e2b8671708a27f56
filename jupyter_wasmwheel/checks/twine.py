"""twine, which has PyPI's rules for metadata, and uploads wheels."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path

from .. import build_variables
from ..api.errors import CheckError, ToolchainError
from ..api.sanitize import redact

#: A message of twine, and the colors in its output.
_MESSAGE = re.compile(r"(WARNING|ERROR)\s+(.*)")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")

#: The beginning of an address, as opposed to the name of an index in `~/.pypirc`.
_ADDRESS = re.compile(r"https?://")


def check(wheel: Path) -> tuple[bool, str]:
    """Return whether PyPI would accept the metadata of a wheel, and twine's messages."""
    env = build_variables.for_build(os.environ)
    done = _run(["check", str(wheel)], env)
    lines = _COLORS.sub("", done.stdout + done.stderr).splitlines()
    messages = " ".join(
        found[2].strip() for line in lines if (found := _MESSAGE.match(line.strip()))
    )
    return not done.returncode, messages or (" ".join(lines[-3:]) if done.returncode else "")


def upload(wheels: Sequence[Path], repository: str) -> None:
    """Upload wheels to an index: an address, or a name in `~/.pypirc`.

    twine reads the login from its variables, from that file or from the keyring.
    """
    option = "--repository-url" if _ADDRESS.match(repository) else "--repository"
    words = ["upload", "--non-interactive", "--disable-progress-bar", f"{option}={repository}"]
    done = _run([*words, "--", *map(str, wheels)], os.environ)
    if done.returncode:
        lines = _COLORS.sub("", done.stdout + done.stderr).split("\n")
        raise CheckError(
            f"Could not upload to {redact(repository)}.",
            redact(" ".join(" ".join(lines[-8:]).split())),
            "Check the address and your login (TWINE_USERNAME and TWINE_PASSWORD, or ~/.pypirc). "
            "An index keeps the first file of a name: to upload another one, raise the version.",
            code="publish.upload-failed",
        )


def _run(words: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    if util.find_spec("twine") is None:
        raise ToolchainError(
            "twine is required to check and upload wheels.",
            "It has PyPI's rules, and is in this package's extra `pypi`.",
            "Install it: `pip install 'jupyter-wasmwheel[pypi]'`.",
            code="publish.twine-missing",
        )
    command = [sys.executable, "-P", "-m", "twine", "--no-color", *words]
    return subprocess.run(command, env={**env, "COLUMNS": "1000"}, capture_output=True, text=True)
