"""PyO3's configuration file, which tells its build script of the Python that it is compiled for.

maturin writes one into every target folder; pyo3 is compiled anew wherever its path is another
one. Ours has the same path for every build, so that a seed (seeds.py) fits.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..api.events import Emitter
from ..runtime.targets import Target
from ..store import Store

#: The variable by which pyo3's build script finds its configuration.
VARIABLE = "PYO3_CONFIG_FILE"

#: As maturin writes it for this target (its `pyo3_config_file`); the format is that of
#: pyo3-build-config's `InterpreterConfig`.
TEXT = """implementation=CPython
version={python}
target_abi=CPython-gil_enabled-{python}
shared=true
build_flags=
suppress_build_script_link_lines=false
pointer_width=32
"""


def configuration(target: Target, store: Store, emit: Emitter) -> Path:
    """The configuration for a target, written once."""
    text = TEXT.format(python=target.python)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        (folder / "config.txt").write_text(text, encoding="utf-8")

    return store.install(f"pyo3/{target.abi}-{digest}", fill, emit) / "config.txt"
