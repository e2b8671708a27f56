"""Jobs below the server: requests, the queue, its record, and processes."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from msgspec.structs import replace

from jupyter_wasmwheel import credentials
from jupyter_wasmwheel.api import errors, requests
from jupyter_wasmwheel.api.errors import (
    ErrorInfo,
    Install,
    LimitError,
    Retry,
    SiteError,
    SourceError,
    UsageError,
    WasmwheelError,
)
from jupyter_wasmwheel.api.events import Phase
from jupyter_wasmwheel.api.jobs import Job
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.jobs import document
from jupyter_wasmwheel.jobs.event_store import EventStore
from jupyter_wasmwheel.jobs.queue import (
    BusyError,
    ConflictError,
    Queue,
    UnknownJobError,
    encoded,
)
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, OutsideError, ResolvedRequest, resolve
from jupyter_wasmwheel.process.supervisor import (
    BACKGROUND,
    BACKGROUND_NICENESS,
    JOB_NICENESS,
    supervised,
)
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.site.lite import Site
from tests.fixtures.job_queue import (
    DONE_SCRIPT,
    WAIT_SCRIPT,
    Messages,
    OpenQueue,
    build_request,
    wait_for_end,
    wait_until,
)


def event_store(path: Path, limit: int = 10_000_000) -> EventStore:
    return EventStore(path, lambda seq, text: None, limit)


def source_of(made: ResolvedRequest) -> str:
    assert isinstance(made.request, BuildRequest)
    return made.request.source


# Requests


def test_posted_request_resolves_to_full_paths(paths: AllowedPaths, root: Path, site: Site) -> None:
    (root / "mine.toml").write_text("")
    asked = {
        "kind": "build",
        "source": "examples/hello",
        "site": site.name,
        "target": None,
        "profile": "draft",
        "features": ["one", "two"],
        "ignore_lock": False,
        "recipe": "mine.toml",
    }
    made = resolve(asked, replace(paths, find_site=lambda name: site))
    assert made.request == BuildRequest(
        source=str(root / "examples/hello"),
        site=str(site.folder),
        profile="draft",
        features=("one", "two"),
        recipe=str(root / "mine.toml"),
    )
    assert (made.name, made.version) == ("hello", None)
    assert made.posted == {key: value for key, value in asked.items() if value is not None}
    assert resolve(made.posted, replace(paths, find_site=lambda name: site)) == made


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site; only its existence matters here."""
    return Site(
        folder=tmp_path / "sites/workshop",
        abi="2026_0",
        pyodide="314.0.0",
        core="full",
        kernel="0.8.6",
        mode="offline",
        port=1,
        prefix="",
    )


@pytest.mark.parametrize("kind", requests.PostedRequest.__args__)
def test_request_of_each_kind_reaches_worker_unchanged(
    kind: type[msgspec.Struct], paths: AllowedPaths, site: Site, tmp_path: Path
) -> None:
    """Every declared field is accepted in a posted request and reaches the worker."""
    given = dict(examples(kind))
    made = resolve(given, replace(paths, find_site=lambda name: site))
    document.write(tmp_path, made.request)
    read = document.read(tmp_path, {})
    assert read == made.request
    kept = msgspec.to_builtins(read, builtin_types=(tuple,))
    for name in given.keys() - {"kind", "source", "site", "recipe"}:
        assert kept[name] == given[name]


def examples(kind: type[msgspec.Struct]) -> Iterator[tuple[str, Any]]:
    """Yield a value other than the default for every field of a kind of request."""
    yield "kind", kind.__struct_config__.tag
    for field in msgspec.structs.fields(kind):
        if field.name in ("source", "site", "recipe", "target", "out"):
            known = {"source": "examples/hello", "site": "new", "target": "2026_0"}
            if field.name in known:
                yield field.encode_name, known[field.name]
            continue
        schema = msgspec.json.schema(field.type)
        types: dict[str, Any] = {"boolean": True, "number": 7.5, "string": "x"}
        item = schema.get("items", schema)
        value = item["enum"][-1] if "enum" in item else types.get(item.get("type"), "x")
        yield field.encode_name, (value,) if "items" in schema else value


def test_request_document_omits_credentials(tmp_path: Path) -> None:
    secret = BuildRequest(source="git+https://me:hunter2@example.org/x.git")
    logins = document.write(tmp_path, secret)
    assert logins
    assert "hunter2" not in (tmp_path / "request.json").read_text()
    environ = {credentials.VARIABLE: str(logins)}
    assert document.read(tmp_path, environ) == secret
    assert not logins.exists()


def test_pypi_source_keeps_its_name(paths: AllowedPaths) -> None:
    made = resolve({"kind": "build", "source": "pypi:rpds-py==0.30.0"}, paths)
    assert (made.name, made.version) == ("rpds-py", "0.30.0")
    assert source_of(made) == "pypi:rpds-py==0.30.0"


@pytest.mark.parametrize("address", ["git+examples/hello@v1", "git+file://ROOT/examples/hello@v1"])
def test_git_source_under_root_resolves_to_full_path(
    paths: AllowedPaths, root: Path, address: str
) -> None:
    source = f"{address.replace('ROOT', str(root))}#subdirectory=a/b"
    made = resolve({"kind": "build", "source": source}, paths)
    assert (made.name, made.version) == ("hello", None)
    assert source_of(made) == f"git+{root}/examples/hello@v1#subdirectory=a/b"


def test_remote_git_source_keeps_its_address(paths: AllowedPaths) -> None:
    address = "git+https://example.org/a/b.git@v1"
    made = resolve({"kind": "build", "source": address}, paths)
    assert (made.name, source_of(made)) == ("b", address)


def test_root_folder_can_be_built(paths: AllowedPaths, root: Path) -> None:
    starter.create("top", root.parent / "other")
    moved = replace(paths, root=root.parent / "other/top")
    assert resolve({"kind": "build", "source": ""}, moved).name == "top"
    assert resolve({"kind": "build", "source": "."}, moved).name == "top"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([], UsageError),
        ("build", UsageError),
        ({}, UsageError),
        ({"kind": "shell", "source": "examples/hello"}, UsageError),
        ({"kind": ["build"], "source": "examples/hello"}, UsageError),
        ({"kind": "build"}, UsageError),
        ({"kind": "build", "source": 7}, UsageError),
        ({"kind": "build", "source": "examples/hello", "out": "/tmp"}, UsageError),
        ({"kind": "build", "source": "examples/hello", "profile": "quick"}, UsageError),
        ({"kind": "build", "source": "examples/hello", "linker": "--help"}, UsageError),
        ({"kind": "build", "source": "examples/hello", "features": "one"}, UsageError),
        ({"kind": "build", "source": "examples/hello", "features": ["x"] * 1000}, UsageError),
        ({"kind": "build", "source": "examples/hello", "offline": "yes"}, UsageError),
        ({"kind": "build", "source": "examples/hello", "target": "9999_9"}, UsageError),
        ({"kind": "build", "source": "examples/hello", "site": "nowhere"}, SiteError),
        ({"kind": "build", "source": "examples/hello", "site": "--cdn"}, WasmwheelError),
        ({"kind": "build", "source": "examples/hello\n"}, UsageError),
        ({"kind": "build", "source": "examples/\0hello"}, UsageError),
        ({"kind": "build", "source": "examples\\hello"}, UsageError),
        ({"kind": "build", "source": "\ud800"}, UsageError),
        ({"kind": "build", "source": "x" * 10_000}, UsageError),
        ({"kind": "build", "source": "x" * 300}, UsageError),
        ({"kind": "build", "source": "x/" * 2_047}, UsageError),
        ({"kind": "build", "source": "examples/hello", "recipe": "x" * 300}, UsageError),
        ({"kind": "build", "source": "examples/hello", "profile": "\ud800"}, UsageError),
        ({"kind": "build", "source": "examples"}, SourceError),
        ({"kind": "build", "source": "examples/none"}, SourceError),
        ({"kind": "build", "source": "examples/hello/Cargo.toml"}, SourceError),
        ({"kind": "build", "source": "--version"}, SourceError),
        ({"kind": "build", "source": "pypi:--help"}, UsageError),
        ({"kind": "build", "source": "../outside"}, OutsideError),
        ({"kind": "build", "source": "examples/../../outside"}, OutsideError),
        ({"kind": "build", "source": "git+file:///etc"}, OutsideError),
        ({"kind": "build", "source": "git+/etc"}, OutsideError),
        ({"kind": "build", "source": "git+../outside"}, OutsideError),
        ({"kind": "build", "source": "git+ext::sh"}, UsageError),
        ({"kind": "build", "source": "git+https://example.org/x@--help"}, UsageError),
        ({"kind": "site", "site": "../evil"}, UsageError),
        ({"kind": "site", "site": ".hidden"}, UsageError),
        ({"kind": "site", "site": "x" * 100}, UsageError),
        ({"kind": "install", "source": "examples/hello"}, UsageError),
        ({"kind": "install", "extras": ["--help"]}, UsageError),
        ({"kind": "install", "extras": "emscripten"}, UsageError),
        ({"kind": "bundle", "site": "workshop", "out": "/tmp/x.zip"}, UsageError),
        ({"kind": "publish", "site": "workshop", "wheels": ["x.whl"]}, UsageError),
    ],
)
def test_invalid_request_is_rejected(
    body: object, error: type[WasmwheelError], paths: AllowedPaths
) -> None:
    with pytest.raises(error) as raised:
        resolve(body, paths)
    assert raised.value.what
    assert raised.value.why
    assert raised.value.fix


def test_absolute_path_outside_root_requires_setting(paths: AllowedPaths, root: Path) -> None:
    outside = root.parent / "outside"
    with pytest.raises(SourceError):
        resolve({"kind": "build", "source": str(outside)}, paths)
    allowed = replace(paths, allowed=(outside,))
    assert source_of(resolve({"kind": "build", "source": str(outside)}, allowed)) == str(outside)


def test_link_out_of_root_is_rejected(paths: AllowedPaths, root: Path) -> None:
    (root / "link").symlink_to(root.parent / "outside")
    with pytest.raises(OutsideError):
        resolve({"kind": "build", "source": "link"}, paths)


# The queue


def test_job_goes_from_queued_to_done(queue_of: OpenQueue, messages: Messages) -> None:
    queue = queue_of("log('hi')\n" + DONE_SCRIPT)
    job = wait_for_end(queue, queue.submit(build_request()))
    assert (job.state, job.name, job.version) == ("done", "hello", "2.0")
    assert job.started
    assert job.ended
    assert job.created <= job.started <= job.ended
    assert [event["kind"] for _, event in messages] == ["job", "job", "log", "report", "job"]
    states = [event["job"]["state"] for _, event in messages if event["kind"] == "job"]
    assert states == ["queued", "running", "done"]
    assert messages[-1][1]["job"] == json.loads(encoded(job))


def test_event_numbers_grow_across_jobs(queue_of: OpenQueue, messages: Messages) -> None:
    queue = queue_of("for n in range(300): log(str(n))\n" + DONE_SCRIPT, running=3)
    jobs = [queue.submit(build_request(f"n{n}")) for n in range(5)]
    for job in jobs:
        wait_for_end(queue, job)
    numbers = [seq for seq, _ in messages]
    assert numbers == sorted(set(numbers))
    assert queue.head == numbers[-1]
    kept = [(seq, json.loads(text)) for seq, text in queue.replay(0, queue.head)]
    assert kept == messages
    middle = numbers[len(numbers) // 2]
    assert [seq for seq, _ in queue.replay(middle, numbers[-2])] == [
        seq for seq in numbers if middle < seq <= numbers[-2]
    ]


def test_queue_limits_running_jobs(queue_of: OpenQueue) -> None:
    queue = queue_of(WAIT_SCRIPT, running=2, waiting=1)
    first, second, third = (queue.submit(build_request()) for _ in range(3))
    assert [queue.get(job.id).state for job in (first, second, third)] == [
        "running",
        "running",
        "queued",
    ]
    with pytest.raises(BusyError):
        queue.submit(build_request())
    queue.cancel(first.id)
    wait_until(lambda: queue.get(third.id).state == "running")
    assert queue.get(first.id).state == "cancelled"


def test_job_shows_progress(queue_of: OpenQueue) -> None:
    queue = queue_of(
        "say('phase', name='compile', state='started')\n"
        "say('progress', done=3, total=9, unit='units', label='pyo3')\ntime.sleep(60)\n"
    )
    job = queue.submit(build_request())
    wait_until(lambda: queue.get(job.id).done)
    now = queue.get(job.id)
    assert (now.phase, now.done, now.total, now.label) == ("compile", 3, 9, "pyo3")


def test_worker_error_becomes_job_error(queue_of: OpenQueue) -> None:
    queue = queue_of(
        "say('error', code='x.y', what='No.', why='So.', fix='Do.', status=5); sys.exit(5)"
    )
    job = wait_for_end(queue, queue.submit(build_request()))
    assert job.state == "failed"
    assert job.error == ErrorInfo(code="x.y", what="No.", why="So.", fix="Do.", status=5)


def test_failed_tests_keep_report_and_error(queue_of: OpenQueue) -> None:
    failed = "say('error', code='x.y', what='1 failed', why='', fix='', status=8); sys.exit(8)"
    queue = queue_of(DONE_SCRIPT + failed)
    job = wait_for_end(queue, queue.submit(build_request()))
    assert (job.state, job.version) == ("failed", "2.0")
    assert job.report
    assert job.error
    assert job.error.status == 8


def test_failed_installation_is_not_its_own_remedy(queue_of: OpenQueue) -> None:
    finding = {"state": "missing", "part": "Rust", "text": "none", "fix": "Install it."}
    other = {"action": "install", "extras": ["nightly"], "target": None}
    tried = {"action": "install", "extras": [], "target": None}
    report = {"schema": 1, "findings": [finding | {"remedies": [tried, other]}]}
    queue = queue_of(f"say('report', report={report!r}); sys.exit(4)")
    install = ResolvedRequest(
        posted={"kind": "install"}, name="toolchain", request=requests.InstallRequest()
    )
    job = wait_for_end(queue, queue.submit(install))
    assert job.error
    assert (job.error.code, job.error.counts) == ("toolchain.incomplete", {"missing": 1})
    assert job.error.remedies == (Install(extras=("nightly",)), Retry())


def test_remedy_opens_path_relative_to_root(queue_of: OpenQueue, root: Path) -> None:
    file = str(root / "examples/hello/Cargo.toml")
    remedies = [{"action": "open", "file": file, "line": 3}, {"action": "open", "file": "/etc/x"}]
    queue = queue_of(
        f"say('error', code='x.y', what='', why='', fix='', status=3, remedies={remedies!r})\n"
        "sys.exit(3)"
    )
    job = wait_for_end(queue, queue.submit(build_request()))
    assert job.error
    assert job.error.remedies == (
        errors.Open(file=file, line=3, path="examples/hello/Cargo.toml"),
        errors.Open(file="/etc/x"),
    )


def test_crashed_worker_error_shows_last_output(queue_of: OpenQueue) -> None:
    queue = queue_of("print('Segfault in the middle', file=sys.stderr, flush=True); os.abort()")
    job = wait_for_end(queue, queue.submit(build_request()))
    assert job.state == "failed"
    assert job.error
    assert "Segfault in the middle" in job.error.why


def test_invalid_event_lines_are_ignored(queue_of: OpenQueue, messages: Messages) -> None:
    queue = queue_of(
        "print('noise'); print('[1]'); print('{' * 9999); say('job', state='done')\n"
        "sys.stdout.buffer.write(b'\\xff\\n')\n" + DONE_SCRIPT
    )
    assert wait_for_end(queue, queue.submit(build_request())).state == "done"
    assert [event["kind"] for _, event in messages] == ["job", "job", "report", "job"]


def test_long_log_is_truncated_with_one_note(queue_of: OpenQueue) -> None:
    queue = queue_of(
        "for n in range(5000): log('x' * 100)\n"
        "say('phase', name='package', state='started')\n" + DONE_SCRIPT,
        log=100_000,
    )
    job = wait_for_end(queue, queue.submit(build_request()))
    events = [json.loads(line) for line in queue.lines(job.id)]
    notes = [event["text"] for event in events if event.get("stream") == "note"]
    assert notes == ["The log is longer than 0.1 MB; the rest is omitted."]
    assert [event["kind"] for event in events][-3:] == ["phase", "report", "job"]
    assert sum(map(len, queue.lines(job.id))) < 150_000


def test_diagnostic_has_path_relative_to_root(
    queue_of: OpenQueue, messages: Messages, root: Path
) -> None:
    file = root / "examples/hello/src/lib.rs"
    rest = "level='error', code=None, message='m', rendered='r', line=1, column=1"
    queue = queue_of(
        f"say('diagnostic', file={str(file)!r}, {rest})\n"
        f"say('diagnostic', file='/usr/lib/x.rs', {rest})\nsay('diagnostic', file=None, {rest})\n"
        + DONE_SCRIPT
    )
    wait_for_end(queue, queue.submit(build_request()))
    paths = [event["path"] for _, event in messages if event["kind"] == "diagnostic"]
    assert paths == ["examples/hello/src/lib.rs", None, None]


def test_concurrent_cancels_succeed(queue_of: OpenQueue, messages: Messages) -> None:
    queue = queue_of(WAIT_SCRIPT)
    job = queue.submit(build_request())
    threads = [threading.Thread(target=queue.cancel, args=(job.id,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait_for_end(queue, job).state == "cancelled"
    assert queue.cancel(job.id).state == "cancelled"
    states = [event["job"]["state"] for _, event in messages if event["kind"] == "job"]
    assert states == ["queued", "running", "cancelled"]


def test_queued_job_is_canceled_without_running(queue_of: OpenQueue) -> None:
    queue = queue_of(WAIT_SCRIPT, running=1)
    queue.submit(build_request())
    waiting = queue.submit(build_request())
    assert queue.cancel(waiting.id).state == "cancelled"
    assert queue.get(waiting.id).started is None


def test_ended_job_is_deleted_with_its_files(queue_of: OpenQueue, messages: Messages) -> None:
    queue = queue_of(WAIT_SCRIPT)
    job = queue.submit(build_request())
    with pytest.raises(ConflictError):
        queue.remove(job.id)
    queue.cancel(job.id)
    wait_for_end(queue, job)
    before = queue.head
    queue.remove(job.id)
    assert not (queue.folder / job.id).exists()
    with pytest.raises(UnknownJobError):
        queue.get(job.id)
    with pytest.raises(UnknownJobError):
        queue.remove(job.id)
    assert messages[-1][1]["kind"] == "removed"
    away = [json.loads(text) for _, text in queue.replay(before, queue.head)]
    assert [(event["kind"], event["job"]) for event in away] == [("removed", job.id)]


def test_queue_limits_kept_jobs(queue_of: OpenQueue) -> None:
    queue = queue_of(kept=3)
    jobs = []
    for _ in range(5):
        jobs.append(queue.submit(build_request()))
        wait_for_end(queue, jobs[-1])
    wait_until(lambda: len(queue.jobs()) == 3)
    assert [job.id for job in queue.jobs()] == [job.id for job in jobs[:1:-1]]


# The record


def test_lost_job_is_interrupted_and_can_be_retried(
    tmp_path: Path, queue_of: OpenQueue, messages: Messages
) -> None:
    (tmp_path / "jobs-0/0123456789abcdef").mkdir(parents=True)
    posted = {"kind": "build", "source": "examples/hello"}
    lost = Job(
        id="0123456789abcdef",
        kind="build",
        state="running",
        request=posted,
        name="hello",
        version=None,
        created=1.0,
    )
    with closing(event_store(tmp_path / "jobs-0/jobs.sqlite")) as store:
        store.save(lost)
        store.append(lost.id, [(Phase(name="compile", state="started"), 2.0)])
        last = store.head
    queue = queue_of()
    job = queue.get(lost.id)
    assert job.state == "interrupted"
    assert job.error
    assert job.error.code == "job.interrupted"
    assert job.error.remedies == (Retry(),)
    assert job.request == posted
    assert job.phase == "compile"
    assert messages[0][1]["job"]["state"] == "interrupted"
    assert messages[0][0] > last


def test_close_interrupts_running_and_queued_jobs(
    tmp_path: Path, queue_of: OpenQueue, paths: AllowedPaths
) -> None:
    queue = queue_of(WAIT_SCRIPT, running=1)
    jobs = [queue.submit(build_request()) for _ in range(2)]
    queue.close()
    again = queue_of()
    assert [again.get(job.id).state for job in jobs] == ["interrupted", "interrupted"]
    assert again.head > queue.head


def test_finished_jobs_survive_restart(queue_of: OpenQueue) -> None:
    queue = queue_of()
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    again = queue_of()
    assert again.get(job.id) == job
    assert list(again.lines(job.id)) == [text for _, text in again.replay(0, job.seq)]


def test_servers_with_same_root_keep_jobs_separate(queue_of: OpenQueue) -> None:
    first, second = queue_of(WAIT_SCRIPT), queue_of()
    job = first.submit(build_request())
    assert first.folder != second.folder
    with pytest.raises(UnknownJobError):
        second.get(job.id)
    assert first.get(job.id).state == "running"


# Full disks


def fill(queue: Queue) -> sqlite3.Connection:
    """Stop the database from growing; SQLite reports it like a full disk."""
    connection: sqlite3.Connection = queue._events._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return connection


def test_full_disk_during_build_fails_job_with_reason(queue_of: OpenQueue) -> None:
    queue = queue_of("for n in range(10**9):\n    log('x' * 1000)\n    time.sleep(0.01)\n")
    job = queue.submit(build_request())
    wait_until(lambda: queue.get(job.id).seq > job.seq)
    fill(queue)
    failed = wait_for_end(queue, job)
    assert failed.state == "failed"
    assert failed.error
    assert failed.error.code == "disk.full"
    assert failed.error.status == LimitError.status


def test_full_disk_rejects_new_job_without_traces(queue_of: OpenQueue) -> None:
    queue = queue_of()
    wait_for_end(queue, queue.submit(build_request()))
    connection = fill(queue)
    with pytest.raises(LimitError) as raised:
        queue.submit(build_request("x" * 1_000_000))
    assert raised.value.info.code == "disk.full"
    connection.execute("PRAGMA max_page_count = 1000000")
    left = {path.name for path in queue.folder.iterdir() if path.is_dir()}
    assert left == {job.id for job in queue.jobs()}
    assert wait_for_end(queue, queue.submit(build_request())).state == "done"


# The processes


def test_background_job_yields_to_other_jobs(queue_of: OpenQueue) -> None:
    queue = queue_of(WAIT_SCRIPT, running=1)
    background = queue.submit(build_request("hello"), background=True)
    jobs = [queue.submit(build_request("hello")) for _ in range(2)]
    assert queue.get(background.id).state == "running"
    assert [queue.get(job.id).state for job in jobs] == ["running", "queued"]


@pytest.mark.skipif(os.name == "nt", reason="has no nice(2)")
@pytest.mark.parametrize(
    ("background", "niceness"), [({}, JOB_NICENESS), ({BACKGROUND: "1"}, BACKGROUND_NICENESS)]
)
def test_background_job_runs_at_low_priority(background: dict[str, str], niceness: int) -> None:
    code = f"import os; print(os.nice(0), {BACKGROUND!r} in os.environ)"
    child = subprocess.Popen(
        supervised([sys.executable, "-c", code], is_job=True),
        env={**os.environ, **background},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout
        assert child.stdout.read().split() == [str(min(niceness + os.nice(0), 19)), "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its end")
def test_job_suspended_at_its_first_step_ends_with_its_supervisor() -> None:
    command = ["sh", "-c", "echo $$; kill -STOP $$; cat"]
    child = subprocess.Popen(
        supervised(command, is_job=True), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout
        job = psutil.Process(int(child.stdout.readline()))
        while job.status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        child.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            job.wait(timeout=20)
