"""`jupyter wasmwheel completion`: print a script that completes commands in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from .arguments import create_parser
from .options import add_command
from .result import CliContext, CommandResult, result

#: The command whose words the scripts complete.
PROGRAM = "jupyter-wasmwheel"

#: The shells that every supported release of shtab knows.
SHELLS = ("bash", "zsh", "tcsh")

#: Completes `jupyter wasmwheel` in bash too, unless `jupyter` has another completion.
JUPYTER = """
_jupyter_with_wasmwheel() {
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W wasmwheel -- "$2"))
  elif [ "${COMP_WORDS[1]}" = wasmwheel ]; then
    COMP_WORDS=(jupyter-wasmwheel "${COMP_WORDS[@]:2}")
    COMP_CWORD=$((COMP_CWORD - 1))
    _shtab_jupyter_wasmwheel
  fi
}
complete -p jupyter >/dev/null 2>&1 ||
  complete -o bashdefault -o default -F _jupyter_with_wasmwheel jupyter
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "completion",
        run,
        "print a completion script for a shell",
        epilog='For bash, add this line to ~/.bashrc: eval "$(jupyter wasmwheel completion bash)"',
    )
    parser.add_argument("shell", choices=SHELLS, help="shell to complete in")


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Print the completion script for a shell."""
    import shtab  # only needed here

    parser = create_parser(prog=PROGRAM)
    for action in _actions(parser):
        value = str(action.metavar)
        if "DIR" in value or "FOLDER" in value:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif value in ("FILE", "SOURCE", "WHEEL"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    script = shtab.complete(parser, args.shell)
    if args.shell == "bash":
        script += JUPYTER
    return result(script, {"script": script})


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action
