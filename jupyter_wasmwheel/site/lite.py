"""JupyterLite sites: made from a kernel's release and a runtime, and found again.

A site is a copy of what JupyterLite's own build made (template.py), of a Pyodide and of the wheels
that the kernel needs, made beside its place and renamed into it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from ..api.errors import SiteError, UsageError
from ..api.events import Emitter
from ..index import Index
from ..runtime import lock, pyodide, targets
from ..runtime.lock import Lock
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..runtime.targets import Target
from ..store import Store
from . import compressed, contents, kernel_files, own_files, packages, template, wheels
from .http_policy import POLICIES

#: The folder in a site that is ours and never served, and the version of what is in it.
PRIVATE = ".wasmwheel"
SCHEMA = 1

#: Where a site keeps its Pyodide and its lock; the kernel's settings are under this plugin's name.
PYODIDE = "static/pyodide"
PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
KERNEL_WHEELS = "extensions/@jupyterlite/pyodide-kernel-extension/static/pypi"

#: The address of a Pyodide release's files for sites that are not to be used offline.
CDN = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"

#: What the kernel needs, and what makes the web reachable from Python, out of Pyodide's lock.
HTTP = "pyodide-http"
KERNEL_PACKAGES = ("micropip", "ipython", "jedi", "requests", HTTP)

#: What a name of a site is made of.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")

#: Ports are taken from here: below those that systems give out by themselves.
PORTS = range(20000, 30000)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A JupyterLite site in a folder; `port` and `prefix` make its origin and address."""

    folder: Path
    abi: str
    pyodide: str
    core: str
    kernel: str
    mode: Literal["offline", "cdn"]
    port: int
    prefix: str

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.folder.name

    @property
    def target(self) -> Target:
        """The target that its wheels are for."""
        return targets.find(self.abi)

    @property
    def private(self) -> Path:
        """The folder with what is ours."""
        return self.folder / PRIVATE

    @property
    def lock(self) -> Path:
        """The lock that its kernels read."""
        return self.folder / PYODIDE / "pyodide-lock.json"

    @property
    def original_lock(self) -> Path:
        """The lock that came with its Pyodide, with all that Pyodide's CDN has."""
        return self.private / "pyodide-lock.json"


def place(name_or_dir: str, store: Store) -> Path:
    """The folder that a person means: a name's is in the store, a path is a path."""
    path = Path(name_or_dir).expanduser()
    is_path = any(mark in name_or_dir for mark in (os.sep, os.altsep) if mark)
    if is_path or (name_or_dir and _is_site(path)):
        return path.absolute()
    if not NAME.fullmatch(name_or_dir) or len(name_or_dir) > 64:
        raise UsageError(
            f"{name_or_dir!r} cannot be the name of a site.",
            "A name has letters, digits, `-`, `_` and single dots, and begins with a letter or "
            "a digit.",
            "Choose another name, or write a path such as ./site.",
        )
    return store.home / "sites" / name_or_dir


def find(name_or_dir: str, store: Store) -> Site:
    """A site by its name or its folder; a SiteError where there is none."""
    return read_site(place(name_or_dir, store))


def list_sites(store: Store) -> list[Site]:
    """The sites in the store that are whole, by name."""
    root = store.home / "sites"
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [read_site(folder) for folder in folders if _is_site(folder)]


def read_site(folder: Path) -> Site:
    """The site in a folder; a SiteError where it is none, or one of another version of us."""
    try:
        data = json.loads((folder / PRIVATE / "site.json").read_bytes())
        if data.pop("schema") != SCHEMA:
            raise ValueError("it was made by another version of jupyter-wasmwheel")
        site = Site(folder=folder, **data)
        if not (site.lock.is_file() and site.original_lock.is_file()):
            raise ValueError("it has lost its Pyodide lock")
    except FileNotFoundError:
        raise SiteError(
            f"There is no site in {folder}.",
            "It is not a folder that `jupyter wasmwheel site create` made."
            if folder.exists()
            else "There is no such folder.",
            f"Make one with `jupyter wasmwheel site create {_spelled(folder)}`.",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SiteError(
            f"The site in {folder} cannot be read.",
            f"{PRIVATE}/site.json: {error or type(error).__name__}.",
            "Remove the folder and make the site anew with `jupyter wasmwheel site create`.",
        ) from error
    return site


def runtime(
    site: Site, node: Node, store: Store, emit: Emitter, *, offline: bool = False
) -> Runtime:
    """The exact Pyodide of a site: its own, or, where it uses the CDN's, the store's."""
    if site.mode == "offline":
        return pyodide.in_folder(site.folder / PYODIDE)
    if site.target.pyodide != site.pyodide:
        raise SiteError(
            f"The site {site.name} uses Pyodide {site.pyodide}, which cannot be had here.",
            f"This version of jupyter-wasmwheel brings {site.target.pyodide}.",
            "Make the site anew with `jupyter wasmwheel site create`.",
        )
    return pyodide.get(site.target, node, store, emit, offline=offline)


def create(
    folder: Path,
    target: Target,
    store: Store,
    node: Node,
    index: Index,
    emit: Emitter,
    *,
    cdn: bool = False,
    with_packages: Sequence[str] = (),
    http: str = POLICIES[0],
) -> Site:
    """Make a site in a folder that is not there yet, or is empty.

    It is offline (nothing comes from another host) unless `cdn` is set; `http` is the policy by
    which Python reaches the web in it (http_policy.py). A SiteError where no
    release of the kernel serves the target, or where something is in the folder already.
    """
    if target.jupyterlite is None:
        raise SiteError(
            f"There can be no site for {target.abi} (Pyodide {target.pyodide}) yet.",
            "No release of jupyterlite-pyodide-kernel serves that Pyodide.",
            "Import wheels for it with `jupyter wasmwheel smoke`, or make a site for "
            f"{targets.default_abi()}.",
        )
    if http not in POLICIES:
        raise UsageError(
            f"There is no HTTP policy {http!r}.",
            f"There are: {', '.join(POLICIES)}.",
            f"Leave it away for `{POLICIES[0]}`.",
        )
    wanted = packages.parse(with_packages)
    _refuse_occupied(folder)
    front = template.get(target.jupyterlite, store, index, emit)
    engine = pyodide.get(target, node, store, emit)
    # The prefix of a site's address is for its user alone, on a machine with several.
    mode = 0o700 if folder.parent == store.home / "sites" else 0o777
    folder.parent.mkdir(mode=mode, parents=True, exist_ok=True)
    with store.lock(f"site-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}", emit):
        _refuse_occupied(folder)
        stage = folder.with_name(f".{folder.name}.making")
        shutil.rmtree(stage, ignore_errors=True)
        try:
            site = Site(
                folder=stage,
                abi=target.abi,
                pyodide=engine.version,
                core=target.jupyterlite.core,
                kernel=target.jupyterlite.kernel,
                mode="cdn" if cdn else "offline",
                port=_free_port(store),
                prefix=secrets.token_hex(16),
            )
            _fill(site, front, engine, wanted, http, node, index, store, emit)
            if folder.is_dir():
                folder.rmdir()
            stage.rename(folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return replace(site, folder=folder)


def _fill(
    site: Site,
    front: Path,
    engine: Runtime,
    wanted: list[Requirement],
    http: str,
    node: Node,
    index: Index,
    store: Store,
    emit: Emitter,
) -> None:
    """Write all files of a new site into its folder."""
    shutil.copytree(front, site.folder)
    _equip(site, engine, wanted, http, node, index, store, emit, start="./tree")
    compressed.add(site.lock.parent)


def adopt(
    folder: Path,
    core: str,
    kernel: str,
    store: Store,
    node: Node,
    index: Index,
    emit: Emitter,
    *,
    cdn: bool = False,
) -> Site:
    """Make a site of what `jupyter lite build` has just made with a release of the kernel.

    One that was adopted before keeps what is published, and is told anew what that build forgot.
    """
    target = targets.of_kernel(kernel)
    known = template.release(kernel)
    if _is_site(folder):
        site = read_site(folder)
        if (site.abi, site.mode) != (target.abi, "cdn" if cdn else "offline"):
            raise SiteError(
                f"{folder} was built in another way before.",
                f"It is {site.mode}, for {site.abi}; now it is to be "
                f"{'cdn' if cdn else 'offline'}, for {target.abi}.",
                "Remove the folder, and build it anew.",
            )
        _configure(site, known, POLICIES[0])
        template.run_first(folder)
        own_files.forget(site.private)
        renew(site)
        return site
    if (folder / PRIVATE).is_dir():  # what a run that was stopped in the middle left
        shutil.rmtree(folder / PRIVATE)
        shutil.rmtree(folder / PYODIDE, ignore_errors=True)
    if (folder / PYODIDE).exists():
        raise SiteError(
            f"{folder} has a Pyodide of its own.",
            "JupyterLite's configuration names one (PyodideAddon.pyodide_url, or static/pyodide), "
            "and this addon brings the one that it checks wheels with.",
            "Take it out of the configuration, remove the folder, and build it anew.",
        )
    site = Site(
        folder=folder,
        abi=target.abi,
        pyodide=target.pyodide,
        core=core,
        kernel=kernel,
        mode="cdn" if cdn else "offline",
        port=_free_port(store),
        prefix=secrets.token_hex(16),
    )
    engine = pyodide.get(target, node, store, emit)
    template.run_first(folder)
    _equip(site, engine, [], POLICIES[0], node, index, store, emit)
    return site


def _equip(
    site: Site,
    engine: Runtime,
    wanted: list[Requirement],
    http: str,
    node: Node,
    index: Index,
    store: Store,
    emit: Emitter,
    start: str | None = None,
) -> None:
    """Put what makes it a site into a folder that has JupyterLite in it; the record of it last.

    `start` is the application that the site begins with, if that is not JupyterLite's own choice.
    """
    beside = site.lock.parent
    (beside / wheels.PUBLISHED).mkdir(parents=True)
    site.private.mkdir()
    shutil.copy(engine.lock, site.original_lock)
    original = lock.read(engine.lock)
    known = template.release(site.kernel)
    base = replace(original, packages={})
    if site.mode == "cdn":
        base = _at_cdn(original, site.pyodide)
    else:
        for name in {*pyodide.FILES, *pyodide.MAIN_MODULES, "package.json", known.entry}:
            if (engine.folder / name).is_file():
                shutil.copy(engine.folder / name, beside / name)
    named = [Requirement(name) for name in KERNEL_PACKAGES]
    named.append(Requirement(f"comm=={known.comm}"))
    ready = packages.bring([*named, *wanted], base, beside, original, index, store, emit)
    ready = packages.with_kernel(ready, site.folder / KERNEL_WHEELS, beside)
    ready = packages.with_stand_ins(ready, known.preload, beside)
    ready.write(site.lock)
    if site.mode == "offline" and known.is_module:
        names = [*known.preload, HTTP]
        kernel_files.put(names, ready, beside, engine, node, store, emit)
    contents.start(site.folder)  # which leaves a listing that is there
    _configure(site, known, http, start)
    renew(site)
    _add_icons(site)
    fields = dataclasses.asdict(site)
    del fields["folder"]
    (site.private / "site.json").write_text(json.dumps({"schema": SCHEMA} | fields, indent=2))


def renew(site: Site) -> None:
    """Put into a site what this version of ours has, where another version's is in it."""
    known = template.release(site.kernel)
    workers = _workers(site) if known.is_module else {}
    start = _kernel_start(known)
    own_files.put(site.folder, site.lock.parent, site.private, start, workers, PLUGIN)


def _at_cdn(original: Lock, version: str) -> Lock:
    """A runtime's lock with its packages at the addresses where the CDN has them."""
    base = CDN.format(version=version)
    moved = {
        name: replace(entry, file_name=base + entry.file_name)
        for name, entry in original.packages.items()
    }
    return replace(original, packages=moved)


def _workers(site: Site) -> dict[str, str]:
    """The files of the kernel's workers by their kinds, as addresses from beside the lock."""
    static = site.folder / KERNEL_WHEELS
    found = sorted(static.parent.glob("*.worker.*.js"))
    up = "../" * len(Path(PYODIDE).parts)
    return {
        path.name.partition(".")[0]: up + path.relative_to(site.folder).as_posix() for path in found
    }


def _kernel_start(known: template.Release) -> str:
    """The file of ours that a kernel starts with, in the form that it can load."""
    return f"kernel-start{Path(known.entry).suffix}"


def _configure(site: Site, known: template.Release, http: str, start: str | None = None) -> None:
    """Tell the site's front end where its Pyodide, its lock and its files are."""
    path = site.folder / "jupyter-lite.json"
    config = json.loads(path.read_bytes())
    data = config["jupyter-config-data"]
    data["contentsAllJsonFile"] = contents.LISTING.name
    if start:
        data["appUrl"] = start
    settings = data.setdefault("litePluginSettings", {}).setdefault(PLUGIN, {})
    cdn = site.mode == "cdn"
    settings["pyodideUrl"] = f"./{PYODIDE}/{_kernel_start(known)}"
    settings["disablePyPIFallback"] = not cdn
    settings["loadPyodideOptions"] = {
        "lockFileURL": f"./{PYODIDE}/pyodide-lock.json",
        "packages": [*known.preload, HTTP],
        "wasmwheel": {
            "pyodide": (CDN.format(version=site.pyodide) if cdn else "./") + known.entry,
            "http": http,
        },
    }
    path.write_text(json.dumps(config, indent=1))


def _add_icons(site: Site) -> None:
    """Put the icons there that Jupyter Notebook asks its server for and JupyterLite lacks."""
    if not (site.folder / "notebooks").is_dir():
        return
    icons = site.folder / "static/favicons"
    icons.mkdir(parents=True, exist_ok=True)
    for name in ("favicon-notebook.ico", "favicon-busy-1.ico"):
        shutil.copy(site.folder / "notebooks/favicon.ico", icons / name)


def _refuse_occupied(folder: Path) -> None:
    if _is_site(folder):
        raise SiteError(
            f"There is a site in {folder} already.",
            "Making it anew would lose what is published there, and its address.",
            "Publish to it as it is, or remove the folder first.",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SiteError(
            f"{folder} is not empty.",
            "A site is made in a folder of its own.",
            "Name a folder that is not there yet.",
        )


def _is_site(folder: Path) -> bool:
    return (folder / PRIVATE / "site.json").is_file()


def _spelled(folder: Path) -> str:
    return folder.name if folder.parent.name == "sites" else str(folder)


def _free_port(store: Store) -> int:
    """A port that nothing listens on now and that no other site in the store keeps."""
    kept = {site.port for site in list_sites(store)}
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            if port not in kept and probe.connect_ex(("127.0.0.1", port)):
                return port
