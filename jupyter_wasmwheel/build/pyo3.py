"""PyO3's configuration file, with the Python that it is compiled for.

maturin writes one into each target folder, and pyo3 is compiled again for each path. Ours has the
same path in all builds, so that seeds fit.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..api.events import Emitter
from ..runtime.targets import Target
from ..store import Store

#: The variable with the path of the configuration.
VARIABLE = "PYO3_CONFIG_FILE"

#: The configuration as maturin writes it, in the format of pyo3-build-config's `InterpreterConfig`.
TEXT = """implementation=CPython
version={python}
target_abi=CPython-gil_enabled-{python}
shared=true
build_flags=
suppress_build_script_link_lines=false
pointer_width=32
"""


def configuration(target: Target, store: Store, emit: Emitter) -> Path:
    """Return the configuration file for a target, which is written once."""
    text = TEXT.format(python=target.python)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        (folder / "config.txt").write_text(text, encoding="utf-8")

    return store.install(f"pyo3/{target.abi}-{digest}", fill, emit) / "config.txt"
