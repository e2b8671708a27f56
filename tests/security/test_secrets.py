"""Secrets do not reach a build: no code of a package sees a decoy.

The decoys are in the environment, in addresses, and in files that links lead to. Each kind of a
package's code writes down all that it can see.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path

import msgspec
import pytest

from jupyter_wasmwheel import build_variables, credentials, index
from jupyter_wasmwheel.api.errors import SourceError, UsageError, WasmwheelError
from jupyter_wasmwheel.api.events import Event, JsonLines, Log, Report
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.api.sanitize import redact, sanitize
from jupyter_wasmwheel.build import backend
from jupyter_wasmwheel.jobs import payload
from jupyter_wasmwheel.jobs.executors import LocalExecutor, environment
from jupyter_wasmwheel.jobs.queue import Queue, QueueLimits, encoded
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.project import git
from jupyter_wasmwheel.site import lite
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command
from tests.fixtures.git_server import Repository, serving
from tests.fixtures.projects import create_pure_project
from tests.fixtures.wheel_factory import backend_project, wheel

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

#: The text in every decoy.
DECOY = "decoy5f3a"

#: An environment like that of a hub's terminal or a CI job.
SECRETS = {
    name: f"{DECOY}-{number}"
    for number, name in enumerate(
        (
            "ACTIONS_RUNTIME_TOKEN",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "CARGO_REGISTRIES_PRIVATE_TOKEN",
            "CARGO_REGISTRY_TOKEN",
            "CC_TEST_REPORTER_ID",
            "CONFIGPROXY_AUTH_TOKEN",
            "GITHUB_TOKEN",
            "HATCH_INDEX_AUTH",
            "JPY_API_TOKEN",
            "JUPYTERHUB_API_TOKEN",
            "JUPYTER_TOKEN",
            "MATURIN_PASSWORD",
            "MATURIN_PYPI_TOKEN",
            "MY_SECRET",
            "PIP_TRUSTED_NAME",
            "SCCACHE_WEBDAV_TOKEN",
            "SSH_AUTH_SOCK",
            "TWINE_PASSWORD",
            "UV_PUBLISH_TOKEN",
        )
    )
}

#: Python that writes down its variables, and the command line of every process.
DUMP = """
def dump(place):
    import glob, os
    seen = [repr(sorted(os.environ.items())).encode()]
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            seen.append(open(name, "rb").read())
        except OSError:
            pass
    files = [os.environ.get("NETRC"), os.environ.get("PIP_CONFIG_FILE")]
    if os.getuid():  # root can open the files of all processes
        for name in glob.glob("/proc/[0-9]*/fd/*"):
            try:
                files += [name] if "memfd:wasmwheel" in os.readlink(name) else []
            except OSError:
                pass
    for name in files:
        try:
            seen.append(open(name, "rb").read())
        except (OSError, TypeError):
            pass
    with open(place, "ab") as file:
        file.write(b"\\n".join(seen))
"""

RUST_DUMP = """
use std::{env, fs, io::Write};
fn main() {
    let mut out = fs::File::create(PLACE).unwrap();
    for (name, value) in env::vars_os() {
        writeln!(out, "{:?}={:?}", name, value).unwrap();
    }
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Ok(line) = fs::read(entry.path().join("cmdline")) {
            out.write_all(&line).unwrap();
        }
    }
}
"""


def decoys(**more: str) -> dict[str, str | None]:
    """Set the decoy environment, with an index whose address has credentials."""
    login = f"http://me:{DECOY}-index@127.0.0.1:1/simple"
    return {**SECRETS, "PIP_EXTRA_INDEX_URL": login, "UV_INDEX_URL": login, **more}


# The list of variables


@pytest.mark.parametrize("name", SECRETS)
def test_build_environment_has_no_secret(name: str) -> None:
    assert not build_variables.for_build({name: "x"})


@pytest.mark.parametrize(
    "name",
    [
        "CARGO_NET_GITHUB_PAT",
        "CC_github_token",
        "CCACHE_REMOTE_STORAGE",
        "CMAKE_LOGIN",
        "EM_apikey",
        "GIT_CONFIG_VALUE_0",
        "LC_SMUGGLED",
        "MAKEFLAGS",
        "MATURIN_pypi_token",
        "NPM_TOKEN",
        "RUSTUP_SESSION",
        "SCCACHE_AZURE_CONNECTION_STRING",
        "SCCACHE_MEMCACHED_PASS",
        "npm_config__authToken",
    ],
)
def test_wildcard_passes_no_secret(name: str) -> None:
    assert not build_variables.for_build({name: "x"})


@pytest.mark.parametrize("name", ["X_API_PAT", "X_COOKIE", "X_DB_PASS", "X_DSN", "X_token"])
def test_wildcard_setting_passes_no_secret(name: str) -> None:
    assert not build_variables.for_build({name: "x"}, ["X_*"])


@pytest.mark.parametrize(
    ("name", "value", "is_proxy"),
    [
        ("HTTPS_PROXY", f"http://me:p'{DECOY}@proxy:1", True),
        ("http_proxy", f"http://me:p {DECOY}@proxy:1", True),
        ("all_proxy", f"socks5h://me:p/{DECOY}@proxy", True),
        ("CARGO_HTTP_PROXY", f"me:p://{DECOY}@proxy:1", False),
        ("CARGO_REGISTRIES_X_INDEX", f"sparse+https://host/?token={DECOY}", False),
        ("RUSTUP_UPDATE_ROOT", f"https:/me:{DECOY}@host", False),
    ],
)
def test_build_sees_no_credentials_and_download_sees_proxy_credentials(
    name: str, value: str, is_proxy: bool
) -> None:
    environ = {name: value, "PIP_INDEX_URL": value, "GITHUB_TOKEN": DECOY}
    assert DECOY not in repr(build_variables.for_build(environ))
    fetching = build_variables.for_download(environ)
    assert set(fetching) == {name}
    assert (DECOY in fetching[name]) is is_proxy


@pytest.mark.parametrize(
    "name",
    [
        "CARGO_HOME",
        "CARGO_NET_OFFLINE",
        "CARGO_PROFILE_RELEASE_LTO",
        "CC",
        "CC_x86_64_unknown_linux_gnu",
        "CFLAGS",
        "LC_ALL",
        "MATURIN_PEP517_ARGS",
        "PATH",
        "PKG_CONFIG_PATH",
        "PYO3_PYTHON",
        "RUSTUP_HOME",
        "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_X",
        "SOURCE_DATE_EPOCH",
    ],
)
def test_build_environment_has_needed_variables(name: str) -> None:
    assert build_variables.for_build({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("http://me:pw@proxy:8080", "http://proxy:8080"),
        ("me:pw@proxy:8080", "proxy:8080"),
        ("http://proxy:8080", "http://proxy:8080"),
    ],
)
def test_build_sees_proxy_without_credentials(value: str, seen: str) -> None:
    assert build_variables.for_build({"HTTPS_PROXY": value}) == {"HTTPS_PROXY": seen}
    assert build_variables.for_own_code({"HTTPS_PROXY": value}) == {"HTTPS_PROXY": value}


def test_setting_passes_variables_and_secrets_by_full_name() -> None:
    environ = {"MY_FEATURE": "1", "MY_TOKEN": "2", "JPY_API_TOKEN": "3", "OTHER": "4"}
    assert build_variables.for_build(environ, ["MY_*"]) == {"MY_FEATURE": "1"}
    assert build_variables.for_build(environ, ["MY_TOKEN"]) == {"MY_TOKEN": "2"}
    assert build_variables.for_build(environ, ["JPY_API_TOKEN", "JPY_*", "*"]) == {
        "MY_FEATURE": "1",
        "OTHER": "4",
    }


def test_job_has_index_credentials_and_no_jupyter_token() -> None:
    environ = dict.fromkeys((*SECRETS, "PIP_INDEX_URL", "NETRC", "GIT_ASKPASS", "HOME"), "x")
    kept = {"PIP_INDEX_URL", "PIP_TRUSTED_NAME", "NETRC", "GIT_ASKPASS", "HOME", "SSH_AUTH_SOCK"}
    assert set(build_variables.for_own_code(environ)) == kept


# Code of packages


def read_seen(place: Path) -> str:
    """Return what was written down, which must not be empty."""
    text = place.read_bytes().decode("utf-8", "replace")
    assert "PATH" in text
    return text


@linux_only
@pytest.mark.usefixtures("unconfined")
def test_setup_py_sees_no_secret(wasmwheel: Command, tmp_path: Path) -> None:
    place = tmp_path / "seen"
    project = backend_project(tmp_path / "nosy", f"dump({str(place)!r})", DUMP)
    env = decoys(MYPKG_FEATURE="let-through", WASMWHEEL_BUILD_ENV="MYPKG_*")
    ran = wasmwheel("build", project, "--json", "--no-smoke", "--out", tmp_path / "out", env=env)
    assert ran.status == 0, ran.stderr
    assert DECOY not in read_seen(place)
    assert "let-through" in read_seen(place)
    assert DECOY not in ran.stdout + ran.stderr


@linux_only
@pytest.mark.usefixtures("unconfined")
def test_build_script_sees_no_secret(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    place = tmp_path / "seen"
    (crate / "build.rs").write_text(RUST_DUMP.replace("PLACE", json.dumps(str(place))))
    words = ("build", crate, "--json", "--no-smoke", "--profile", "draft")
    ran = wasmwheel(*words, "--out", tmp_path / "out", env=decoys())
    assert ran.status == 0, ran.stderr
    assert DECOY not in read_seen(place)
    assert DECOY.encode() not in Path(ran.document["wheel"]).read_bytes()


PEEK = """
import os, js
print(os.environ, js.JSON.stringify(js.Object.constructor("return process.env")()))
"""


def test_imported_wheel_sees_no_secret(wasmwheel: Command, tmp_path: Path) -> None:
    text = PEEK + "raise RuntimeError(str(os.environ))\n"
    path = wheel(tmp_path, "py3-none-any", {"handmade.py": text.encode()})
    ran = wasmwheel("smoke", path, "--events", env=decoys())
    assert "HOME" in ran.stdout
    assert DECOY not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_project_tests_see_no_secret(wasmwheel: Command, tmp_path: Path) -> None:
    project = backend_project(tmp_path / "nosy")
    (project / "test_nosy.py").write_text(
        "def test_nosy():\n" + textwrap.indent(PEEK, "    ") + "    assert False, os.environ\n"
    )
    with index_with_login(f"me:{DECOY}", {"nothing-1.tar.gz": b""}, []) as address:
        env = {**SECRETS, "PIP_EXTRA_INDEX_URL": address}
        ran = wasmwheel("test", project, "--events", "--out", tmp_path / "out", env=env)
    assert "HOME" in ran.stdout
    assert DECOY not in ran.stdout + ran.stderr


@contextmanager
def index_with_login(login: str, files: dict[str, bytes], asked: list[str]) -> Iterator[str]:
    """Serve a package index that requires a login; yield its address."""
    wanted = f"Basic {b64encode(login.encode()).decode()}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == wanted
            asked.append(f"{allowed} {self.path}")
            folder, _, name = self.path.strip("/").rpartition("/")
            body = files.get(name)
            if name in {file.rpartition("-")[0] for file in files}:
                body = "".join(f'<a href="/files/{file}">{file}</a>' for file in files).encode()
            if folder and body and allowed:
                self.send_response(200)
                self.send_header("Content-Type", "text/html" if body[:1] == b"<" else "x/y")
            else:
                self.send_response(404 if allowed else 401)
                self.send_header("WWW-Authenticate", 'Basic realm="here"')
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{login}@127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()


def nosy_sdist(place: Path) -> bytes:
    """Return an sdist whose backend writes down what it sees."""
    backend = DUMP + textwrap.dedent(f"""
        import zipfile

        def build_wheel(folder, *_):
            dump({str(place)!r})
            name = "nosyreq-1-py3-none-any.whl"
            with zipfile.ZipFile(folder + "/" + name, "w") as made:
                made.writestr("nosyreq.py", "")
                info = "nosyreq-1.dist-info/"
                about = "Metadata-Version: 2.1\\nName: nosyreq\\nVersion: 1\\n"
                made.writestr(info + "METADATA", about)
                made.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
                made.writestr(info + "RECORD", "")
            return name
        """)
    system = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, text in {"own.py": backend, "pyproject.toml": system}.items():
            member = tarfile.TarInfo(f"nosyreq-1/{name}")
            member.size = len(text.encode())
            packed.addfile(member, BytesIO(text.encode()))
    return stream.getvalue()


@linux_only
@pytest.mark.usefixtures("unconfined")
def test_build_requirement_from_index_sees_no_password(wasmwheel: Command, tmp_path: Path) -> None:
    place, asked = tmp_path / "seen", []
    project = backend_project(tmp_path / "nosy")
    path = project / "pyproject.toml"
    text = path.read_text()
    assert "requires = []" in text
    path.write_text(text.replace("requires = []", 'requires = ["nosyreq"]'))
    files = {"nosyreq-1.tar.gz": nosy_sdist(place)}
    with index_with_login(f"me:{DECOY}", files, asked) as address:
        env = {**SECRETS, "PIP_INDEX_URL": address, "WASMWHEEL_HOME": str(tmp_path / "home")}
        env["WASMWHEEL_PATH"] = os.environ["WASMWHEEL_HOME"]
        words = ("build", project, "--events", "--no-smoke", "--out", tmp_path / "out")
        ran = wasmwheel(*words, env=env)
    assert ran.status == 0, ran.stderr
    assert "True /files/nosyreq-1.tar.gz" in asked
    assert DECOY not in read_seen(place)
    assert DECOY not in ran.stdout + ran.stderr


@linux_only
@pytest.mark.parametrize("where", ["variable", "file", "extra"])
def test_pip_reads_credentials_from_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    address = f"https://me:{DECOY}%40@index.example.org/simple"
    if where == "file":
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n".replace("%", "%"))
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    else:
        name = "PIP_INDEX_URL" if where == "variable" else "PIP_EXTRA_INDEX_URL"
        monkeypatch.setenv(name, address)
    index._settings.cache_clear()
    index.pip_settings.cache_clear()
    try:
        with index.pip_environment({}) as (variables, files):
            assert DECOY not in repr(variables)
            (file,) = files
            text = os.pread(file, 10_000, 0).decode()
            assert f'machine index.example.org login "me" password "{DECOY}@"' in text
            assert variables["NETRC"] == f"/proc/self/fd/{file}"
    finally:
        index._settings.cache_clear()
        index.pip_settings.cache_clear()


OPENS_A_FILE_OF_ITS_PARENT = """
import subprocess, sys
print(open("/proc/self/fd/" + sys.argv[1]).read(), flush=True)
code = "import os, sys; print(open(f'/proc/{os.getppid()}/fd/{sys.argv[1]}').read())"
subprocess.run([sys.executable, "-c", code, sys.argv[1]])
"""


@linux_only
@pytest.mark.parametrize("way", ["hidden", "open"])
def test_pip_child_cannot_open_credentials_file(way: str) -> None:
    # Root can open everything, so another user tries, who cannot run a Python in root's home.
    python = shutil.which("python3", path="/usr/bin") if os.getuid() == 0 else sys.executable
    if python is None:
        pytest.skip("there is no Python that another user can run")
    user = 65534 if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        script = Path(folder) / "script.py"
        script.write_text(OPENS_A_FILE_OF_ITS_PARENT)
        file = os.memfd_create("wasmwheel")
        try:
            os.write(file, DECOY.encode())
            hidden = ["-P", "-c", backend._HIDDEN] if way == "hidden" else []
            command = [python, *hidden, str(script), str(file)]
            done = subprocess.run(
                command, pass_fds=[file], capture_output=True, text=True, user=user, group=user
            )
        finally:
            os.close(file)
    assert done.stdout.count(DECOY) == (1 if way == "hidden" else 2), done.stderr


# Other processes of the same user


AS_A_JOB = """
import ctypes, os, sys, time
from jupyter_wasmwheel.process.supervisor import hide_memory
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
if sys.argv[1] == "hidden":
    hide_memory()
print("ready", flush=True)
time.sleep(60)
"""


@linux_only
@pytest.mark.parametrize("way", ["hidden", "open"])
def test_hidden_memory_is_unreadable_for_same_user(way: str) -> None:
    # Root can read everything, so another user runs both.
    user = 65534 if os.getuid() == 0 else None
    child = subprocess.Popen(
        [sys.executable, "-c", AS_A_JOB, way],
        env={**os.environ, "PIP_INDEX_URL": DECOY},
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout
        with child.stdout:
            assert child.stdout.readline() == b"ready\n"
        command = ["cat", f"/proc/{child.pid}/environ"]
        read = subprocess.run(command, capture_output=True, user=user, group=user).stdout
        assert (DECOY.encode() in read) is (way == "open")
    finally:
        child.kill()
        child.wait()


@linux_only
@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("cli", ["targets"]),
        ("process.supervisor", ["--", "true"]),
        ("process.supervisor", ["--job", "--", "true"]),
    ],
)
def test_command_and_supervisor_hide_memory(module: str, words: list[str]) -> None:
    code = f"""
import ctypes, os, sys
import jupyter_wasmwheel.{module} as module
real = os._exit
def ended(status):
    print("dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
    real(status)
os._exit = sys.exit = ended
module.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, capture_output=True, text=True
    )
    assert "dumpable 0" in done.stdout, done.stderr


# Credentials in addresses


ADDRESSES = {
    f"https://me:{DECOY}@host/x.git": "https://***@host/x.git",
    f"git+http://{DECOY}@host:8080/x": "git+http://***@host:8080/x",
    f"ssh://me:{DECOY}@host/x": "ssh://***@host/x",
    f"fatal: 'https://me:{DECOY}@host/' and https://{DECOY}:x@h": (
        "fatal: 'https://***@host/' and https://***@h"
    ),
    f"socks5h://me:p@{DECOY}@proxy:1": "socks5h://***@proxy:1",
    "git+ssh://git@host/x.git@v1": "git+ssh://git@host/x.git@v1",
    "https://host/a@b": "https://host/a@b",
    "http://host:80/a@b and http://[::1]:8000/a@b": "http://host:80/a@b and http://[::1]:8000/a@b",
    f"https://me:p'{DECOY}@host/x": "https://***@host/x",
    f'https://me:p"{DECOY}@host/x': "https://***@host/x",
    f"https://me:p/{DECOY}@host/x.git": "https://***@host/x.git",
    f"https://me:p?#{DECOY}@host": "https://***@host",
    f"https:/me:{DECOY}@host/x": "https:/***@host/x",
    rf"https:\/\/me:{DECOY}@host\/x": r"https:\/\/***@host\/x",
    f"?at=https%3A%2F%2Fme%3A{DECOY}%40host": "?at=https%3A%2F%2F***%40host",
    f"https://host/x?a=1&private_token={DECOY}&b=2": "https://host/x?a=1&private_token=***&b=2",
    f"https://host/x?X-Amz-Signature={DECOY}": "https://host/x?X-Amz-Signature=***",
    "https://host/x and if a ? b : c&token=d": "https://host/x and if a ? b : c&token=d",
    f"=> Send header: Authorization: Basic {DECOY}=": "=> Send header: Authorization: Basic ***",
    '["https://host","me@host"]': '["https://host","me@host"]',
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_credentials_are_removed_from_shown_text(text: str) -> None:
    assert redact(text) == ADDRESSES[text] == sanitize(text)
    assert Log(stream="stderr", text=text).text == ADDRESSES[text]
    assert DECOY not in str(WasmwheelError(text, text, text, code="example.error").as_json())


def test_credentials_are_removed_from_report() -> None:
    stream = StringIO()
    report = {"dependencies": [{"requirement": f"x @ https://me:{DECOY}@host/x.whl"}]}
    JsonLines(stream, "job")(Report(report=report))
    written = json.loads(stream.getvalue())["report"]["dependencies"][0]
    assert written["requirement"] == "x @ https://***@host/x.whl"


def test_credentials_are_removed_after_colors() -> None:
    assert DECOY not in sanitize(f"https:\x1b[0m//me:{DECOY}@host")


def test_credentials_are_removed_from_long_line_quickly() -> None:
    begin = time.monotonic()
    for text in (
        "://" * 300_000 + "@",
        "a.b-c+" * 200_000 + "://x@",
        "://" + "x" * 1_000_000,
        "@" + "x:/a:b" * 20_000,
        "://?" + "token" * 100_000 + "?a " * 100_000,
    ):
        redact(text)
    assert time.monotonic() - begin < 2


def test_address_is_parsed_without_credentials() -> None:
    address = git.parse(f"git+https://me:{DECOY}@host/x.git@v1")
    assert (address.url, address.revision) == ("https://host/x.git", "v1")
    assert DECOY not in repr(address)
    assert git.parse("git+ssh://git@host/x").url == "ssh://git@host/x"
    assert git.parse(f"git+ssh://git:{DECOY}@host/x").url == "ssh://git@host/x"


def test_git_address_with_secret_in_query_is_rejected() -> None:
    with pytest.raises(UsageError, match="has a secret in its query") as raised:
        git.parse(f"git+https://host/x.git?private_token={DECOY}")
    assert DECOY not in str(raised.value)


def test_removed_credentials_must_be_entered_again() -> None:
    with pytest.raises(UsageError, match="was not stored") as raised:
        git.parse("git+https://***@host/x.git")
    assert "credential helper" in raised.value.fix


def test_arguments_are_passed_by_file_that_is_read_once() -> None:
    words = ["build", "--", f"git+https://me:{DECOY}@host/x.git"]
    shown, file = credentials.write(words)
    assert file
    assert DECOY not in repr(shown)
    assert file.stat().st_mode & 0o777 == 0o600
    environ = {credentials.VARIABLE: str(file)}
    assert credentials.read(shown, environ) == words
    assert not environ
    assert not file.exists()
    assert credentials.write(["build", "."]) == (["build", "."], None)


class Watch:
    """A thread that searches the process table for a decoy, except in this process."""

    def __init__(self) -> None:
        self.found: set[bytes] = set()
        self.gits = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                self.gits += b"ls-remote" in line or b"fetch\0" in line
                if DECOY.encode() in line:
                    self.found.add(line)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[str]:
    """Serve a repository that requires a login; yield its address with the login."""
    repository = Repository(tmp_path / "repositories/project")
    create_pure_project(repository.folder)
    repository.commit("Begin")
    login = f"me:{DECOY}"
    with serving(repository.folder.parent, login=login) as address:
        yield f"git+{address.replace('://', f'://{login}@')}/project/.git"


def _queue(tmp_path: Path, store: Store) -> Queue:
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    own = Store(home=tmp_path / "home", read_only=(store.home,))
    paths = AllowedPaths(
        root=root, allowed=(), store=own, find_site=lambda name: lite.find(name, own)
    )
    env = environment(os.environ, own)
    return Queue(tmp_path / "jobs", LocalExecutor(), paths, env, QueueLimits(), lambda *_: None)


@linux_only
def test_git_password_is_in_no_process_record_or_log(
    private: str, tmp_path: Path, store: Store
) -> None:
    queue = _queue(tmp_path, store)
    try:
        with Watch() as watch:
            posted = resolve({"kind": "build", "source": private, "no_smoke": True}, queue._paths)
            assert DECOY not in json.dumps(posted.posted)
            job = queue.submit(posted)
            while queue.get(job.id).active:
                time.sleep(0.05)
        job = queue.get(job.id)
        assert job.state == "done", job.error
        assert watch.gits
        assert not watch.found
        assert DECOY not in encoded(job) + "".join(queue.lines(job.id))
        assert job.request["source"] == redact(private)
        with pytest.raises(UsageError, match="was not stored"):
            resolve(job.request, queue._paths)
    finally:
        queue.close()
    for path in tmp_path.rglob("*"):
        if path.is_file() and "repositories" not in path.parts:
            assert DECOY.encode() not in path.read_bytes(), path


@linux_only
def test_typed_password_is_removed_from_process_table(
    private: str, tmp_path: Path, store: Store
) -> None:
    command = [sys.executable, "-m", "jupyter_wasmwheel", "build", private, "--events"]
    env = {
        **os.environ,
        "WASMWHEEL_HOME": str(tmp_path / "home"),
        "WASMWHEEL_PATH": str(store.home),
    }
    child = subprocess.Popen(
        [*command, "--no-smoke"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    with child.stdout:
        first = child.stdout.readline()
        with Watch() as watch:
            rest = child.stdout.read()
    assert child.wait() == 0, rest
    assert watch.gits
    assert not watch.found
    assert DECOY not in first + rest


def test_wrong_password_error_omits_password(
    private: str, wasmwheel: Command, tmp_path: Path
) -> None:
    wrong = private.replace(f"me:{DECOY}", f"me:wrong-{DECOY}")
    ran = wasmwheel("build", wrong, "--events", env={"WASMWHEEL_HOME": str(tmp_path / "home")})
    assert ran.status == 3
    assert DECOY not in ran.stdout + ran.stderr


# Job payloads


def pack_payload(project: str, tmp_path: Path) -> tuple[bytes, list[str]]:
    """Return all bytes of a job's payload, unpacked, and the messages."""
    emitted: list[Event] = []
    request = BuildRequest(source=project)
    packed = payload.pack("job", request, Store(home=tmp_path / "store"), emitted.append)
    place = tmp_path / "unpacked"
    shutil.rmtree(place, ignore_errors=True)
    payload.unpack(packed.payload, place)
    inside = [repr(msgspec.structs.replace(packed.payload, archive=None)).encode()]
    inside += [path.read_bytes() for path in place.rglob("*") if path.is_file()]
    return b"\n".join(inside), [event.text for event in emitted if isinstance(event, Log)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Create a home with private files."""
    home = tmp_path / "home-of-someone"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_ed25519").write_text(f"{DECOY} key")
    (home / ".netrc").write_text(f"machine x login y password {DECOY}")
    (home / "notes.md").write_text(f"{DECOY} notes")
    return home


@pytest.mark.parametrize(
    "how",
    [
        "folder",
        "file",
        "relative",
        "of git",
        "readme",
        "absolute readme",
        "license",
        "cargo",
        "dotenv",
        "pypirc",
        "npmrc",
        "ssh",
        "credentials",
    ],
)
def test_job_payload_omits_files_outside_project(tmp_path: Path, home: Path, how: str) -> None:
    project = create_pure_project(tmp_path / "work/project")
    (project / "inside.txt").write_text("belongs to it")
    (project / "link.txt").symlink_to("inside.txt")
    path = project / "pyproject.toml"

    def named(line: str) -> None:
        path.write_text(path.read_text().replace("[project]\n", f"[project]\n{line}\n"))

    if how == "folder":
        (project / "data").symlink_to(home / ".ssh")
    elif how == "file":
        (project / "key").symlink_to(home / ".ssh/id_ed25519")
    elif how == "relative":
        (project / "notes").symlink_to("../../home-of-someone/notes.md")
    elif how == "of git":
        (project / ".git").mkdir()
        (project / ".git/config").write_text(f"url = https://me:{DECOY}@host")
        (project / "config").symlink_to(".git/config")
    elif how == "readme":
        named('readme = "../../home-of-someone/notes.md"')
    elif how == "absolute readme":
        named(f"readme = {json.dumps(str(home / 'notes.md'))}")
    elif how == "license":
        named(f"license-files = [{json.dumps(str(home / '.netrc'))}]")
    elif how == "cargo":
        (project.parent / ".cargo").mkdir()
        (project.parent / ".cargo/config.toml").write_text(f'[registry]\ntoken = "{DECOY}"\n')
    elif how == "dotenv":
        (project / "nested").mkdir()
        (project / "nested/.env.production").write_text(DECOY)
    elif how == "npmrc":
        (project / ".npmrc").write_text(f"//host/:_authToken={DECOY}")
    elif how == "ssh":
        (project / ".ssh").mkdir()
        (project / ".ssh/config").write_text(DECOY)
    elif how == "pypirc":
        (project / ".pypirc").write_text(DECOY)
    else:
        (project / ".cargo").mkdir()
        (project / ".cargo/credentials.toml").write_text(f'token = "{DECOY}"')
    sent, said = pack_payload(str(project), tmp_path)
    assert DECOY.encode() not in sent
    assert sent.count(b"belongs to it") == 2
    assert any("is not sent" in line for line in said)


def test_private_repository_is_fetched_before_job_is_sent(private: str, tmp_path: Path) -> None:
    sent, said = pack_payload(private, tmp_path)
    assert DECOY.encode() not in sent
    assert b"pyproject" in sent or b"[project]" in sent
    assert any("its login is not sent" in line for line in said)


def test_job_payload_includes_workspace_above_project(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    project = create_pure_project(repository.folder / "python")
    repository.write(**{"README.md": "read me", "LICENSE": "license", ".env": DECOY})
    (project / "LICENSE").symlink_to("../LICENSE")
    (project / "settings").symlink_to("../.env")
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace("[project]", '[project]\nreadme = "../README.md"'))
    sent, said = pack_payload(str(project), tmp_path)
    assert b"read me" in sent
    assert b"license" in sent
    assert DECOY.encode() not in sent
    assert len([line for line in said if "is not sent" in line]) == 1


def test_job_payload_rejects_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(create_pure_project(tmp_path / "home")))
    with pytest.raises(SourceError, match="not sent"):
        pack_payload(str(tmp_path / "home"), tmp_path)
