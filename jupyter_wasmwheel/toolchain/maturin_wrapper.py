"""The maturin that a build's PATH has: ours, with arguments for the target.

A build backend that wraps maturin's runs `maturin pep517 build-wheel`, and a build hook `maturin
build`, as for this machine. `wasmwheel-cargo` runs it if it is called `maturin`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

#: The variables with the maturin to run, and with its arguments for the target (JSON).
PROGRAM, ARGUMENTS = "WASMWHEEL_MATURIN", "WASMWHEEL_MATURIN_ARGUMENTS"

#: maturin's options that name the interpreter, and the target.
INTERPRETER, TARGET = ("-i", "--interpreter"), ("--target",)

#: The commands that build: one or two words.
BUILDING = (("pep517", "build-wheel"), ("pep517", "write-dist-info"), ("build",), ("b",))


def with_target(given: Sequence[str], added: Sequence[str]) -> list[str]:
    """Return maturin's arguments with the target's; those replace an interpreter and a target."""
    words = next((each for each in BUILDING if tuple(given[: len(each)]) == each), None)
    if words is None:
        return list(given)
    replaced = [name for names in (INTERPRETER, TARGET) if {*names} & {*added} for name in names]
    kept: list[str] = []
    rest = iter(given[len(words) :])
    for word in rest:
        if word in replaced:
            next(rest, None)
        elif word.partition("=")[0] not in replaced:
            kept.append(word)
    return [*words, *added, *kept]


def command(given: Sequence[str]) -> list[str]:
    """Return the command that runs maturin for the target."""
    added = json.loads(os.environ[ARGUMENTS])
    return [os.environ[PROGRAM], *with_target(given, added)]
