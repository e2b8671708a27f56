"""Headers of a target's Python, for C extensions.

They come from Pyodide's cross-build environment. If it cannot be fetched, those of another build of
the same Python are used, from this machine or from Debian's archive, with the target's values in
`pyconfig.h`, the only file that differs between platforms.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .. import archive, build_variables
from ..api.errors import Retry, ToolchainError, WasmwheelError
from ..api.events import Emitter, note
from ..index import Index
from ..runtime.pyodide import Runtime
from ..runtime.targets import Target
from ..store import Store

#: The code that makes a Python print the places of its headers.
LOCATE_HEADERS = (
    "import json, sysconfig; "
    "print(json.dumps([sysconfig.get_path('include'), sysconfig.get_config_h_filename()]))"
)

#: The folder with libffi's header, for the functions that Pyodide's main module has of it.
LIBFFI = Path(__file__).with_name("libffi")

#: apt's options for folders, to read another suite than the system's.
APT_FOLDERS = {
    "Dir::State": "state",
    "Dir::State::status": "status",
    "Dir::Cache": "cache",
    "Dir::Etc::sourcelist": "sources.list",
    "Dir::Etc::sourceparts": "none",
}

#: A value of a macro that ends with its line.
_VALUE = re.compile(r"(?:[ -~]*[!-\[\]-~])?")

Values = Mapping[str, object]


class _UnavailableError(Exception):
    """A source of headers is not available; the message says why."""


def key(target: Target) -> str:
    """Return the store entry of a target's headers."""
    return f"headers/{target.abi}"


def ensure_headers(
    target: Target, runtime: Runtime, index: Index, store: Store, emit: Emitter
) -> Path:
    """Return the folder with the target's Python.h, installed on the first call."""
    sources: list[Callable[[Path], str]] = [
        lambda folder: _from_pyodide(target, index, folder),
        lambda folder: _from_machine(target, _config_values(runtime), folder),
        lambda folder: _from_debian(target, _config_values(runtime), folder),
    ]

    def fill(folder: Path) -> None:
        reasons = []
        for source in sources:
            try:
                origin = source(folder)
            except _UnavailableError as error:
                reasons.append(str(error))
            else:
                note(emit, f"Using the headers of Python {target.python} from {origin}.")
                return
        raise _missing(target, reasons)

    return store.install(key(target), fill, emit) / "include"


def _missing(target: Target, reasons: list[str]) -> ToolchainError:
    python = target.python
    return ToolchainError(
        f"The headers of Python {python}, which C code requires, are not available.",
        "\n       ".join(reasons),
        f"Put a python{python} with its headers on PATH (run `uv python install {python}`, or on "
        f"Debian `apt-get install python{python}-dev`), or run it once where "
        f"{target.headers.url.split('/')[2]} can be reached.",
        code="headers.missing",
        remedies=[Retry()],
    )


def _from_pyodide(target: Target, index: Index, folder: Path) -> str:
    """Unpack them from the cross-build environment of a release with the same ABI."""
    url = target.headers.url
    try:
        packed = index.download(url, f"sha256:{target.headers.sha256}", folder)
        archive.unpack(packed, folder / "unpacked")
    except WasmwheelError as error:
        raise _UnavailableError(f"{error.what} {error.why}") from error
    packed.unlink()
    pattern = f"xbuildenv/pyodide-root/cpython/installs/*/include/python{target.python}"
    (found,) = (folder / "unpacked").glob(pattern)
    found.rename(folder / "include")
    shutil.rmtree(folder / "unpacked")
    return f"Pyodide's cross-build environment, {url.rpartition('/')[2]}"


def _from_machine(target: Target, values: Values, folder: Path) -> str:
    """Copy those of a Python of the same version on this machine."""
    name = f"python{target.python}"
    program = shutil.which(name)
    if not program:
        raise _UnavailableError(f"{name} was not found on PATH.")
    output = _output([program, "-I", "-c", LOCATE_HEADERS])
    include, config = map(Path, json.loads(output)) if output else (Path(), Path())
    if not (include / "Python.h").is_file() or not config.is_file():
        raise _UnavailableError(f"{program} has no headers.")
    _adapt(include, config, values, folder)
    return program


def _from_debian(target: Target, values: Values, folder: Path) -> str:
    """Unpack those of Debian's package, fetched without root by apt-get, which verifies it."""
    suite, name = target.headers.debian, f"libpython{target.python}-dev"
    programs = shutil.which("apt-get"), shutil.which("dpkg-deb")
    mirror = _mirror() if all(programs) and suite else None
    if not mirror:
        known = " (it may need `apt-get update`)" if programs[0] else ""
        raise _UnavailableError(f"No apt-get was found that can fetch Debian's {name}{known}.")
    apt = folder / "apt"
    (apt / "state/lists/partial").mkdir(parents=True)
    (apt / "cache/archives/partial").mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb {mirror} {suite} main\n", encoding="utf-8")
    options = [f"-o{option}={apt / value}" for option, value in APT_FOLDERS.items()]
    env = build_variables.for_download(os.environ)
    for words in (["update"], ["download", name]):
        command = ["apt-get", "-q", *options, "-oAcquire::Languages=none", *words]
        done = subprocess.run(command, cwd=apt, env=env, capture_output=True, text=True)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise _UnavailableError(f"apt-get could not fetch Debian's {name}: {reason[0]}")
    (package,) = apt.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, apt / "unpacked"], env=env, check=True)
    top = apt / "unpacked/usr/include"
    (config,) = top.glob(f"*/python{target.python}/pyconfig.h")
    _adapt(top / f"python{target.python}", config, values, folder)
    shutil.rmtree(apt)
    return f"Debian's {package.stem}"


def _mirror() -> str | None:
    """Return the mirror of this machine's apt, or None if the system is not Debian."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return None
    if system.get("ID") != "debian":
        return None
    own = (system.get("VERSION_CODENAME"), "stable", "testing", "unstable", "sid")
    form = "$(RELEASE) $(REPO_URI)"
    listed = _output(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    rows = [line.split() for line in listed.splitlines()]
    return next((uri for release, uri in rows if release in own), None)


def _output(command: Sequence[str]) -> str:
    env = build_variables.for_build(os.environ)
    return subprocess.run(command, env=env, capture_output=True, text=True).stdout


def _adapt(include: Path, config: Path, values: Values, folder: Path) -> None:
    """Copy another platform's headers, with the target's values in pyconfig.h."""
    text = config.read_text(encoding="utf-8")
    shutil.rmtree(folder / "include", ignore_errors=True)
    shutil.copytree(include, folder / "include")
    (folder / "include/pyconfig.h").write_text(pyconfig(text, values), encoding="utf-8")


def pyconfig(text: str, values: Values) -> str:
    """Return another platform's pyconfig.h with a target's values; keep what they do not name."""

    def line(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in values:
            return found[0]
        value = values[name]
        if not _VALUE.fullmatch(str(value)):
            raise _UnavailableError(f"Pyodide's build configuration has an invalid {name}.")
        return f"#define {name} {value}" if value not in (0, "") else f"/* #undef {name} */"

    return re.sub(r"^(?:#define (\w+)\b.*|/\* #undef (\w+) \*/)$", line, text, flags=re.MULTILINE)


def _config_values(runtime: Runtime) -> Values:
    """Return the literal values that a runtime's Python was configured with; run none of it."""
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
