"""Fuzz with atheris: `python -m tests.fuzz TARGET [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris  # pip install atheris

with atheris.instrument_imports(include=["jupyter_wasmwheel", "zipfile"]):
    from tests.fuzz.targets import CORPUS, TARGETS

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options, str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()
