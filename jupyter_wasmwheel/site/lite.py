"""JupyterLite sites: created from a release of the kernel and a Pyodide, and found again.

A site is a copy of the output of JupyterLite's own build (template.py), with a Pyodide and the
wheels that the kernel needs. It is staged, and then renamed to its folder.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace
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
    simple_index,
    site_assets,
    template,
    transaction,
    wheels,
)
from .http_policy import POLICIES

#: The folder of a site that is never served, and the version of the record in it.
PRIVATE = ".wasmwheel"
SCHEMA = 1
RECORD = f"{PRIVATE}/site.json"

#: Where a site has its Pyodide and its lock, and the plugin that has the kernel's settings.
PYODIDE = "static/pyodide"
LOCK = f"{PYODIDE}/{lock.FILE}"
PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
KERNEL_WHEELS = "extensions/@jupyterlite/pyodide-kernel-extension/static/pypi"

#: The packages of Pyodide's lock that the kernel needs, and the one that Python reaches the web by.
HTTP = "pyodide-http"
KERNEL_PACKAGES = ("micropip", "ipython", "jedi", "requests", HTTP)

#: The name of a site: at most 64 characters.
NAME = re.compile(r"(?!.{65})[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")

#: The names of the kernel's worker scripts.
WORKER = re.compile(r"[A-Za-z0-9_-]+\.worker\.[A-Za-z0-9_.-]*js")

#: The host of a site's origin. Browsers keep cookies by host, whatever the port, so it is not one
#: at which Jupyter is opened. macOS has no other address of this machine unless it is configured.
HOST = "127.0.0.1" if sys.platform == "darwin" else "127.0.0.2"

#: The ports of sites: below those that systems assign by themselves.
PORTS = range(20000, 30000)

#: A version that is part of URLs and file names.
VersionText = Annotated[str, Meta(pattern=r"\A[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}[0-9a-z.+-]{0,32}\Z")]


class Site(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JupyterLite site in a folder; `port` and `prefix` make its origin and address.

    All fields but the folder are kept in its record.
    """

    folder: Path
    abi: Annotated[str, Meta(pattern=r"\A[0-9]{4}_[0-9]{1,4}\Z")]
    pyodide: VersionText
    core: VersionText
    kernel: VersionText
    mode: Literal["offline", "cdn"]
    port: Annotated[int, Meta(ge=1024, le=65535)]
    prefix: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16,64}\Z")]

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return self.folder.name

    @property
    def target(self) -> Target:
        """Return the target that its wheels are for."""
        return targets.find(self.abi)

    @property
    def root(self) -> Root:
        """Return its folder, in which no links are followed."""
        return Root(self.folder)

    @property
    def private(self) -> Root:
        """Return the folder of its record, which is never served."""
        return Root(self.folder, PRIVATE)

    @property
    def package_root(self) -> Root:
        """Return the folder of its lock, to which the lock's file names are relative."""
        return Root(self.folder, PYODIDE)

    @property
    def lock(self) -> Path:
        """Return the lock that its kernels read."""
        return self.folder / LOCK

    def read_lock(self) -> Lock:
        """Return the lock that its kernels read; raise a SiteError if it is not valid."""
        return lock.read_beneath(self.package_root)

    def read_original_lock(self) -> Lock:
        """Return the lock that came with its Pyodide, with all packages of Pyodide's CDN."""
        return pyodide.released_lock(self.private, self.pyodide)


class DamagedSite(Struct, frozen=True, kw_only=True):
    """A folder of a site that cannot be used, and the reason."""

    folder: Path
    error: SiteError

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return self.folder.name


def site_folder(name_or_dir: str, store: Store) -> Path:
    """Return the folder of a site, which is in the store if it is named without a path."""
    path = Path(name_or_dir).expanduser()
    is_path = any(mark in name_or_dir for mark in (os.sep, os.altsep) if mark)
    if is_path or (name_or_dir and _is_site(path)):
        return path.absolute()
    return folder_of(name_or_dir, store)


def folder_of(name: str, store: Store) -> Path:
    """Return the folder of a site in the store; raise a UsageError if the name is invalid."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"Invalid site name {name!r:.80}.",
            "A name consists of letters, digits, `-`, `_` and single dots, and starts with a "
            "letter or a digit.",
            "Choose another name or, on the command line, use a path such as ./site.",
            code="site.invalid-name",
        )
    return store.home / "sites" / name


def find(name_or_dir: str, store: Store) -> Site:
    """Return a site by its name or its folder; raise a SiteError if there is no such site."""
    return read_site(site_folder(name_or_dir, store))


def list_sites(store: Store) -> list[Site]:
    """Return the usable sites in the store, by name."""
    return [site for site in check_sites(store) if isinstance(site, Site)]


def check_sites(store: Store) -> list[Site | DamagedSite]:
    """Return the sites in the store by name, with their locks checked."""
    return [check_site(folder) for folder in list_folders(store)]


def list_folders(store: Store) -> list[Path]:
    """Return the folders of sites in the store, damaged ones included."""
    root = store.home / "sites"
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [
        folder
        for folder in found
        if not folder.name.startswith(".") and (folder.is_dir() or folder.is_symlink())
    ]


def check_site(folder: Path) -> Site | DamagedSite:
    """Return the site in a folder with its locks checked, or the reason that it is damaged."""
    try:
        site = read_site(folder)
        for found in (site.read_lock(), site.read_original_lock()):
            list(found.packages.values())
    except SiteError as error:
        return DamagedSite(folder=folder, error=error)
    return site


def read_site(folder: Path) -> Site:
    """Return the site in a folder; raise a SiteError if it is not a site of this version.

    A change of the site whose process was killed is completed, or reverted.
    """
    site = _read_record(folder)
    # Another process may be making the change, and not everyone can write to a site.
    if transaction.is_interrupted(site.private):
        with (
            contextlib.suppress(OSError),
            transaction.lock_store(site.private).lock_if_free(transaction.LOCK_KEY) as is_held,
        ):
            if is_held:
                recover(site)
    return site


def recover(site: Site) -> None:
    """Complete or revert the change of a killed process; the caller holds the site's lock."""
    if transaction.recover(site.root, site.private):
        update_assets(site)


def _read_record(folder: Path) -> Site:
    try:
        data = json.loads(Root(folder).read(RECORD, limit=64_000))
        if not isinstance(data, dict):
            raise TypeError("it must be a JSON object")
        if data.pop("schema") != SCHEMA:
            raise ValueError("another version of jupyter-wasmwheel created it")
        site = msgspec.convert(data | {"folder": folder}, Site)
        if not (site.package_root.is_file(lock.FILE) and site.private.is_file(lock.FILE)):
            raise ValueError("its Pyodide lock is missing")
    except FileNotFoundError:
        raise SiteError(
            f"No site found in {folder}.",
            "`jupyter wasmwheel site create` did not create this folder."
            if folder.exists()
            else "The folder does not exist.",
            f"Create one with `jupyter wasmwheel site create {_shown(folder)}`.",
            code="site.not-found",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SiteError(
            f"The site in {folder} cannot be read.",
            f"{PRIVATE}/site.json: {error or type(error).__name__}.",
            "Remove the folder and create the site again with `jupyter wasmwheel site create`.",
            code="site.invalid-record",
        ) from error
    return site


def get_runtime(site: Site, node: Node, context: RunContext) -> Runtime:
    """Return the store's copy of a site's Pyodide.

    Someone else may have changed the site's own, which is only compared with it, and never run.
    """
    if site.mode == "offline":
        for name in (*pyodide.FILES, *pyodide.MAIN_MODULES, pyodide.METADATA_FILE):
            site.package_root.require_own_file(name)
    if site.target.pyodide != site.pyodide:
        raise SiteError(
            f"Site {site.name} uses Pyodide {site.pyodide}, which is not available.",
            f"This version of jupyter-wasmwheel supports {site.target.pyodide}.",
            "Create the site again with `jupyter wasmwheel site create`, or use the version of "
            "jupyter-wasmwheel that created it.",
            code="site.pyodide-not-available",
        )
    store, emit = context.store, context.emit
    runtime = pyodide.ensure_runtime(site.target, node, store, emit, offline=context.offline)
    if site.mode == "offline":
        _require_same_files(site, runtime)
    return runtime


def _require_same_files(site: Site, runtime: Runtime) -> None:
    """Raise a SiteError if the Pyodide of a site differs from a runtime, except for its lock."""
    for path in runtime.files:
        if path != runtime.lock and not _is_copy(site.package_root, path):
            raise SiteError(
                f"The site {site.name} has a changed Pyodide.",
                f"{site.package_root.path(path.name)} differs from that of Pyodide "
                f"{runtime.version}, with which wheels are checked.",
                "Create the site again with `jupyter wasmwheel site create`.",
                code="site.changed-pyodide",
            )


def _is_copy(root: Root, path: Path) -> bool:
    """Return whether a folder has an exact copy of a file, under its name."""
    name, size = path.name, path.stat().st_size
    if not root.is_file(name) or root.stat(name).st_size != size:
        return False
    return root.read(name, size) == path.read_bytes()


def create(folder: Path, request: SiteRequest, node: Node, context: RunContext) -> Site:
    """Create a site in a folder that does not exist yet, or is empty.

    Raise a SiteError if no release of the kernel supports the target, or the folder is not empty.
    """
    store, emit = context.store, context.emit
    target = targets.find(request.target or targets.default_abi())
    if target.jupyterlite is None:
        raise SiteError(
            f"JupyterLite does not support {target.abi} (Pyodide {target.pyodide}) yet.",
            "No release of jupyterlite-pyodide-kernel supports that Pyodide.",
            "Check wheels for it with `jupyter wasmwheel smoke`, or create a site for "
            f"{targets.default_abi()}.",
            code="site.target-not-supported",
        )
    wanted = packages.parse_requirements(request.packages)
    require_empty(folder)
    front = template.get(target.jupyterlite, store, context.index, emit)
    content = _SiteContent(
        runtime=pyodide.ensure_runtime(target, node, store, emit),
        node=node,
        packages=tuple(wanted),
        http=request.http,
        start="./tree",
    )
    # On a machine with several users, only its own may know the prefix of a site's address.
    mode = 0o700 if folder.parent == store.home / "sites" else 0o777
    folder.parent.mkdir(mode=mode, parents=True, exist_ok=True)
    with store.lock(f"site-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}", emit):
        require_empty(folder)
        stage = folder.with_name(f".{folder.name}.making")
        shutil.rmtree(stage, ignore_errors=True)
        try:
            lite = target.jupyterlite
            site = _new_site(stage, target, (lite.core, lite.kernel), store, cdn=request.cdn)
            shutil.copytree(front, site.folder)
            _populate(site, content, context)
            precompressed.add(site.lock.parent)
            if folder.is_dir():
                folder.rmdir()
            stage.rename(folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return msgspec.structs.replace(site, folder=folder)


def from_lite_build(
    folder: Path, core: str, kernel: str, node: Node, context: RunContext, *, cdn: bool = False
) -> Site:
    """Turn the output of `jupyter lite build` with a release of the kernel into a site.

    A folder that is one already keeps its packages, and gets the settings that the build reset.
    """
    target = targets.of_kernel(kernel)
    known = template.release(kernel)
    if _is_site(folder):
        site = read_site(folder)
        if (site.abi, site.mode) != (target.abi, "cdn" if cdn else "offline"):
            raise SiteError(
                f"{folder} was built with other options before.",
                f"It is {site.mode}, for {site.abi}. The configuration now asks for "
                f"{'cdn' if cdn else 'offline'}, for {target.abi}.",
                "Remove the folder and build it again.",
                code="site.built-differently",
            )
        _configure(site, known, POLICIES[0])
        site_assets.forget(site.private)
        update_assets(site)
        return site
    if (folder / PRIVATE).is_dir():  # left by a run that was interrupted
        Root(folder).remove(PRIVATE)
        Root(folder).remove(PYODIDE)
    if (folder / PYODIDE).exists():
        raise SiteError(
            f"{folder} already contains a Pyodide.",
            "JupyterLite's configuration names one (PyodideAddon.pyodide_url, or static/pyodide), "
            "but wheels are checked with the Pyodide that this addon adds.",
            "Remove it from the configuration, remove the folder, and build it again.",
            code="site.own-pyodide",
        )
    site = _new_site(folder, target, (core, kernel), context.store, cdn=cdn)
    runtime = pyodide.ensure_runtime(target, node, context.store, context.emit)
    _populate(site, _SiteContent(runtime=runtime, node=node), context)
    return site


def _new_site(
    folder: Path, target: Target, releases: tuple[str, str], store: Store, *, cdn: bool
) -> Site:
    """Return a site with a new port and prefix, for releases of JupyterLite and its kernel."""
    return Site(
        folder=folder,
        abi=target.abi,
        pyodide=target.pyodide,
        core=releases[0],
        kernel=releases[1],
        mode="cdn" if cdn else "offline",
        port=_free_port(store),
        prefix=secrets.token_hex(16),
    )


class _SiteContent(Struct, frozen=True, kw_only=True):
    """The content of a new site.

    `http` is a policy of http_policy.py, `start` the first application (None: JupyterLite's).
    """

    runtime: Runtime
    node: Node
    packages: tuple[Requirement, ...] = ()
    http: str = POLICIES[0]
    start: str | None = None


def _populate(site: Site, content: _SiteContent, context: RunContext) -> None:
    """Add all that a built JupyterLite lacks to be a site, its record last."""
    engine, package_root = content.runtime, site.package_root
    for folder in (PRIVATE, f"{PYODIDE}/{wheels.PUBLISHED}"):
        site.root.make_folder(folder)
    site.private.copy(engine.lock, lock.FILE)
    original = engine.read_lock()
    known = template.release(site.kernel)
    base = replace(original, packages={})
    if site.mode == "cdn":
        base = _at_cdn(original)
    else:
        for path in {*engine.files, engine.folder / known.entry}:
            if path.is_file():
                package_root.copy(path, path.name)
    named = [Requirement(name) for name in KERNEL_PACKAGES]
    named.append(Requirement(f"comm=={known.comm}"))
    ready = packages.install([*named, *content.packages], base, package_root, original, context)
    ready = packages.with_kernel_wheels(ready, site.root.within(KERNEL_WHEELS), package_root)
    ready = packages.with_placeholders(ready, known.preload, package_root)
    site.root.replace({LOCK: ready.dump()})
    if site.mode == "offline" and known.is_module:
        names = [*known.preload, HTTP]
        kernel_files.add(names, ready, package_root, engine, content.node, context)
    contents.initialize(site.root)
    simple_index.create(site.root, package_root, ready)
    _configure(site, known, content.http, content.start)
    update_assets(site)
    _add_icons(site)
    record = {"schema": SCHEMA} | msgspec.structs.asdict(site)
    del record["folder"]
    site.root.replace({RECORD: json.dumps(record, indent=2).encode()})


def update_assets(site: Site) -> None:
    """Bring the assets of a site (site_assets.py) up to date."""
    known = template.release(site.kernel)
    workers = _workers(site) if known.is_module else {}
    start = _kernel_start(known)
    site_assets.update(site.root, PYODIDE, site.private, start, workers, PLUGIN)


def _at_cdn(original: Lock) -> Lock:
    """Return a Pyodide's lock with its packages at their URLs on the CDN."""
    moved = {
        name: replace(entry, file_name=f"{original.files_url}{entry.file_name}")
        for name, entry in original.packages.items()
    }
    return replace(original, packages=moved)


def _workers(site: Site) -> dict[str, str]:
    """Return the kernel's worker scripts by kind, relative to the folder of the lock."""
    folder = PurePosixPath(KERNEL_WHEELS).parent.as_posix()
    names = [name for name, _ in site.root.children(folder) if WORKER.fullmatch(name)]
    up = "../" * len(PurePosixPath(PYODIDE).parts)
    return {name.partition(".")[0]: f"{up}{folder}/{name}" for name in names}


def _kernel_start(known: template.Release) -> str:
    """Return the script that a kernel starts with, in the form that it can load."""
    return f"kernel-start{Path(known.entry).suffix}"


def _configure(site: Site, known: template.Release, http: str, start: str | None = None) -> None:
    """Set the paths of the site's Pyodide, lock and files in JupyterLite's settings."""
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
            "pyodide": (pyodide.CDN.format(version=site.pyodide) if cdn else "./") + known.entry,
            "http": http,
        },
    }
    site.root.replace({front_end.SETTINGS: json.dumps(config, indent=1).encode()})


def _add_icons(site: Site) -> None:
    """Add the icons that Jupyter Notebook requests and JupyterLite does not have."""
    if site.root.children("notebooks"):
        icon = site.root.read("notebooks/favicon.ico")
        icons = "static/favicons"
        site.root.make_folder(icons)
        names = ("favicon-notebook.ico", "favicon-busy-1.ico")
        site.root.replace({f"{icons}/{name}": icon for name in names})


def require_empty(folder: Path) -> None:
    """Raise a SiteError if a folder contains a site or other files."""
    if _is_site(folder):
        raise SiteError(
            f"A site already exists in {folder}.",
            "Creating it again would remove its packages and its address.",
            "Publish to it, or remove the folder first.",
            code="site.exists",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SiteError(
            f"{folder} is not empty.",
            "A site must be created in a new or empty folder.",
            "Use a folder that does not exist yet.",
            code="site.folder-not-empty",
        )


def _is_site(folder: Path) -> bool:
    return os.path.lexists(folder / RECORD)


def _shown(folder: Path) -> str:
    return folder.name if folder.parent.name == "sites" else str(folder)


def _free_port(store: Store) -> int:
    """Return a port that nothing listens on, and that no other site in the store has."""
    taken = {site.port for site in list_sites(store)}
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            probe.settimeout(1)  # a full queue of connections answers late
            if port not in taken and probe.connect_ex((HOST, port)) not in (0, errno.EAGAIN):
                return port
