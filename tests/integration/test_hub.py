"""A workshop on a real JupyterHub: three users with their own servers and a shared store.

If the tests run as root and other users can read this Python, the users are system users too.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.browser import Tab, browser, wait_for_kernel
from tests.fixtures.commands import Command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

#: The users, and their numeric IDs where available.
USERS = {"ada": 61001, "ben": 61002, "cleo": 61003}

#: The parts that are in the shared store, and so in no home.
SHARED = {"kernel-files", "lite", "pyodide", "seeds", "snapshots", "sysroots"}

#: Seconds that a first build or creating a site may take on a busy machine.
BUILD_TIMEOUT_S = 600


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that does not follow redirects to the login page."""

    def redirect_request(self, *args: object) -> None:
        """Return the redirect itself, which is then an HTTPError."""


DIRECTLY = urllib.request.build_opener(NoRedirect)


@dataclass(frozen=True)
class Hub:
    """A running hub: its address, its users' homes, and its token."""

    url: str
    folder: Path
    token: str
    password: str
    own_users: bool

    def home(self, name: str) -> Path:
        """Return a user's home."""
        return self.folder / "homes" / name

    def token_of(self, name: str) -> str:
        """Start a user's server, and return a token for it."""
        self.ask("POST", f"hub/api/users/{name}/server", self.token)
        made = self.ask("POST", f"hub/api/users/{name}/tokens", self.token, {})
        token = str(made["token"])
        until(lambda: self.status(f"user/{name}/api/status", token) == 200)
        return token

    def ask(self, method: str, path: str, token: str, fields: object = None) -> Any:
        """Return the answer of the hub, or of a server behind it; raise HTTPError if it refuses."""
        body = None if fields is None else json.dumps(fields).encode()
        request = urllib.request.Request(f"{self.url}/{path}", body, method=method)
        if token:
            request.add_header("Authorization", f"token {token}")
        with DIRECTLY.open(request, timeout=60) as response:
            text = response.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else text

    def status(self, path: str, token: str) -> int:
        """Return the HTTP status of an answer."""
        try:
            self.ask("GET", path, token)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return 200

    def run(self, name: str, token: str, **fields: Any) -> dict[str, Any]:
        """Run a job on a user's server; return the ended job."""
        api = f"user/{name}/wasmwheel/api/jobs"
        job = self.ask("POST", api, token, fields)["id"]
        until(lambda: self.ask("GET", f"{api}/{job}", token)["state"] not in ("queued", "running"))
        ended: dict[str, Any] = self.ask("GET", f"{api}/{job}", token)
        assert ended["state"] == "done", ended["error"]
        return ended


def until(condition: Any) -> None:
    deadline = time.monotonic() + BUILD_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def may_have_users(python: str) -> bool:
    """Return whether processes of other users can be started and can read this Python."""
    if os.getuid() != 0:
        return False
    command = [python, "-c", "import jupyter_wasmwheel"]
    try:
        tried = subprocess.run(command, user=61001, group=61001, cwd="/", stderr=subprocess.DEVNULL)
    except PermissionError:
        return False  # it leads to a Python in a user's home
    return tried.returncode == 0


@pytest.fixture(scope="module")
def crates(wasmwheel: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder with a crate that all users build, and a store as in docs/hub.md."""
    folder = tmp_path_factory.mktemp("crates")
    wheel_factory.crate("equal", folder)
    for words in (
        ("doctor", "--fix"),
        ("doctor", "--fix", "seeds"),
        ("site", "create", folder / "first"),
        ("build", folder / "equal", "--profile", "draft", "--out", folder / "dist"),
    ):
        ran = wasmwheel(*words)
        assert ran.status == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def hub(store: Store, crates: Path) -> Iterator[Hub]:
    own_users = may_have_users(sys.executable)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        npm = ["npm", "install", "--no-save", "--silent", "configurable-http-proxy@5"]
        subprocess.run(npm, cwd=folder, check=True)
        for user, uid in USERS.items():
            shutil.copytree(crates / "equal", folder / "homes" / user / "equal")
            wheel_factory.crate(f"of_{user}", folder / "homes" / user)
            for path in (folder / "homes" / user, *(folder / "homes" / user).rglob("*")):
                os.chown(path, *((uid, uid) if own_users else (-1, -1)))
        (folder / "homes").chmod(0o755)
        hub = Hub(
            url="",
            folder=folder,
            token=secrets.token_hex(16),
            password=secrets.token_hex(8),
            own_users=own_users,
        )
        yield from running(hub, store)


def running(hub: Hub, store: Store) -> Iterator[Hub]:
    ports = free_ports(3)
    hub = Hub(**(hub.__dict__ | {"url": f"http://127.0.0.1:{ports[0]}"}))
    given = {
        "folder": str(hub.folder),
        "users": {user: uid if hub.own_users else None for user, uid in USERS.items()},
        "ports": ports,
        "proxy": [str(hub.folder / "node_modules/.bin/configurable-http-proxy")],
        "password": hub.password,
        "token": hub.token,
        "python": [sys.executable],
        "store": str(store.home),
        "path": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    config = Path(__file__).parents[1] / "fixtures/hub_config.py"
    log = hub.folder / "hub.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=hub.folder,
            env={**os.environ, "WORKSHOP": json.dumps(given)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while is_down(hub):
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_down(hub: Hub) -> bool:
    try:
        return hub.status("hub/api", hub.token) != 200
    except OSError:
        return True


def test_hub_users_build_and_stay_isolated(hub: Hub, tmp_path: Path) -> None:
    tokens = {name: hub.token_of(name) for name in USERS}
    for name, token in tokens.items():
        hub.run(name, token, kind="site", site="workshop")
        kept = hub.run(name, token, kind="build", source="equal", site="workshop", profile="draft")
        assert kept["report"]["cached"], "the administrator had built it"
        own = hub.run(
            name, token, kind="build", source=f"of_{name}", site="workshop", profile="draft"
        )
        assert own["report"]["seeded"], "the administrator has seeds"
        home = hub.home(name) / ".local/share/jupyter/wasmwheel"
        assert not SHARED & {each.name for each in home.iterdir()}
        listed = hub.ask("POST", f"user/{name}/wasmwheel/api/sites/workshop/open", token, {})
        assert listed["up"]
        record = home / "sites/workshop/.wasmwheel/site.json"
        assert record.is_file()
        for other in set(USERS) - {name}:
            assert_out_of_reach(hub, name, tokens[other], other, listed, record)
    for name in USERS:
        with browser(tmp_path / name) as context:
            page = context.new_page()
            page.goto(f"{hub.url}/hub/login")
            page.get_by_label("Username:").fill(name)
            page.get_by_label("Password:").fill(hub.password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**/user/{name}/**")
            (package,) = [
                each
                for each in hub.ask(
                    "GET", f"user/{name}/wasmwheel/api/sites/workshop/packages", tokens[name]
                )["packages"]
                if each["name"] == f"of-{name}"
            ]
            page.goto(f"{hub.url}{package['through']}")
            wait_for_kernel(page)
            said = Tab(page=page).run(1, f"import of_{name}; print(of_{name}.__name__, 'works')")
            assert said.strip() == f"of_{name} works"
            # A user's login does not open another user's server.
            other = next(each for each in USERS if each != name)
            answer = page.request.get(f"{hub.url}/user/{other}/wasmwheel/api/jobs")
            assert answer.status in (403, 404) or "/hub/" in answer.url


def assert_out_of_reach(
    hub: Hub, name: str, stranger: str, who: str, listed: dict[str, Any], record: Path
) -> None:
    """Check that a user cannot reach another user's server or files."""
    for path in (
        "wasmwheel/api/jobs",
        "wasmwheel/api/events",
        "wasmwheel/api/sites",
        listed["through"].removeprefix(f"/user/{name}/"),
    ):
        assert hub.status(f"user/{name}/{path}", stranger) == 403
        assert hub.status(f"user/{name}/{path}", "") in (302, 403)
    origin = listed["url"].split("/")[2]
    with closing(socket.create_connection(origin.split(":"))):
        pass  # it is served on this machine, where the others are too
    for prefix in ("", f"{secrets.token_hex(16)}/"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{origin}/{prefix}tree/index.html", timeout=30)
        with refused.value as error:
            assert error.code == 404
    if hub.own_users:
        reads = subprocess.run(
            ["cat", record], user=USERS[who], group=USERS[who], stderr=subprocess.DEVNULL
        )
        assert reads.returncode != 0
