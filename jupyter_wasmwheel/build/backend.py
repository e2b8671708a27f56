"""Builds with a project's own build backend (PEP 517), as if it ran in the target's Python.

The backend runs with this Python in an isolated environment. There `sysconfig` has the data of the
runtime's standard library and what `cross/sitecustomize.py` adds, so that setuptools compiles with
our shims, setuptools-rust with our cargo, and both name and tag their output for the target.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import sys
import venv
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from packaging.requirements import InvalidRequirement
from packaging.utils import canonicalize_name
from pyproject_hooks import (
    BackendUnavailable,
    BuildBackendHookCaller,
    HookMissing,
    UnsupportedOperation,
)

from ..api.errors import Retry, SiteError, SourceError
from ..api.events import Emitter, Log, note
from ..api.sanitize import redact
from ..index import configuration_digest, pip_environment
from ..package_metadata import parse_requirement
from ..process.run import Command, run
from ..project.copy import Copy
from ..project.manifest import load_toml
from ..runtime.pyodide import Runtime
from ..runtime.targets import TRIPLE
from ..safe_paths import Root
from ..store import Store
from ..toolchain import emscripten, headers
from ..toolchain.scripts import script
from . import config_settings, confinement, meson
from .build_frontend import FrontendOutput, NeedsRustError, Step, run_frontend
from .plan import Plan

#: The build system of a project that does not configure one (PEP 517 and 518).
DEFAULT = {"requires": ["setuptools>=40.8.0"], "build-backend": "setuptools.build_meta:__legacy__"}

#: Build tools that compile Rust; other backends show that they do when they run.
SETUPTOOLS_RUST = "setuptools-rust"
RUST_TOOLS = {"maturin", SETUPTOOLS_RUST}

#: Runs a script in a process that others of the user cannot read: pip's children could open its
#: files with logins through `/proc`. 4 is PR_SET_DUMPABLE.
_HIDDEN = """
import ctypes, runpy, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

#: The number of pip's last lines in an error.
LAST_LINES = 3


def build(
    plan: Plan,
    copy: Copy,
    runtime: Runtime,
    store: Store,
    emit: Emitter,
    compiled: Callable[[], None],
) -> FrontendOutput:
    """Build the wheel of a project with its own backend."""
    system = _system(copy.folder)
    requires = [*system.get("requires", DEFAULT["requires"])]
    if plan.project.backend == SETUPTOOLS_RUST and SETUPTOOLS_RUST not in _names(requires):
        # setup.py imports it, often before the backend can say that it is required.
        requires.append(SETUPTOOLS_RUST)
    env = _as_target(plan, runtime)

    def work(step: Step) -> None:
        environment = functools.partial(_environment, plan=plan, store=store, emit=emit)
        caller = functools.partial(_caller, plan, copy.folder, system, step, env)
        settings = config_settings.parse(plan.request.config_settings)
        settings = meson.config_settings(_names(requires), plan, env, settings)
        more = caller(environment(requires)).get_requires_for_build_wheel(settings or None) or []
        require_from_index(more, plan.project.label)
        if RUST_TOOLS & _names(more) and not (plan.toolchain and plan.toolchain.rust):
            raise NeedsRustError
        caller(environment([*requires, *more])).build_wheel(str(plan.wheels), settings or None)

    try:
        return run_frontend(plan, copy, emit, compiled, work)
    except (BackendUnavailable, HookMissing, UnsupportedOperation) as error:
        raise SourceError(
            f"Could not load the build backend of {plan.project.label}.",
            f"{system.get('build-backend')}: {error}",
            "Correct `[build-system]` in its pyproject.toml, and check it with `python -m build`.",
            code="backend.invalid",
        ) from error


def python_for_maturin(plan: Plan, copy: Copy, store: Store, emit: Emitter) -> Path | None:
    """Return the Python of the environment for maturin itself, None if nothing is required.

    maturin is not installed into it: ours builds.
    """
    requires = _system(copy.folder).get("requires", [])
    requires = [each for each in requires if _names([each]) != {"maturin"}]
    requires += ["cffi"] if plan.project.bindings == "cffi" else []
    return _environment(requires, plan=plan, store=store, emit=emit) if requires else None


def _system(folder: Path) -> dict[str, Any]:
    """Return the `[build-system]` of the project in a folder."""
    path = folder / "pyproject.toml"
    system: dict[str, Any] = (load_toml(path) if path.is_file() else {}).get("build-system", {})
    return system


def _names(requires: Iterable[str]) -> set[str]:
    """Return the names of packages in requirements; pip judges the invalid ones."""
    return {
        canonicalize_name(re.split(r"[^\w.-]", each.strip(), maxsplit=1)[0]) for each in requires
    }


def _caller(
    plan: Plan,
    folder: Path,
    system: Mapping[str, Any],
    step: Step,
    env: Mapping[str, str],
    python: Path,
) -> BuildBackendHookCaller:
    """Return the caller of a backend's hooks, which runs each in its own process."""

    def runner(
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        more = {
            "PATH": plan.path(python.parent),
            "WASMWHEEL_CMAKE_ROOTS": os.pathsep.join([str(python.parents[1]), str(plan.copy)]),
            **(extra_environ or {}),
        }
        # Last is the folder in which the hook gets its arguments and leaves its result.
        results = Root(Path(cmd[-1]))
        step(cmd, Path(cwd or folder), {**env, **more}, [results.folder])
        require_result(results, plan.project.label)

    return BuildBackendHookCaller(
        str(folder),
        system.get("build-backend", DEFAULT["build-backend"]),
        system.get("backend-path"),
        runner,
        str(python),
    )


class _HookResult(Struct, frozen=True):
    """The fields of a hook's result that pyproject_hooks reads."""

    return_val: list[str] | str | None
    unsupported: bool = False
    no_backend: bool = False
    hook_missing: bool = False
    traceback: str = ""
    backend_error: str | None = ""
    missing_hook_name: str = ""
    warnings: list[_HookWarning] = []


class _HookWarning(Struct, frozen=True):
    """A warning of a hook."""

    message: str
    filename: str
    lineno: int


def require_result(results: Root, label: str) -> None:
    """Raise a SourceError unless a hook has left a valid result.

    pyproject_hooks would wait for a pipe, or read a file of any size.
    """
    try:
        msgspec.json.decode(results.read("output.json"), type=_HookResult)
    except (SiteError, OSError, ValueError, RecursionError) as error:
        raise SourceError(
            f"The build backend of {label} ended without a result.",
            "It ended its process, or replaced the file with the result.",
            "Look in its output above for the reason.",
            code="backend.no-result",
        ) from error


def _require_valid(requires: Sequence[str], label: str, *, is_own: bool) -> None:
    """Refuse what is not a requirement: pip would take it for an option, or for a file.

    Only a user's own project can require something by its address.
    """
    for text in requires:
        try:
            url = parse_requirement(text).url
            is_valid = text.isprintable()
        except InvalidRequirement:
            url, is_valid = None, False
        if url and not is_own:
            raise SourceError(
                f"{label} requires {text!r:.200} for its build.",
                "A package that was fetched can require only names from the package index.",
                "If you trust it, unpack it, and build its folder.",
                code="backend.requirement-refused",
            )
        if not is_valid:
            raise SourceError(
                f"Invalid build requirement of {label}: {text!r:.200}.",
                "Each entry of `requires` in `[build-system]` is a requirement (PEP 508).",
                "Correct it in its pyproject.toml.",
                code="project.invalid-requirement",
            )


def require_from_index(requires: Sequence[str], label: str) -> None:
    """Refuse requirements that a build backend returns when it runs, unless they are of an index.

    An address could contain what the backend has read.
    """
    for text in requires:
        try:
            is_plain = parse_requirement(text).url is None
        except InvalidRequirement:
            is_plain = False
        if not is_plain:
            raise SourceError(
                f"The build backend of {label} requires {text!r:.200} when it runs.",
                "Only a name with a version is looked up then, in the package index.",
                "If you trust it, list it in `requires` of `[build-system]` in pyproject.toml.",
                code="backend.requirement-refused",
            )


def _as_target(plan: Plan, runtime: Runtime) -> dict[str, str]:
    """Return the variables that make a backend build for the target."""
    name, text = runtime.sysconfig_data()
    data = plan.work / "cross" / name
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_bytes(text)
    ours = resources.files(__package__) / "cross"
    optimised = " ".join([*plan.profile.c, *plan.profile.cflags])
    return {
        "PYTHONPATH": os.pathsep.join([str(ours), str(data.parent)]),
        "_PYTHON_SYSCONFIGDATA_NAME": data.stem,
        "_PYTHON_HOST_PLATFORM": f"pyemscripten-{plan.target.abi}-wasm32",
        "WASMWHEEL_PYTHON": plan.target.python,
        "CARGO_BUILD_TARGET": TRIPLE,
        "CC": str(script("wasmwheel-cc")),
        "CXX": str(script("wasmwheel-cxx")),
        "AR": str(script("wasmwheel-ar")),
        "RANLIB": str(script("wasmwheel-ranlib")),
        "LDSHARED": f"{script('wasmwheel-cc')} -shared",
        "LDCXXSHARED": f"{script('wasmwheel-cxx')} -shared",
        "CFLAGS": f"{optimised} {emscripten.c_flags(plan.target)}",
        "CXXFLAGS": f"{optimised} {emscripten.cxx_flags(plan.target)}",
        "CPPFLAGS": f"-I{headers.LIBFFI}",
        "LDFLAGS": "",
        "CMAKE_TOOLCHAIN_FILE": str(ours / "cmake" / "toolchain.cmake"),
    }


def _environment(requires: Sequence[str], *, plan: Plan, store: Store, emit: Emitter) -> Path:
    """Return the Python of a cached environment with the requirements of a backend."""
    index = configuration_digest() if requires else ""
    identity = "\n".join([sys.version, sys.base_prefix, index, *sorted(set(requires))])
    key = f"backends/{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def fill(folder: Path) -> None:
        if plan.request.offline:
            raise SourceError(
                f"The build requirements {', '.join(requires)} are not available offline.",
                "They must be fetched, and this run is offline.",
                "Run it once without --offline.",
                code="backend.offline",
                remedies=[Retry(changes={"offline": False})],
            )
        note(emit, f"Creating a build environment with {', '.join(requires) or 'no packages'}.")
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        _install(requires, folder, plan, emit)
        _move_scripts(folder, store.home / key)

    return _python(store.install(key, fill, emit))


def _install(requires: Sequence[str], folder: Path, plan: Plan, emit: Emitter) -> None:
    """Install packages into an environment with pip, from the user's index.

    pip can run their code, which gets the variables of a build, and has a network.
    """
    if not requires:
        return
    _require_valid(requires, plan.project.label, is_own=plan.project.tree is None)
    output: list[str] = []

    def on_line(stream: str, line: str) -> None:
        output.append(line)
        emit(Log(stream="stdout" if stream == "stdout" else "stderr", text=line))

    # `pip --python` would restart itself without the files that it must inherit.
    pip = importlib.util.find_spec("pip")
    assert pip
    assert pip.origin
    runner = Path(pip.origin).with_name("__pip-runner__.py")
    command: list[str | Path] = [_python(folder), "-P", "-c", _HIDDEN, runner]
    command += ["--disable-pip-version-check"]
    # Some images configure `user`, which pip rejects in an environment.
    command += ["install", "--no-user", "--no-warn-script-location", "--", *requires]
    with pip_environment(plan.environ) as (env, files), plan.temporary() as temporary:
        reachable = confinement.of_install(plan, env, folder, temporary)
        install = Command(words=command, cwd=folder, env=env, pass_fds=files, confinement=reachable)
        status = run(install, on_line=on_line, supervise=True)
    if status:
        raise SourceError(
            f"Could not install the build requirements {', '.join(requires)}.",
            redact(" ".join(line.strip() for line in output[-LAST_LINES:]))[:500]
            or "pip gave no reason.",
            "Check the network and `pip config list`, then try again.",
            code="backend.install-failed",
            remedies=[Retry()],
        )


def _move_scripts(folder: Path, place: Path) -> None:
    """Replace the path of an environment in its scripts, as it is about to be renamed."""
    for path in _python(folder).parent.iterdir():
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            path.write_bytes(data.replace(str(folder).encode(), str(place).encode()))


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
