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
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from packaging.requirements import Requirement

from ..api.errors import SiteError, UsageError
from ..api.requests import SiteRequest
from ..runtime import lock, pyodide, targets
from ..runtime.context import RunContext
from ..runtime.lock import Lock
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..runtime.targets import Target
from ..safe_paths import Root
from ..store import Store
from . import (
    contents,
    front_end,
    kernel_files,
    packages,
    precompressed,
    site_assets,
    template,
    wheels,
)
from .http_policy import POLICIES

#: The folder in a site that is ours and never served, and the version of what is in it.
PRIVATE = ".wasmwheel"
SCHEMA = 1
RECORD = f"{PRIVATE}/site.json"

#: Where a site keeps its Pyodide and its lock; the kernel's settings are under this plugin's name.
PYODIDE = "static/pyodide"
LOCK = f"{PYODIDE}/{lock.FILE}"
PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
KERNEL_WHEELS = "extensions/@jupyterlite/pyodide-kernel-extension/static/pypi"

#: The address of a Pyodide release's files for sites that are not to be used offline.
CDN = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"

#: What the kernel needs, and what makes the web reachable from Python, out of Pyodide's lock.
HTTP = "pyodide-http"
KERNEL_PACKAGES = ("micropip", "ipython", "jedi", "requests", HTTP)

#: What a name of a site is made of.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")

#: What the files of the kernel's workers are called.
WORKER = re.compile(r"[A-Za-z0-9_-]+\.worker\.[A-Za-z0-9_.-]*js")

#: Ports are taken from here: below those that systems give out by themselves.
PORTS = range(20000, 30000)


#: A version of something, as it is part of addresses and names of files.
Version = Annotated[str, Meta(pattern=r"\A[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}[0-9a-z.+-]{0,32}\Z")]


class _Record(Struct, forbid_unknown_fields=True):
    """What a site's own record may say of it."""

    schema: int
    abi: Annotated[str, Meta(pattern=r"\A[0-9]{4}_[0-9]{1,4}\Z")]
    pyodide: Version
    core: Version
    kernel: Version
    mode: Literal["offline", "cdn"]
    port: Annotated[int, Meta(ge=1024, le=65535)]
    prefix: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16,64}\Z")]


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
    def root(self) -> Root:
        """Its folder, whose links are not followed."""
        return Root(self.folder)

    @property
    def private(self) -> Root:
        """The folder with what is ours."""
        return Root(self.folder, PRIVATE)

    @property
    def beside(self) -> Root:
        """The folder of its lock, which has its wheels in it."""
        return Root(self.folder, PYODIDE)

    @property
    def lock(self) -> Path:
        """The lock that its kernels read."""
        return self.folder / LOCK

    def read_lock(self) -> Lock:
        """Return the lock that its kernels read; a SiteError where it is not valid."""
        return lock.read_beneath(self.beside)

    def read_original_lock(self) -> Lock:
        """Return the lock that came with its Pyodide, with all that Pyodide's CDN has."""
        return lock.read_beneath(self.private)


@dataclass(frozen=True, kw_only=True)
class DamagedSite:
    """A folder in the place of a site, and why it cannot be used."""

    folder: Path
    error: SiteError

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.folder.name


def place(name_or_dir: str, store: Store) -> Path:
    """The folder that a person means: a name's is in the store, a path is a path."""
    path = Path(name_or_dir).expanduser()
    is_path = any(mark in name_or_dir for mark in (os.sep, os.altsep) if mark)
    if is_path or (name_or_dir and _is_site(path)):
        return path.absolute()
    return folder_of(name_or_dir, store)


def folder_of(name: str, store: Store) -> Path:
    """Return the folder of a site in the store; a UsageError for an invalid name."""
    if not NAME.fullmatch(name) or len(name) > 64:
        raise UsageError(
            f"Invalid site name {name!r:.80}.",
            "A name has letters, digits, `-`, `_` and single dots, and begins with a letter or "
            "a digit.",
            "Choose another name, or, on the command line, a path such as ./site.",
            code="site.invalid-name",
        )
    return store.home / "sites" / name


def find(name_or_dir: str, store: Store) -> Site:
    """A site by its name or its folder; a SiteError where there is none."""
    return read_site(place(name_or_dir, store))


def list_sites(store: Store) -> list[Site]:
    """Return the sites in the store that can be used, by name."""
    return [site for site in check_sites(store) if isinstance(site, Site)]


def check_sites(store: Store) -> list[Site | DamagedSite]:
    """Return the sites in the store by name, each read as far as any command would read it."""
    return [check_site(folder) for folder in folders(store)]


def folders(store: Store) -> list[Path]:
    """Return the folders in the store in which there are sites, or were."""
    root = store.home / "sites"
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [
        folder
        for folder in found
        if not folder.name.startswith(".") and (folder.is_dir() or folder.is_symlink())
    ]


def check_site(folder: Path) -> Site | DamagedSite:
    """Return the site in a folder with its locks read, or why it cannot be used."""
    try:
        site = read_site(folder)
        for found in (site.read_lock(), site.read_original_lock()):
            list(found.packages.values())
    except SiteError as error:
        return DamagedSite(folder=folder, error=error)
    return site


def read_site(folder: Path) -> Site:
    """Return the site in a folder; a SiteError where it is none, or not of this version."""
    try:
        data = json.loads(Root(folder).read(RECORD, limit=64_000))
        if data["schema"] != SCHEMA:
            raise ValueError("it was made by another version of jupyter-wasmwheel")
        fields = msgspec.structs.asdict(msgspec.convert(data, _Record))
        del fields["schema"]
        site = Site(folder=folder, **fields)
        if not (site.beside.is_file(lock.FILE) and site.private.is_file(lock.FILE)):
            raise ValueError("it has lost its Pyodide lock")
    except FileNotFoundError:
        raise SiteError(
            f"No site found in {folder}.",
            "It is not a folder that `jupyter wasmwheel site create` made."
            if folder.exists()
            else "There is no such folder.",
            f"Create one with `jupyter wasmwheel site create {_spelled(folder)}`.",
            code="site.not-found",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SiteError(
            f"The site in {folder} cannot be read.",
            f"{PRIVATE}/site.json: {error or type(error).__name__}.",
            "Remove the folder and make the site anew with `jupyter wasmwheel site create`.",
            code="site.invalid-record",
        ) from error
    return site


def runtime(site: Site, node: Node, context: RunContext) -> Runtime:
    """The exact Pyodide of a site: its own, or, where it uses the CDN's, the store's."""
    if site.mode == "offline":
        for name in (*pyodide.FILES, *pyodide.MAIN_MODULES, pyodide.METADATA_FILE):
            site.beside.require_own_file(name)
        return pyodide.runtime_in(site.beside.path())
    if site.target.pyodide != site.pyodide:
        raise SiteError(
            f"Site {site.name} uses Pyodide {site.pyodide}, which is not available.",
            f"This version of jupyter-wasmwheel brings {site.target.pyodide}.",
            "Create the site again with `jupyter wasmwheel site create`.",
            code="site.pyodide-not-available",
        )
    store, emit = context.store, context.emit
    return pyodide.ensure_runtime(site.target, node, store, emit, offline=context.offline)


def create(folder: Path, request: SiteRequest, node: Node, context: RunContext) -> Site:
    """Create a site in a folder that does not exist yet, or is empty.

    It is offline (nothing comes from another host) unless `cdn` is set; `http` is the policy by
    which Python reaches the web in it (http_policy.py). A SiteError where no release of the kernel
    serves the target, or where something is in the folder already.
    """
    store, emit = context.store, context.emit
    target = targets.find(request.target or targets.default_abi())
    if target.jupyterlite is None:
        raise SiteError(
            f"JupyterLite does not support {target.abi} (Pyodide {target.pyodide}) yet.",
            "No release of jupyterlite-pyodide-kernel serves that Pyodide.",
            "Import wheels for it with `jupyter wasmwheel smoke`, or make a site for "
            f"{targets.default_abi()}.",
            code="site.target-not-supported",
        )
    wanted = packages.parse(request.packages)
    _refuse_occupied(folder)
    front = template.get(target.jupyterlite, store, context.index, emit)
    filling = _Filling(
        runtime=pyodide.ensure_runtime(target, node, store, emit),
        node=node,
        packages=tuple(wanted),
        http=request.http,
        start="./tree",
    )
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
                pyodide=filling.runtime.version,
                core=target.jupyterlite.core,
                kernel=target.jupyterlite.kernel,
                mode="cdn" if request.cdn else "offline",
                port=_free_port(store),
                prefix=secrets.token_hex(16),
            )
            shutil.copytree(front, site.folder)
            _populate(site, filling, context)
            precompressed.add(site.lock.parent)
            if folder.is_dir():
                folder.rmdir()
            stage.rename(folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return replace(site, folder=folder)


def from_lite_build(
    folder: Path, core: str, kernel: str, node: Node, context: RunContext, *, cdn: bool = False
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
                f"{folder} was built with other options before.",
                f"It is {site.mode}, for {site.abi}; now it is to be "
                f"{'cdn' if cdn else 'offline'}, for {target.abi}.",
                "Remove the folder and build it again.",
                code="site.built-differently",
            )
        _configure(site, known, POLICIES[0])
        site_assets.forget(site.private)
        update_assets(site)
        return site
    if (folder / PRIVATE).is_dir():  # what a run that was stopped in the middle left
        Root(folder).remove(PRIVATE)
        Root(folder).remove(PYODIDE)
    if (folder / PYODIDE).exists():
        raise SiteError(
            f"{folder} has a Pyodide of its own.",
            "JupyterLite's configuration names one (PyodideAddon.pyodide_url, or static/pyodide), "
            "and this addon brings the one that it checks wheels with.",
            "Remove it from the configuration, remove the folder, and build it again.",
            code="site.own-pyodide",
        )
    site = Site(
        folder=folder,
        abi=target.abi,
        pyodide=target.pyodide,
        core=core,
        kernel=kernel,
        mode="cdn" if cdn else "offline",
        port=_free_port(context.store),
        prefix=secrets.token_hex(16),
    )
    runtime = pyodide.ensure_runtime(target, node, context.store, context.emit)
    _populate(site, _Filling(runtime=runtime, node=node), context)
    return site


@dataclass(frozen=True, kw_only=True)
class _Filling:
    """What a site is filled with.

    `start` is the application that it begins with, None for JupyterLite's own choice.
    """

    runtime: Runtime
    node: Node
    packages: tuple[Requirement, ...] = ()
    http: str = POLICIES[0]
    start: str | None = None


def _populate(site: Site, filling: _Filling, context: RunContext) -> None:
    """Put what makes it a site into a folder that has JupyterLite in it; the record of it last."""
    engine = filling.runtime
    beside = site.beside
    beside.make_folder(wheels.PUBLISHED)
    site.private.copy(engine.lock, lock.FILE)
    original = lock.read(engine.lock)
    known = template.release(site.kernel)
    base = replace(original, packages={})
    if site.mode == "cdn":
        base = _at_cdn(original, site.pyodide)
    else:
        for path in {*engine.files, engine.folder / known.entry}:
            if path.is_file():
                beside.copy(path, path.name)
    named = [Requirement(name) for name in KERNEL_PACKAGES]
    named.append(Requirement(f"comm=={known.comm}"))
    ready = packages.bring([*named, *filling.packages], base, beside, original, context)
    ready = packages.with_kernel(ready, site.root.within(KERNEL_WHEELS), beside)
    ready = packages.with_stand_ins(ready, known.preload, beside)
    site.root.replace({LOCK: ready.dump()})
    if site.mode == "offline" and known.is_module:
        names = [*known.preload, HTTP]
        kernel_files.put(names, ready, beside, engine, filling.node, context)
    contents.start(site.root)  # which leaves a listing that is there
    _configure(site, known, filling.http, filling.start)
    update_assets(site)
    _add_icons(site)
    fields = dataclasses.asdict(site)
    del fields["folder"]
    site.root.replace({RECORD: json.dumps({"schema": SCHEMA} | fields, indent=2).encode()})


def update_assets(site: Site) -> None:
    """Put into a site what this version of ours has, where another version's is in it."""
    known = template.release(site.kernel)
    workers = _workers(site) if known.is_module else {}
    start = _kernel_start(known)
    site_assets.update(site.root, PYODIDE, site.private, start, workers, PLUGIN)


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
    folder = PurePosixPath(KERNEL_WHEELS).parent.as_posix()
    names = [name for name, _ in site.root.children(folder) if WORKER.fullmatch(name)]
    up = "../" * len(PurePosixPath(PYODIDE).parts)
    return {name.partition(".")[0]: f"{up}{folder}/{name}" for name in names}


def _kernel_start(known: template.Release) -> str:
    """The file of ours that a kernel starts with, in the form that it can load."""
    return f"kernel-start{Path(known.entry).suffix}"


def _configure(site: Site, known: template.Release, http: str, start: str | None = None) -> None:
    """Tell the site's front end where its Pyodide, its lock and its files are."""
    config = front_end.settings(site.root)
    data = config["jupyter-config-data"]
    data["contentsAllJsonFile"] = PurePosixPath(contents.LISTING).name
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
    site.root.replace({front_end.SETTINGS: json.dumps(config, indent=1).encode()})


def _add_icons(site: Site) -> None:
    """Put the icons there that Jupyter Notebook asks its server for and JupyterLite lacks."""
    if not site.root.children("notebooks"):
        return
    icon = site.root.read("notebooks/favicon.ico")
    icons = "static/favicons"
    site.root.make_folder(icons)
    for name in ("favicon-notebook.ico", "favicon-busy-1.ico"):
        site.root.replace({f"{icons}/{name}": icon})


def _refuse_occupied(folder: Path) -> None:
    if _is_site(folder):
        raise SiteError(
            f"A site already exists in {folder}.",
            "Creating it again would remove what is published there, and its address.",
            "Publish to it as it is, or remove the folder first.",
            code="site.exists",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SiteError(
            f"{folder} is not empty.",
            "A site is created in a new folder.",
            "Use a folder that does not exist yet.",
            code="site.folder-not-empty",
        )


def _is_site(folder: Path) -> bool:
    return os.path.lexists(folder / RECORD)


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
