"""The files that this package puts into a site: its front end, and the scripts that start it.

A site outlives the version that created it, so publishing to a site brings these files up to date.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources

from ..safe_paths import Root
from . import front_end

#: JupyterLite's module that every page of a site runs first, and our script that it imports.
CONFIG_UTILS = "config-utils.js"
BOOTSTRAP = "bootstrap.js"

#: The script that starts a notebook's kernel while its page loads, and the one of its worker.
PRELOAD = "preload-kernel.js"
PRELOAD_WORKER = """\
import {{ preload }} from "./kernel-start.mjs";
import "{worker}";
preload("{plugin}");
"""

#: The modules that the script runs in a kernel.
KERNEL_MODULES = ("http_policy.py", "deferred_stdlib.py", "package_finder.py")

#: The worker with which a kernel checks whether a host answers, and its earlier name.
HOST_PROBE, OLD_HOST_PROBE = "host-probe.js", "reach.js"

#: The scripts that earlier versions put into a site's folder, and into that of its lock.
OLD_SCRIPTS = ("page-start.js", "early-kernel.js")
OLD_KERNEL_FILES = (OLD_HOST_PROBE, "kernel_rest.py", "early-coincident.js", "early-comlink.js")

#: Where a kernel asks what the site's server fetches for it (proxy.py), and what any other server
#: than ours says to that: nothing.
HOSTS, FETCHES_NOTHING = "proxy/hosts.json", {"hosts": [], "allow": ""}

#: The file in a site's private folder with a hash of the assets that the site has.
VERSION_FILE = "own-files"


def update(
    site: Root,
    lock_folder: str,
    private: Root,
    kernel_start: str,
    workers: Mapping[str, str],
    plugin: str,
) -> None:
    """Write the assets to a site, unless it has exactly these already.

    `workers` are the scripts of the kernel's workers by kind, where they can be preloaded.
    """
    files = {
        PRELOAD: _read(PRELOAD) if workers else b"",  # first, for the next one imports it
        BOOTSTRAP: _read(BOOTSTRAP),
        HOSTS: json.dumps(FETCHES_NOTHING).encode(),
    }
    for name in (kernel_start, *KERNEL_MODULES, HOST_PROBE):
        files[f"{lock_folder}/{name}"] = _read(name)
    for kind, worker in workers.items():
        text = PRELOAD_WORKER.format(worker=worker, plugin=plugin)
        files[f"{lock_folder}/preload-{kind}.js"] = text.encode()
    version = hashlib.sha256(b"".join([*files.values(), front_end.about()])).hexdigest().encode()
    if private.is_file(VERSION_FILE) and private.read(VERSION_FILE) == version:
        return
    site.make_folder(HOSTS.rpartition("/")[0])
    site.replace(files)
    if site.is_file(CONFIG_UTILS):
        import_bootstrap(site)
    front_end.add(site)
    for name in (*OLD_SCRIPTS, *(f"{lock_folder}/{name}" for name in OLD_KERNEL_FILES)):
        site.remove(name)
    private.replace({VERSION_FILE: version})


def import_bootstrap(site: Root) -> None:
    """Let every page of a built JupyterLite run our script before its own."""
    first = f"import './{BOOTSTRAP}';\n".encode()
    text = site.read(CONFIG_UTILS)
    if not text.startswith(first):
        text = text.removeprefix(f"import './{OLD_SCRIPTS[0]}';\n".encode())
        site.replace({CONFIG_UTILS: first + text})


def forget(private: Root) -> None:
    """Let the next update write all assets, because something else may have replaced them."""
    private.remove(VERSION_FILE)


def _read(name: str) -> bytes:
    return (resources.files(__package__) / name).read_bytes()
