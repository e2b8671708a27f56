"""`publish`: a wheel is uploaded to a real index, from which micropip installs it in Pyodide."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import snapshot, targets
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command, error_of
from tests.fixtures.site_factory import create_site

LOGIN = ("TWINE_USERNAME", "teacher"), ("TWINE_PASSWORD", "correct horse")

#: Installs the package `hello` from an index by micropip, and prints what it says.
INSTALL = """
import fs from "node:fs";
import { join } from "node:path";
const [starting, runtime, folder, index] = process.argv.slice(2);
const { start } = await import(starting);
const base = join(folder, "/");
const pyodide = await start(runtime, {
  lockFileContents: fs.readFileSync(join(base, "pyodide-lock.json"), "utf8"),
  packageBaseUrl: base,
  packageCacheDir: base,
});
await pyodide.loadPackage("micropip", { messageCallback() {} });
pyodide.globals.set("index", index);
const said = await pyodide.runPythonAsync(`
import micropip
await micropip.install("hello", index_urls=[index])
import hello
hello.greet("you")
`);
console.log(said);
process.exit(0);
"""


@dataclass(frozen=True)
class PackageIndex:
    """A pypiserver on this machine, and its folder."""

    url: str
    folder: Path


@pytest.fixture
def package_index(tmp_path: Path) -> Iterator[PackageIndex]:
    """Serve an index to which one user can upload."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (_, user), (_, password) = LOGIN
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
    (tmp_path / "users").write_text(f"{user}:{{SHA}}{digest}\n")
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-P", str(tmp_path / "users"), "-a", "update", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield PackageIndex(url=url, folder=folder)
    finally:
        server.kill()
        server.wait()


def install_and_call(index: PackageIndex, site: Site, store: Store, folder: Path) -> str:
    """Install `hello` from an index in the Pyodide of a site, and return what it says."""
    runtime = wheel_factory.machine(targets.default_abi(), store).engine.runtime
    script = folder / "install.mjs"
    script.write_text(INSTALL)
    words = [snapshot.START.resolve().as_uri(), runtime.folder, site.lock.parent]
    done = subprocess.run(
        ["node", script, *words, f"{index.url}simple/{{package_name}}/"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_uploaded_wheel_is_installed_by_micropip(
    wasmwheel: Command,
    starter_wheel: Path,
    package_index: PackageIndex,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in LOGIN:
        monkeypatch.setenv(name, value)
    command = ("publish", starter_wheel, "--repository", package_index.url)
    done = wasmwheel(*command, "--json")
    assert done.status == 0, done.stderr
    assert done.document["wheels"] == [starter_wheel.name]
    uploaded = package_index.folder / starter_wheel.name
    assert uploaded.read_bytes() == starter_wheel.read_bytes()
    site = create_site(tmp_path / "site", store)
    said = install_and_call(package_index, site, store, tmp_path)
    assert said == "Hello, you! This is Rust, in your browser."
    again = error_of(wasmwheel(*command, "--json"), 6)
    assert again["code"] == "publish.upload-failed"
    assert "HTTPError: 4" in again["why"]


def test_wrong_login_uploads_nothing(
    wasmwheel: Command,
    starter_wheel: Path,
    package_index: PackageIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TWINE_USERNAME", "teacher")
    monkeypatch.setenv("TWINE_PASSWORD", "wrong horse")
    command = ("publish", starter_wheel, "--repository", package_index.url, "--json")
    done = wasmwheel(*command)
    error = error_of(done, 6)
    assert error["code"] == "publish.upload-failed"
    assert "403" in error["why"]
    assert "horse" not in json.dumps(error) + done.stderr
    assert list(package_index.folder.iterdir()) == []


def test_wheel_with_a_problem_stops_all(
    wasmwheel: Command, starter_wheel: Path, package_index: PackageIndex, tmp_path: Path
) -> None:
    local = tmp_path / starter_wheel.name.replace("0.1.0", "0.1.0+local")
    shutil.copy(starter_wheel, local)
    command = ("publish", starter_wheel, local, "--repository", package_index.url, "--json")
    assert error_of(wasmwheel(*command), 6)["code"] in ("publish.not-ready", "wheel.invalid")
    assert list(package_index.folder.iterdir()) == []
