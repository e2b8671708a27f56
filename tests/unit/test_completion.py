"""Shell completion: bash accepts the script, and completes commands, options and choices."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jupyter_wasmwheel import cli

bash = shutil.which("bash")

#: Completes the last of the words that follow the script, as bash does when Tab is pressed.
COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
function=$(complete -p "$1" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
echo "${COMPREPLY[*]}"
"""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Write the completion script for bash."""
    assert cli.run(["completion", "bash"]) == 0
    path = tmp_path / "completion.bash"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.mark.skipif(bash is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("jupyter wasmw", "wasmwheel"),
        ("jupyter wasmwheel bu", "build"),
        ("jupyter-wasmwheel bu", "build"),
        ("jupyter wasmwheel build --prof", "--profile"),
        ("jupyter wasmwheel build --profile d", "draft"),
        ("jupyter wasmwheel site cr", "create"),
        ("jupyter lab x", ""),
    ],
)
def test_bash_completes_words(script: Path, words: str, expected: str) -> None:
    command = [str(bash), "--norc", "-c", COMPLETE, "bash", str(script), *words.split()]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ran.stdout.strip(), ran.stderr) == (expected, "")


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["completion", shell]) == 0
    assert "build" in capsys.readouterr().out
