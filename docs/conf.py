"""Sphinx's configuration for `make docs`."""

import sys
from pathlib import Path

from jupyter_wasmwheel import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "jupyter-wasmwheel"
copyright = "2026, the jupyter-wasmwheel developers"
release = __version__
html_title = f"{project} {release}"

extensions = ["myst_parser", "generated", "live"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
highlight_language = "none"
smartquotes = False

html_theme = "furo"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
