"""The headers of a target's Python, which a C extension includes.

Pyodide's own cross-build environment has them. Where it cannot be fetched, they are those of
another build of the same Python, on this machine or in Debian's archive, with a `pyconfig.h` that
says what the target's own Python was built with: that file is all that differs between platforms.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from .. import archive, build_variables
from ..api.errors import Retry, ToolchainError, WasmwheelError
from ..api.events import Emitter, note
from ..index import Index
from ..runtime.pyodide import Runtime
from ..runtime.targets import Target
from ..store import Store

#: Asks a Python where its headers are.
LOCATE_HEADERS = (
    "import json, sysconfig; "
    "print(json.dumps([sysconfig.get_path('include'), sysconfig.get_config_h_filename()]))"
)

#: apt's own folders, so that a suite can be read which is not the system's.
APT_FOLDERS = {
    "Dir::State": "state",
    "Dir::State::status": "status",
    "Dir::Cache": "cache",
    "Dir::Etc::sourcelist": "sources.list",
    "Dir::Etc::sourceparts": "none",
}

Values = Mapping[str, object]


class _UnavailableError(Exception):
    """One way to the headers does not lead there; says why."""


def key(target: Target) -> str:
    """The entry of the store that holds a target's headers."""
    return f"headers/{target.abi}"


def ensure_headers(
    target: Target, runtime: Runtime, index: Index, store: Store, emit: Emitter
) -> Path:
    """The folder with the target's Python.h; a ToolchainError where there is no way to one."""
    ways: list[Callable[[Path], str]] = [
        lambda folder: _from_pyodide(target, index, folder),
        lambda folder: _from_machine(target, _built_with(runtime), folder),
        lambda folder: _from_debian(target, _built_with(runtime), folder),
    ]

    def fill(folder: Path) -> None:
        reasons = []
        for way in ways:
            try:
                origin = way(folder)
            except _UnavailableError as error:
                reasons.append(str(error))
            else:
                note(emit, f"The headers of Python {target.python} are {origin}.")
                return
        raise _missing(target, reasons)

    return store.install(key(target), fill, emit) / "include"


def _missing(target: Target, reasons: list[str]) -> ToolchainError:
    python = target.python
    return ToolchainError(
        f"The headers of Python {python} are not available, and C code requires them.",
        "\n       ".join(reasons),
        f"Put a python{python} with its headers on PATH (on Debian: `apt-get install "
        f"python{python}-dev`; `uv python install {python}` brings one too), or run it once where "
        f"{target.headers.url.split('/')[2]} can be reached.",
        code="headers.missing",
        remedies=[Retry()],
    )


def _from_pyodide(target: Target, index: Index, folder: Path) -> str:
    """Take them out of the cross-build environment of a release with the same ABI."""
    url = target.headers.url
    try:
        packed = index.download(url, target.headers.sha256, folder)
        archive.unpack(packed, folder / "unpacked")
    except WasmwheelError as error:
        raise _UnavailableError(f"{error.what} {error.why}") from error
    packed.unlink()
    pattern = f"xbuildenv/pyodide-root/cpython/installs/*/include/python{target.python}"
    (found,) = (folder / "unpacked").glob(pattern)
    found.rename(folder / "include")
    shutil.rmtree(folder / "unpacked")
    return f"those of Pyodide's cross-build environment, {url.rpartition('/')[2]}"


def _from_machine(target: Target, values: Values, folder: Path) -> str:
    """Take those of a Python of the same version on this machine."""
    name = f"python{target.python}"
    program = shutil.which(name)
    if not program:
        raise _UnavailableError(f"There is no {name} on PATH.")
    env = build_variables.for_build(os.environ)
    asked = subprocess.run(
        [program, "-I", "-c", LOCATE_HEADERS], env=env, capture_output=True, text=True
    )
    include, config = map(Path, json.loads(asked.stdout)) if asked.stdout else (Path(), Path())
    if not (include / "Python.h").is_file() or not config.is_file():
        raise _UnavailableError(f"{program} has no headers beside it.")
    _adapt(include, config, values, folder)
    return f"those of {program}"


def _from_debian(target: Target, values: Values, folder: Path) -> str:
    """Take those of Debian's package, by apt-get, which checks its signature, and without root."""
    suite, name = target.headers.debian, f"libpython{target.python}-dev"
    programs = shutil.which("apt-get"), shutil.which("dpkg-deb")
    mirror = _mirror() if all(programs) and suite else None
    if not mirror:
        known = ", or it does not know its archive yet (`apt-get update`)" if programs[0] else ""
        raise _UnavailableError(
            f"There is no apt-get here that could fetch Debian's {name}{known}."
        )
    apt = folder / "apt"
    (apt / "state/lists/partial").mkdir(parents=True)
    (apt / "cache/archives/partial").mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb {mirror} {suite} main\n", encoding="utf-8")
    options = [f"-o{option}={apt / value}" for option, value in APT_FOLDERS.items()]
    for words in (["update"], ["download", name]):
        done = subprocess.run(
            ["apt-get", "-q", *options, "-oAcquire::Languages=none", *words],
            cwd=apt,
            env=build_variables.for_download(os.environ),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise _UnavailableError(f"apt-get could not fetch Debian's {name}: {said[0]}")
    (package,) = apt.glob("*.deb")
    unpack: list[str | Path] = ["dpkg-deb", "-x", package, apt / "unpacked"]
    subprocess.run(unpack, env=build_variables.for_build(os.environ), check=True)
    top = apt / "unpacked/usr/include"
    (config,) = top.glob(f"*/python{target.python}/pyconfig.h")
    _adapt(top / f"python{target.python}", config, values, folder)
    shutil.rmtree(apt)
    return f"those of Debian's {package.stem}"


def _mirror() -> str | None:
    """Where this machine's apt gets Debian itself from; None where it is no Debian."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return None
    own = (system.get("VERSION_CODENAME"), "stable", "testing", "unstable", "sid")
    form = "$(RELEASE) $(REPO_URI)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        env=build_variables.for_build(os.environ),
        capture_output=True,
        text=True,
    ).stdout
    rows = [line.split() for line in listed.splitlines()]
    found = (uri for release, uri in rows if release in own)
    return next(found, None) if system.get("ID") == "debian" else None


def _adapt(include: Path, config: Path, values: Values, folder: Path) -> None:
    """Copy another platform's headers, with its pyconfig.h made the target's."""
    text = config.read_text(encoding="utf-8")
    shutil.rmtree(folder / "include", ignore_errors=True)
    shutil.copytree(include, folder / "include")
    (folder / "include/pyconfig.h").write_text(pyconfig(text, values), encoding="utf-8")


def pyconfig(text: str, values: Values) -> str:
    """Another platform's pyconfig.h with a target's values; what those do not name stays."""

    def line(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in values:
            return found[0]
        value = values[name]
        return f"#define {name} {value}" if value not in (0, "") else f"/* #undef {name} */"

    return re.sub(r"^(?:#define (\w+)\b.*|/\* #undef (\w+) \*/)$", line, text, flags=re.MULTILINE)


def _built_with(runtime: Runtime) -> Values:
    """What a runtime's Python was built with, where it is a plain value; nothing of it is run."""
    tree = ast.parse(runtime.sysconfig_data()[1])
    (table,) = (
        each.value
        for each in tree.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Dict)
    )
    return {
        str(name.value): value.value
        for name, value in zip(table.keys, table.values, strict=True)
        if isinstance(name, ast.Constant) and isinstance(value, ast.Constant)
    }
