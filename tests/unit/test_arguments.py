"""Arguments of the command line that cannot be parsed."""

from __future__ import annotations

import pytest

from jupyter_wasmwheel.api.errors import UsageError
from jupyter_wasmwheel.cli.arguments import create_parser


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["--colour"], "jupyter wasmwheel"),
        (["build", ".", "--output", "dist"], "jupyter wasmwheel build"),
        (["site", "create", "course", "--offline"], "jupyter wasmwheel site create"),
        (["cache", "list", "more"], "jupyter wasmwheel cache list"),
    ],
)
def test_unknown_argument_names_its_command(words: list[str], program: str) -> None:
    with pytest.raises(UsageError) as caught:
        create_parser(words[0]).parse_args(words)
    info = caught.value.info
    assert info.code == "usage.invalid-arguments"
    assert info.what.startswith(f"{program}: unrecognized arguments: ")
    assert info.why.startswith(f"usage: {program} ")
    assert f"`{program} --help`" in info.fix
