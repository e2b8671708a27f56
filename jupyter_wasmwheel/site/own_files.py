"""What this package itself puts into a site: its front end, and the scripts that start it.

A site lives longer than the version that made it, so these files are put there anew whenever
something is published to a site that has others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources

from ..beneath import Root
from . import front_end

#: The script that every page of a site runs first, beside JupyterLite's config-utils.js.
PAGE_START = "page-start.js"

#: The script that starts a notebook's kernel beside its page, and the one of its worker: first what
#: we do, then the kernel's own.
EARLY = "early-kernel.js"
EARLY_WORKER = """\
import {{ startEarly }} from "./kernel-start.mjs";
import "{worker}";
startEarly("{plugin}");
"""

#: The script of a kernel's worker that finds out whether a host answers at all.
REACH = "reach.js"

#: Where a kernel asks what the site's server fetches for it (proxy.py), and what any other server
#: than ours says to that: nothing.
HOSTS, FETCHES_NOTHING = "proxy/hosts.json", {"hosts": [], "allow": ""}

#: The file in a site's private folder that says which of our files it has.
STAMP = "own-files"


def put(
    site: Root,
    beside_lock: str,
    private: Root,
    kernel_start: str,
    workers: Mapping[str, str],
    plugin: str,
) -> None:
    """Put our files into a site, unless it has the very same ones already.

    `workers` are the scripts of the kernel's workers by kind, where they can be started early.
    """
    files = {
        EARLY: _read(EARLY) if workers else b"",  # first, for the next one imports it
        PAGE_START: _read(PAGE_START),
        f"{beside_lock}/{kernel_start}": _read(kernel_start),
        f"{beside_lock}/http_policy.py": _read("http_policy.py"),
        f"{beside_lock}/kernel_rest.py": _read("kernel_rest.py"),
        f"{beside_lock}/{REACH}": _read(REACH),
        HOSTS: json.dumps(FETCHES_NOTHING).encode(),
    }
    for kind, worker in workers.items():
        text = EARLY_WORKER.format(worker=worker, plugin=plugin)
        files[f"{beside_lock}/early-{kind}.js"] = text.encode()
    stamp = hashlib.sha256(b"".join([*files.values(), front_end.about()])).hexdigest()
    if private.is_file(STAMP) and private.read(STAMP) == stamp.encode():
        return
    site.make_folder(HOSTS.rpartition("/")[0])
    site.replace(files)
    front_end.add(site)
    private.replace({STAMP: stamp.encode()})


def forget(private: Root) -> None:
    """Let a site's files of ours be put there anew: something else may have replaced them."""
    private.remove(STAMP)


def _read(name: str) -> bytes:
    return (resources.files(__package__) / name).read_bytes()
