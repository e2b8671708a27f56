"""The server extension over HTTP, in a real Jupyter server, as docs/rest.md describes it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import shutil
import signal
import socket
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from tornado.httpclient import HTTPClientError

from jupyter_wasmwheel.api import answers
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.jobs import Job
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.build.seeds import PROFILES
from jupyter_wasmwheel.jobs.executors import LocalRun
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.server import events
from jupyter_wasmwheel.server.app import WasmwheelApp
from jupyter_wasmwheel.server.idle_seed_builder import IdleSeedBuilder
from jupyter_wasmwheel.site import addresses, lite, server
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.git_server import Repository
from tests.fixtures.job_queue import (
    DONE_SCRIPT,
    WAIT_SCRIPT,
    ScriptExecutor,
    linux_only,
    processes_of_job,
)
from tests.fixtures.jupyter_server import (
    Api,
    Fetch,
    Jupyter,
    is_last,
    set_job_script,
)
from tests.fixtures.projects import create_pure_project
from tests.fixtures.site_factory import publish_one, tiny_wheel


async def ended(api: Api, job: str, seconds: float = 30) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = await api("GET", "jobs", job)
        if found["state"] not in ("queued", "running"):
            return found
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


# Jobs


async def test_api_returns_version(api: Api) -> None:
    assert await api("GET") == {"schema": 1, "version": "0.1.0"}


async def test_build_is_accepted_and_followed(
    api: Api, app: WasmwheelApp, hello: Path, jp_fetch: Fetch, jp_base_url: str
) -> None:
    set_job_script(app, "log('first')\n" + DONE_SCRIPT)
    response = await jp_fetch(
        "wasmwheel", "api", "jobs",
        method="POST",
        body=json.dumps({"kind": "build", "source": "examples/hello", "profile": "draft"}),
    )  # fmt: skip
    assert response.code == 202
    job = json.loads(response.body)
    assert response.headers["Location"] == f"{jp_base_url}wasmwheel/api/jobs/{job['id']}"
    assert set(job) == {
        "id", "kind", "state", "request", "name", "version", "created", "started", "ended",
        "phase", "done", "total", "label", "report", "error", "seq",
    }  # fmt: skip
    assert (job["name"], job["version"]) == ("hello", None)
    done = await ended(api, job["id"])
    assert done["state"] == "done"
    listing = await api("GET", "jobs")
    assert listing["jobs"] == [done]
    assert listing["seq"] >= done["seq"]
    log = await jp_fetch("wasmwheel", "api", "jobs", job["id"], "log")
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert log.body == b"first\n"
    kept = await jp_fetch("wasmwheel", "api", "jobs", job["id"], "events")
    assert kept.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line)["kind"] for line in kept.body.splitlines()] == [
        "job", "job", "log", "report", "job",
    ]  # fmt: skip
    await api("DELETE", "jobs", job["id"], status=204)
    await api("GET", "jobs", job["id"], status=404)


async def test_lost_build_is_retried_unchanged(api: Api, app: WasmwheelApp, hello: Path) -> None:
    set_job_script(app, DONE_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    again = await api("POST", "jobs", **job["request"], status=202)
    assert again["id"] != job["id"]
    assert again["request"] == job["request"]


async def test_concurrent_cancels_of_one_build_succeed(
    api: Api, app: WasmwheelApp, hello: Path
) -> None:
    set_job_script(app, WAIT_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    # The job can have ended when the second one comes.
    one, other = await asyncio.gather(
        *(api("POST", "jobs", job["id"], "cancel", status=(200, 202)) for _ in range(2))
    )
    assert one["id"] == other["id"] == job["id"]
    assert (await ended(api, job["id"]))["state"] == "cancelled"
    assert (await api("POST", "jobs", job["id"], "cancel"))["state"] == "cancelled"


async def test_running_build_cannot_be_deleted(api: Api, app: WasmwheelApp, hello: Path) -> None:
    set_job_script(app, WAIT_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    error = await api("DELETE", "jobs", job["id"], status=409)
    assert error["fix"] == "Cancel it first."


async def test_wheel_is_sent_as_attachment(
    api: Api, app: WasmwheelApp, hello: Path, jp_fetch: Fetch
) -> None:
    name = "hello-0.1.0-py3-none-any.whl"
    set_job_script(
        app,
        f"open('out/{name}', 'wb').write(b'PK' * 2_000_000)\n"
        f"say('report', report={{'name': 'hello', 'wheel': '/elsewhere/{name}'}})\n",
    )
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    await ended(api, job["id"])
    wheel = await jp_fetch("wasmwheel", "api", "jobs", job["id"], "wheel")
    assert wheel.body == b"PK" * 2_000_000
    assert name in wheel.headers["Content-Disposition"]
    assert wheel.headers["Content-Disposition"].startswith("attachment")
    set_job_script(app, WAIT_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    error = await api("GET", "jobs", job["id"], "wheel", status=404)
    assert error["why"] == "The build is running."


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"kind": "build", "source": "../outside"}, 403),
        ({"kind": "build", "source": "/etc"}, 400),
        ({"kind": "build", "source": "examples/hello", "shell": "rm"}, 400),
        ({"kind": "build", "source": "examples/hello", "site": "nowhere"}, 404),
        ({"kind": "build", "source": "examples/hello", "site": "../workshop"}, 400),
        ({"kind": "build", "source": "a\0b"}, 400),
        ({"kind": "dance", "source": "examples/hello"}, 400),
        ({"kind": "build", "source": "x" * 70_000}, 413),
    ],
)
async def test_invalid_request_answer_has_what_why_and_fix(
    fields: dict[str, Any], status: int, api: Api, hello: Path
) -> None:
    error = await api("POST", "jobs", status=status, **fields)
    assert set(error) == {
        "code", "what", "why", "fix", "status", "counts", "remedies", "message",
    }  # fmt: skip
    assert error["what"] == error["message"]
    assert (await api("GET", "jobs"))["jobs"] == []


async def test_existing_site_is_not_created_again(api: Api, app: WasmwheelApp) -> None:
    folder = app.store.home / "sites/there"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    error = await api("POST", "jobs", status=409, kind="site", site="there")
    assert (error["code"], error["status"]) == ("site.folder-not-empty", 7)
    (folder / lite.RECORD).parent.mkdir()
    (folder / lite.RECORD).write_text("{}")
    error = await api("POST", "jobs", status=409, kind="site", site="there")
    assert (error["code"], error["status"]) == ("site.exists", 7)


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000, '"build"', "[]", "null"])
async def test_body_that_is_no_object_is_rejected(body: str, jp_fetch: Fetch) -> None:
    with pytest.raises(HTTPClientError) as raised:
        await jp_fetch("wasmwheel", "api", "jobs", method="POST", body=body)
    assert raised.value.code in (400, 413)
    assert raised.value.response
    assert json.loads(raised.value.response.body)["why"]


@pytest.mark.parametrize("settings", [{"max_running": 1, "max_waiting": 0}])
async def test_too_many_builds_are_rejected(api: Api, app: WasmwheelApp, hello: Path) -> None:
    set_job_script(app, WAIT_SCRIPT)
    await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    error = await api("POST", "jobs", kind="build", source="examples/hello", status=503)
    assert "waiting" in error["why"]


async def test_full_disk_is_reported(api: Api, app: WasmwheelApp, hello: Path) -> None:
    connection = app.queue()._events._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    set_job_script(app, DONE_SCRIPT)
    arguments = ["x" * 200] * 200
    error = await api(
        "POST", "jobs", kind="build", source="examples/hello", cargo_args=arguments, status=507
    )
    assert error["status"] == 9
    assert (await api("GET", "jobs"))["jobs"] == []


async def test_running_build_prevents_culling(
    api: Api, app: WasmwheelApp, hello: Path, jp_serverapp: Any
) -> None:
    assert app.current_activity() == 0
    set_job_script(app, WAIT_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    assert app.current_activity() == 1
    before = jp_serverapp.web_app.last_activity()
    app._report_activity()
    assert jp_serverapp.web_app.last_activity() > before
    await api("POST", "jobs", job["id"], "cancel", status=202)
    await ended(api, job["id"])
    assert app.current_activity() == 0


async def test_build_does_not_see_secrets_of_server(
    api: Api, app: WasmwheelApp, hello: Path, monkeypatch: pytest.MonkeyPatch, jp_fetch: Fetch
) -> None:
    for name in ("JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN"):
        monkeypatch.setenv(name, "secret")
    set_job_script(
        app,
        "log(' '.join(v for v in os.environ.values() if v == 'secret') or 'none')\n" + DONE_SCRIPT,
    )
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    await ended(api, job["id"])
    log = await jp_fetch("wasmwheel", "api", "jobs", job["id"], "log")
    assert log.body == b"none\n"


# The stream


class Follower:
    """A client of the stream: the events that it got, and a way to wait for more."""

    def __init__(self) -> None:
        self.text = ""

    def take(self, chunk: bytes) -> None:
        self.text += chunk.decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        blocks = self.text.split("\n\n")[:-1]
        lines = [line for block in blocks for line in block.split("\n")]
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    async def until(self, condition: Callable[[list[dict[str, Any]]], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition(self.events):
            assert time.monotonic() < deadline, self.text[-1000:]
            await asyncio.sleep(0.02)


@pytest.fixture
def follow(
    http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str
) -> Callable[..., Any]:
    """Follow the stream while the context lasts."""

    @asynccontextmanager
    async def following(after: int | None = None, last: str = "") -> AsyncIterator[Follower]:
        follower = Follower()
        query = "" if after is None else f"?after={after}"
        task = asyncio.ensure_future(
            http_server_client.fetch(
                f"{jp_base_url}wasmwheel/api/events{query}",
                headers=jp_auth_header | ({"Last-Event-ID": last} if last else {}),
                streaming_callback=follower.take,
                request_timeout=0,
            )
        )
        try:
            deadline = time.monotonic() + 10
            while "retry:" not in follower.text:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            yield follower
        finally:
            task.cancel()

    return following


async def test_event_stream_sends_all_events_once_in_order(
    api: Api, app: WasmwheelApp, hello: Path, follow: Any
) -> None:
    set_job_script(app, "for n in range(2000): log(str(n))\n" + DONE_SCRIPT)
    start = (await api("GET", "jobs"))["seq"]
    async with follow(after=start) as follower:
        for _ in range(2):
            await api("POST", "jobs", kind="build", source="examples/hello", status=202)
        await follower.until(lambda got: sum(is_last(event) for event in got) == 2)
        got = follower.events
    numbers = [event["seq"] for event in got]
    assert numbers == sorted(set(numbers))
    assert sum(event["kind"] == "log" for event in got) == 4000
    # A browser that was disconnected returns with the last number that it saw.
    middle = numbers[len(numbers) // 3]
    async with follow(after=0, last=str(middle)) as follower:
        await follower.until(lambda again: sum(is_last(event) for event in again) == 2)
        assert follower.events == [event for event in got if event["seq"] > middle]


async def test_event_stream_without_number_starts_now(
    api: Api, app: WasmwheelApp, hello: Path, follow: Any
) -> None:
    set_job_script(app, DONE_SCRIPT)
    old = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    await ended(api, old["id"])
    async with follow() as follower:
        new = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
        await follower.until(lambda got: any(is_last(event) for event in got))
        states = [event["job"]["id"] for event in follower.events if event["kind"] == "job"]
        assert set(states) == {new["id"]}


async def test_event_stream_reports_deletion(
    api: Api, app: WasmwheelApp, hello: Path, follow: Any
) -> None:
    set_job_script(app, DONE_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    await ended(api, job["id"])
    async with follow() as follower:
        await api("DELETE", "jobs", job["id"], status=204)
        await follower.until(lambda got: got)
        assert (follower.events[0]["kind"], follower.events[0]["job"]) == ("removed", job["id"])


async def test_event_stream_is_kept_alive(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.05)
    async with follow() as follower:
        deadline = time.monotonic() + 10
        while follower.text.count(": still here") < 3:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "9" * 40])
async def test_event_stream_rejects_invalid_number(after: str, jp_fetch: Fetch) -> None:
    with pytest.raises(HTTPClientError) as raised:
        await jp_fetch("wasmwheel", "api", "events", params={"after": after})
    assert raised.value.code == 400


@pytest.fixture
def raw_follow(
    http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str
) -> Callable[[], Awaitable[asyncio.StreamWriter]]:
    """Start to follow the stream as a client that stops reading."""

    async def begin() -> asyncio.StreamWriter:
        port = http_server_client.get_http_port()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        token = jp_auth_header["Authorization"]
        writer.write(
            f"GET {jp_base_url}wasmwheel/api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: {token}\r\n\r\n".encode()
        )
        await reader.readuntil(b"retry")
        return writer

    return begin


async def test_event_stream_forgets_vanished_client(app: WasmwheelApp, raw_follow: Any) -> None:
    writers = [await raw_follow() for _ in range(2)]
    assert len(app.stream._subscribers) == 2
    for writer in writers:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
    deadline = time.monotonic() + 10
    while app.stream._subscribers:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_event_stream_disconnects_slow_client(
    app: WasmwheelApp, raw_follow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SEND_TIMEOUT_S", 0.5)
    writer = await raw_follow()
    job = Job(
        id="x",
        kind="build",
        state="done",
        request={},
        name="x" * 1_000_000,
        version=None,
        created=0.0,
    )
    store = app.queue()._events
    deadline = time.monotonic() + 20
    while app.stream._subscribers:
        await asyncio.to_thread(store.announce, job)
        assert time.monotonic() < deadline
        for subscriber in app.stream._subscribers:
            assert sum(len(text) for _, text in subscriber.waiting) <= events.MAX_WAITING_LENGTH
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_event_stream_rejects_too_many_clients(
    follow: Any, jp_fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_CLIENTS", 1)
    async with follow():
        with pytest.raises(HTTPClientError) as raised:
            await jp_fetch("wasmwheel", "api", "events")
        assert raised.value.code == 503


# Toolchain, sources and starters


async def test_seeds_are_prepared_once_while_idle(api: Api, app: WasmwheelApp, hello: Path) -> None:
    set_job_script(app, WAIT_SCRIPT)
    queue = app.queue()
    job = await api("POST", "jobs", status=202, kind="build", source="examples/hello")
    app._idle.check(queue)
    assert [each.kind for each in queue.jobs()] == ["build"]
    await api("POST", "jobs", job["id"], "cancel", status=202)
    await ended(api, job["id"])
    set_job_script(app, DONE_SCRIPT)
    app._idle.check(queue)
    prepared = queue.jobs()[0]
    assert prepared.request == {"kind": "install", "extras": ["seeds"]}
    assert (await ended(api, prepared.id))["state"] == "done"
    # They are still missing; the user can retry with the button.
    app._idle.check(queue)
    IdleSeedBuilder(app.store, app.paths).check(queue)
    assert len(queue.jobs()) == 2


async def test_existing_seeds_are_not_prepared(api: Api, app: WasmwheelApp) -> None:
    for profile in PROFILES:
        (app.store.home / f"seeds/{targets.default_abi()}-{profile}-0-1.0").mkdir(parents=True)
    app._idle.check(app.queue())
    assert app._idle.over
    assert app.queue().jobs() == []


@pytest.mark.parametrize("settings", [{"prepare_seeds": True}, {"prepare_seeds": False}])
async def test_seed_preparation_can_be_disabled(
    app: WasmwheelApp, settings: dict[str, bool]
) -> None:
    await app._start_jupyter_server_extension(app.serverapp)
    assert app._idle_timer
    assert app._idle_timer.is_running() is settings["prepare_seeds"]


async def test_api_toolchain_and_targets_match_command(
    api: Api, wasmwheel: Callable[..., Any], app: WasmwheelApp, jp_fetch: Fetch
) -> None:
    said = wasmwheel("targets", "--json", env={"WASMWHEEL_HOME": str(app.store.home)})
    assert await api("GET", "targets") == said.document
    said = wasmwheel("doctor", "--json", env={"WASMWHEEL_HOME": str(app.store.home)})
    found = await api("GET", "toolchain")
    assert found["target"] == (await api("GET", "targets"))["default"]
    assert found == said.document
    with pytest.raises(HTTPClientError) as raised:
        await jp_fetch("wasmwheel", "api", "toolchain", params={"target": "../x"})
    assert raised.value.code == 400


async def test_api_describes_folder(hello: Path, jp_fetch: Fetch) -> None:
    response = await jp_fetch("wasmwheel", "api", "project", params={"source": "examples/hello"})
    assert json.loads(response.body) == {
        "name": "hello",
        "version": "0.1.0",
        "backend": "maturin",
        "features": [],
        "requirements": [],
    }
    for source, status in [("examples", 400), ("..", 403)]:
        with pytest.raises(HTTPClientError) as raised:
            await jp_fetch("wasmwheel", "api", "project", params={"source": source})
        assert raised.value.code == status


async def test_api_previews_edits_before_build(api: Api, hello: Path, jp_root_dir: Path) -> None:
    pyproject = hello / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text().replace("[project]", '[project]\ndependencies = ["requests>2"]')
    )
    (jp_root_dir / "own.toml").write_text(
        'name = "hello"\n[[replace]]\nof = "crate"\nfile = "src/lib.rs"\nold = "in your browser."\n'
        'new = "HERE."\nwhy = "To be short."\n[[replace]]\nof = "dependency:itoa"\n'
        'file = "src/lib.rs"\nold = "a"\nnew = "b"\nwhy = ""\n'
    )
    folder = {"source": "examples/hello"}
    found = await api("POST", "edits", **folder)
    assert found == {
        "name": "hello",
        "version": "0.1.0",
        "recipe": None,
        "patches": [],
        "notes": [],
    }
    found = await api("POST", "edits", **folder, make_optional=["requests"], recipe="own.toml")
    assert [patch["file"] for patch in found["patches"]] == [
        "src/lib.rs",
        "pyproject.toml",
        "itoa/src/lib.rs",
    ]
    assert '+optional-dependencies = {requests = ["requests>2"]}' in found["patches"][1]["diff"]
    assert found["recipe"]["name"] == "hello"
    assert "own.toml" in found["notes"][0]
    refused = await api("POST", "edits", **folder, make_optional=["numpy"], status=400)
    assert refused["why"] == "They are: requests."
    await api("POST", "edits", **folder, recipe="../own.toml", status=403)
    await api("POST", "edits", **folder, features=["x"], status=400)
    with tarfile.open(jp_root_dir / "hello-0.1.0.tar.gz", "w:gz") as archive:
        archive.add(hello, arcname="hello-0.1.0")
    sdist = {"source": "hello-0.1.0.tar.gz", "make_optional": ["requests"]}
    found = await api("POST", "edits", **sdist)
    assert [patch["file"] for patch in found["patches"]] == ["pyproject.toml"]


async def test_git_repository_under_root_is_accepted(api: Api, jp_root_dir: Path) -> None:
    repository = Repository(jp_root_dir / "examples/project")
    create_pure_project(repository.folder / "python")
    repository.commit("Begin")
    found = await api("POST", "edits", source="git+examples/project@main#subdirectory=python")
    assert (found["name"], found["version"]) == ("plain", "1.0")
    assert any("main is commit" in note for note in found["notes"])
    error = await api("POST", "edits", status=400, source="git+examples/project")
    assert "#subdirectory=python" in error["fix"]
    outside = Repository(jp_root_dir.parent / "outside")
    error = await api("POST", "edits", status=403, source=f"git+file://{outside.folder}")
    assert "outside the folders" in error["what"]


async def test_starter_crate_is_created_from_template(api: Api, jp_root_dir: Path) -> None:
    known = await api("GET", "templates")
    assert known["default"] == known["templates"][0]["name"] == "function"
    assert "buffer protocol" in {row["name"]: row["about"] for row in known["templates"]}["buffers"]
    made = await api("POST", "new", name="my-first", folder="work", status=201)
    assert made == {"path": "work/my-first", "name": "my-first", "module": "my_first"}
    assert (jp_root_dir / "work/my-first/Cargo.toml").is_file()
    error = await api("POST", "new", name="my-first", folder="work", status=409)
    assert (error["code"], error["status"]) == ("starter.exists", 3)
    await api("POST", "new", name="../evil", status=400)
    await api("POST", "new", name="evil", folder="../..", status=403)
    await api("POST", "new", name="evil", template="../../etc", status=400)
    await api("POST", "new", name=7, status=400)
    await api("POST", "new", name="evil", shell="x", status=400)


async def test_answers_have_declared_fields(
    api: Api, hello: Path, site: Site, tmp_path: Path, jp_fetch: Fetch
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    project = await jp_fetch("wasmwheel", "api", "project", params={"source": "examples/hello"})
    targets = await api("GET", "targets")
    for answer, kind in (
        (await api("GET", "toolchain"), answers.Toolchain),
        (json.loads(project.body), answers.Project),
        (await api("POST", "edits", source="examples/hello"), answers.Edits),
        (await api("GET", "templates"), answers.Templates),
        (await api("POST", "new", name="made", status=201), answers.Starter),
        ((await api("GET", "sites"))["sites"][0], answers.Site),
        ((await api("GET", "sites", "workshop", "packages"))["packages"][0], answers.Package),
        (targets, answers.Targets),
    ):
        assert set(answer) == set(kind.__struct_fields__)
        msgspec.convert(answer, kind)
    assert set(answers.Target.__struct_fields__) <= set(targets["targets"][0])


async def test_login_in_an_address_is_not_logged(
    http_server_client: Any, jp_serverapp: Any, jp_auth_header: dict[str, str], site: Site
) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    jp_serverapp.log.addHandler(handler)
    encoded = quote("https://someone:hunter2@example.org/project?key=hunter2", safe="")
    for path in ("api/project", f"site/workshop/{site.prefix}/proxy/fetch"):
        for query in (encoded, encoded.replace("%3A%2F%2F", "://"), encoded.lower()):
            url = f"{jp_serverapp.base_url}wasmwheel/{path}?source={query}&url={query}"
            with pytest.raises(HTTPClientError):
                await http_server_client.fetch(url, headers=jp_auth_header)
    jp_serverapp.log.removeHandler(handler)
    assert logged.getvalue().count("example.org") >= 6
    assert "hunter2" not in logged.getvalue()


async def test_project_with_only_setup_py_is_described(
    api: Api, jp_fetch: Fetch, jp_root_dir: Path
) -> None:
    (jp_root_dir / "old").mkdir()
    (jp_root_dir / "old/setup.py").write_text("from setuptools import setup\nsetup(name='old')\n")
    response = await jp_fetch("wasmwheel", "api", "project", params={"source": "old"})
    project = json.loads(response.body)
    assert (project["backend"], project["requirements"]) == ("setuptools", [])
    assert (await api("POST", "edits", source="old"))["patches"] == []
    error = await api("POST", "edits", status=400, source="old", make_optional=["numpy"])
    assert error["code"]


# Sites


async def test_sites_are_listed_opened_and_probed(api: Api, site: Site) -> None:
    (row,) = (await api("GET", "sites"))["sites"]
    assert (row["name"], row["up"], row["error"]) == ("workshop", False, None)
    opened = await api("POST", "sites", "workshop", "open")
    assert opened["up"] is True
    assert opened == await api("POST", "sites", "workshop", "open")

    def probe() -> tuple[str, str]:
        with urllib.request.urlopen(opened["probe"], timeout=5) as response:
            policy: str = response.headers["Cross-Origin-Resource-Policy"]
            return policy, response.headers["Content-Type"]

    assert await asyncio.to_thread(probe) == ("cross-origin", "image/svg+xml")
    assert opened["probe"].startswith(f"{addresses.origin(site)}/{site.prefix}/")


async def test_port_in_use_is_reported_with_site(api: Api, site: Site) -> None:
    with socket.socket() as other:
        other.bind((lite.HOST, site.port))
        other.listen()
        row = await api("POST", "sites", "workshop", "open")
    assert row["up"] is False
    assert str(site.port) in row["error"]["what"]
    assert row["through"]


async def test_published_package_is_listed_and_removed(
    api: Api, site: Site, tmp_path: Path
) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    listing = await api("GET", "sites", "workshop", "packages")
    (package,) = listing["packages"]
    assert (package["name"], package["version"]) == ("tiny", "1.0")
    assert package["url"] == server.address(site, package["notebook"])
    assert package["through"].endswith(f"?path={package['notebook']}")
    assert package["through"].startswith(f"/a%40b/wasmwheel/site/workshop/{site.prefix}/notebooks/")
    removed = await api("DELETE", "sites", "workshop", "packages", "tiny")
    assert removed["name"] == "tiny"
    error = await api("DELETE", "sites", "workshop", "packages", "tiny", status=404)
    assert error["status"] == 7
    await api("DELETE", "sites", "workshop", "packages", "attrs", status=404)
    assert (await api("GET", "sites", "workshop", "packages"))["packages"] == []


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "x" * 100, "%00", "a\\b"])
async def test_hostile_site_name_is_rejected(name: str, api: Api) -> None:
    error = await api("GET", "sites", quote(name, safe=""), "packages", status=400)
    assert error["what"]


async def test_site_deleted_while_served_is_reported(api: Api, site: Site) -> None:
    assert (await api("POST", "sites", "workshop", "open"))["up"]
    shutil.rmtree(site.folder)
    (row,) = (await api("GET", "sites"))["sites"]
    assert row["error"]["what"]
    assert row["url"] is None
    await api("GET", "sites", "workshop", "packages", status=404)
    await api("POST", "sites", "workshop", "open", status=404)
    await api("DELETE", "sites", "workshop", "packages", "tiny", status=404)


async def test_snippets_of_package_name_its_site_or_a_copy(
    api: Api, site: Site, tmp_path: Path, jp_fetch: Fetch
) -> None:
    publish_one(site, tiny_wheel(tmp_path))
    snippets = ("sites", "workshop", "packages", "tiny", "snippets")
    found = (await api("GET", *snippets))["snippets"]
    assert [each["front_end"] for each in found][:2] == ["html", "pyscript"]
    assert all(site.prefix in each["text"] for each in found)
    address = ("wasmwheel", "api", *snippets)
    answer = await jp_fetch(*address, params={"url": "https://example.org/lab/"})
    found = json.loads(answer.body)["snippets"]
    assert all("https://example.org/lab/s" in each["text"] for each in found)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch(*address, params={"url": "x"})
    assert caught.value.code == 400


async def test_site_is_served_through_jupyter(site: Site, tmp_path: Path, jp_fetch: Fetch) -> None:
    package = publish_one(site, tiny_wheel(tmp_path), [], ignore).package
    here = ("wasmwheel", "site", "workshop", site.prefix)
    lock = await jp_fetch(*here, "static/pyodide/pyodide-lock.json")
    assert lock.body == site.lock.read_bytes()
    assert lock.headers["Cache-Control"] == "no-cache"
    assert lock.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert lock.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert lock.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert lock.headers["X-Content-Type-Options"] == "nosniff"
    assert "Service-Worker-Allowed" not in lock.headers
    wheel = await jp_fetch(*here, "static/pyodide", package.file_name)
    assert "immutable" in wheel.headers["Cache-Control"]
    for path in (".wasmwheel/site.json", "../secret", "none"):
        with pytest.raises(HTTPClientError) as raised:
            await jp_fetch(*here, path)
        assert raised.value.code in (403, 404), path
    for other in (("nowhere", site.prefix), ("workshop", "0" * 16), ("workshop",)):
        with pytest.raises(HTTPClientError) as raised:
            await jp_fetch("wasmwheel", "site", *other, "jupyter-lite.json")
        assert raised.value.code == 404


@pytest.mark.parametrize("settings", [{"serve_sites": False}])
async def test_serving_through_jupyter_can_be_disabled(
    api: Api, site: Site, jp_fetch: Fetch
) -> None:
    (row,) = (await api("GET", "sites"))["sites"]
    assert row["through"] is None
    with pytest.raises(HTTPClientError) as raised:
        await jp_fetch("wasmwheel", "site", "workshop", site.prefix, "jupyter-lite.json")
    assert raised.value.code == 404


# The real server


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_stopped_server_stops_its_builds(number: int, store: Store, tmp_path: Path) -> None:
    root = tmp_path / "root"
    wheel_factory.crate("fresh", root)
    request = {"kind": "build", "source": "fresh", "no_smoke": True}
    # With an argument for cargo, no seed fits, and pyo3 is compiled.
    request |= {"cargo_args": ["--verbose"]}
    jupyter = Jupyter(root, tmp_path / "log")
    try:
        job = jupyter.ask("POST", "jobs", **request)["id"]
        deadline = time.monotonic() + 60
        while not any("rustc --crate-name" in said for said in processes_of_job(job).values()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(jupyter.process.pid, number)
        deadline = time.monotonic() + 5
        while processes_of_job(job):
            assert time.monotonic() < deadline, processes_of_job(job)
            time.sleep(0.02)
    finally:
        jupyter.process.kill()
        jupyter.process.wait()
    again = Jupyter(root, tmp_path / "log")
    try:
        found = again.ask("GET", f"jobs/{job}")
        assert found["state"] == "interrupted"
        assert found["request"] == request
    finally:
        again.process.terminate()
        assert again.process.wait(20) is not None


def test_build_is_published_and_opened_over_http(
    store: Store, workbench: Path, crate: Path, tmp_path: Path
) -> None:
    """Set up, create a site, build a crate into it, open it, and remove it."""
    jupyter = Jupyter(workbench, tmp_path / "log")

    def done(**request: Any) -> dict[str, Any]:
        job: dict[str, Any] = jupyter.ask("POST", "jobs", **request)
        deadline = time.monotonic() + 600
        while job["state"] in ("queued", "running"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
            job = jupyter.ask("GET", f"jobs/{job['id']}")
        assert job["state"] == "done", job
        return job

    name = f"http-{time.time_ns():x}"
    try:
        mended = done(kind="install")
        assert mended["report"]["ok"] is True
        done(kind="site", site=name)
        job = done(kind="build", source=crate.name, site=name)
        assert job["report"]["published"]["site"] == str(store.home / "sites" / name)
        row = jupyter.ask("POST", f"sites/{name}/open")
        assert row["up"]
        (package,) = jupyter.ask("GET", f"sites/{name}/packages")["packages"]
        assert package["url"] == job["report"]["published"]["url"]
        with urllib.request.urlopen(package["url"], timeout=10) as response:
            assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        packed = done(kind="bundle", site=name)["report"]
        assert packed["bundle"] == str(workbench / f"{name}-site.zip")
        with zipfile.ZipFile(packed["bundle"]) as bundle:
            assert f"{name}/files/try-hello-0.1.0.ipynb" in bundle.namelist()
        assert jupyter.ask("DELETE", f"sites/{name}/packages/hello")["version"] == "0.1.0"
    finally:
        jupyter.process.terminate()
        jupyter.process.wait()
        shutil.rmtree(store.home / "sites" / name, ignore_errors=True)


def test_run_can_be_stopped_before_first_event(tmp_path: Path) -> None:
    run = ScriptExecutor("time.sleep(60)").start(BuildRequest(source="."), tmp_path, os.environ)
    assert isinstance(run, LocalRun)
    run.stop()
    assert list(run.lines()) == []
    assert run.wait()[0] == 130
