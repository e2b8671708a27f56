"""Notebooks that run in the pages: a site next to the pages, and a frame for each notebook.

A page marks the place of the notebooks of some packages with a comment,
`<!-- live: NAME==VERSION … -->`. `python docs/live.py FOLDER` creates the site.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.site import addresses, contents, lite

MARK = re.compile(r"<!-- live: (\S+==\S+(?:\s+\S+==\S+)*) -->")

#: The folder of the site in the built pages.
FOLDER = "live"

#: Browsers load the frame only when its details are opened (`loading="lazy"`).
FRAME = """
<details>
<summary style="cursor: pointer"><strong>Run <code>{name}</code> here</strong></summary>
<iframe title="A notebook that imports {name}" loading="lazy" src="{address}"
  style="width: 100%; height: 44rem; border: 1px solid var(--color-background-border)"></iframe>
</details>

Or <a href="{address}">in its own tab</a>.
"""

WITHOUT = """
```{note}
These pages were built without a site, so there is no notebook. `make docs` builds them with one.
```
"""


def make_site(folder: Path) -> None:
    """Create a site in a folder, with the tutorial's crate and a crate of each template."""
    site = folder.resolve() / "site"
    crates = {"hello": starter.DEFAULT}
    crates |= {f"starter-{each.name}": each.name for each in starter.templates()}

    def wasmwheel(*words: str | Path) -> None:
        subprocess.run(["jupyter", "wasmwheel", *words], cwd=folder, check=True)

    wasmwheel("doctor", "--fix", "seeds")
    wasmwheel("site", "create", site)
    for name, template in crates.items():
        wasmwheel("new", name, "--template", template)
        wasmwheel("build", name, "--site", site)


def notebook_of(package: str) -> str:
    """Return the name of the notebook of a package, which is given as NAME==VERSION."""
    return contents.notebook_name(*package.split("=="))


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Insert frames into the pages, and copy the site next to them."""
    sphinx.add_config_value("live_site", "", "env", [str])

    def frame(sphinx: Sphinx, page: str, source: list[str]) -> None:
        def framed(mark: re.Match[str]) -> str:
            if not sphinx.config.live_site:
                return WITHOUT
            application = f"{FOLDER}/{addresses.APPLICATION}"
            return "".join(
                FRAME.format(
                    name=package.partition("==")[0],
                    address=f"{application}?path={notebook_of(package)}",
                )
                for package in mark[1].split()
            )

        source[0] = MARK.sub(framed, source[0])

    def copy_site(sphinx: Sphinx, error: Exception | None) -> None:
        if sphinx.config.live_site and not error:
            private = shutil.ignore_patterns(lite.PRIVATE)
            place = sphinx.outdir / FOLDER
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(sphinx.config.live_site, place, ignore=private)

    sphinx.connect("source-read", frame)
    sphinx.connect("build-finished", copy_site)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    make_site(Path(sys.argv[1]))
