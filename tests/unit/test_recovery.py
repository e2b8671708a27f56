"""Jobs of earlier versions and of unreadable databases: finished jobs are kept."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_wasmwheel.jobs.queue import Queue
from jupyter_wasmwheel.server.jobs import _texts
from tests.fixtures.job_queue import DONE_SCRIPT, Messages, OpenQueue, build_request, wait_for_end

#: The folder of version 1, killed during the job `LOST` (code of 0c5ee92).
EARLIER = Path(__file__).parents[1] / "fixtures/jobs-v1"
BUILT, FAILED, LOST = "74aaa00422161a4f", "431829d9441d493f", "a55fb1505d385861"

#: Write a wheel as a build does, and report it.
BUILDS = """
import zipfile
name = "hello-0.1.0-py3-none-any.whl"
with zipfile.ZipFile("out/" + name, "w") as wheel:
    info = "hello-0.1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: hello\\nVersion: 0.1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
say("report", report={"schema": 1, "name": "hello", "version": "0.1.0", "wheel": "/x/" + name})
"""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EARLIER, tmp_path / "jobs-0"))


def test_jobs_of_version_1_keep_events_and_wheels(earlier: Path, queue_of: OpenQueue) -> None:
    before = {
        job: (earlier / job / "events.jsonl").read_text().splitlines()
        for job in (BUILT, FAILED, LOST)
    }
    queue = queue_of()
    assert [job.id for job in queue.jobs()] == [LOST, FAILED, BUILT]
    assert [job.state for job in queue.jobs()] == ["interrupted", "failed", "done"]
    wheel = queue.wheel(BUILT)
    assert wheel
    assert wheel.read_bytes()[:2] == b"PK"
    failed = queue.get(FAILED)
    assert failed.error
    assert (failed.error.status, failed.error.fix) == (5, "Correct it.")
    assert queue.get(LOST).phase == "compile"
    for job, lines in before.items():
        numbers = [json.loads(line)["seq"] for line in lines]
        kept = [json.loads(line)["seq"] for line in queue.lines(job)]
        assert kept[: len(numbers)] == numbers
        assert not (earlier / job / "events.jsonl").exists()
    assert queue.notice
    assert "jobs.damaged-1" in queue.notice
    assert (earlier / "jobs.damaged-1").is_file()


def test_new_job_after_version_1_gets_larger_number(
    earlier: Path, queue_of: OpenQueue, messages: Messages
) -> None:
    last = max(
        json.loads(line)["seq"]
        for file in earlier.glob("*/events.jsonl")
        for line in file.read_text().splitlines()
    )
    queue = queue_of()
    wait_for_end(queue, queue.submit(build_request()))
    assert messages[0][0] > last


def test_second_start_keeps_migrated_jobs(earlier: Path, queue_of: OpenQueue) -> None:
    first = queue_of()
    jobs = first.jobs()
    first.close()
    again = queue_of()
    assert again.jobs() == jobs
    assert again.notice is None


def overwritten(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def with_a_damaged_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 200] = b"\xff" * 200
    path.write_bytes(data)


def of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def with_nulls(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "DROP TABLE event; CREATE TABLE event (seq INTEGER PRIMARY KEY, job, kind, json);"
            "INSERT INTO event VALUES (1, 'x', 'job', NULL);"
        )


def with_a_job_that_is_none(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE event SET json = '{\"job\": []}' WHERE kind = 'job'")


def with_a_null_in_our_table(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        replace = "UPDATE sqlite_schema SET sql = replace(sql, '{} TEXT{}', '{} TEXT{}')"
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(replace.format("json", " NOT NULL", "json", ""))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE event SET json = NULL WHERE kind = 'report'")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(replace.format("json", "", "json", " NOT NULL"))


def with_a_number_that_has_no_successor(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO event VALUES (9223372036854775807, 'x', 'log', '{}')")


def with_a_deep_job(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        deep = '{"job": ' + "[" * 5000 + "]" * 5000 + "}"
        connection.execute("UPDATE event SET json = ? WHERE kind = 'job'", (deep,))


def replaced_by_a_folder(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.mkdir()


def replaced_by_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize(
    "damage",
    [
        overwritten,
        with_a_deep_job,
        replaced_by_a_folder,
        replaced_by_a_link,
        with_a_damaged_page,
        of_another_version,
        with_nulls,
        with_a_null_in_our_table,
        with_a_job_that_is_none,
        with_a_number_that_has_no_successor,
    ],
)
def test_unreadable_database_is_set_aside_and_wheels_are_kept(
    damage: Callable[[Path], None], queue_of: OpenQueue, tmp_path: Path
) -> None:
    queue = queue_of(BUILDS)
    job = wait_for_end(queue, queue.submit(build_request()))
    assert queue.wheel(job.id)
    head = queue.head
    queue.close()
    damage(tmp_path / "jobs-0/jobs.sqlite")
    again = queue_of()
    (found,) = again.jobs()
    assert (found.id, found.state, found.name, found.version) == (job.id, "done", "hello", "0.1.0")
    assert again.wheel(job.id)
    assert again.head > head
    assert again.notice
    assert os.path.lexists(tmp_path / "jobs-0/jobs.damaged-1")
    assert wait_for_end(again, again.submit(build_request())).state == "done"


@pytest.fixture
def locked(tmp_path: Path, queue_of: OpenQueue) -> Iterator[str]:
    """Lock a database with one finished job by another connection; yield the job."""
    queue = queue_of(BUILDS)
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    with closing(sqlite3.connect(tmp_path / "jobs-0/jobs.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield job.id


def test_locked_database_is_set_aside(
    locked: str, queue_of: OpenQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite waits 5 seconds for a lock; not here.
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, timeout=0.1))
    queue: Queue = queue_of()
    assert [job.id for job in queue.jobs()] == [locked]
    assert queue.notice
    assert "locked" in queue.notice


def test_job_without_wheel_is_reported_lost(queue_of: OpenQueue, tmp_path: Path) -> None:
    queue = queue_of()
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    (tmp_path / "jobs-0/jobs.sqlite").unlink()
    again = queue_of()
    found = again.get(job.id)
    assert found.state == "interrupted"
    assert found.error
    assert found.error.code == "job.record-lost"


def test_partially_deleted_job_does_not_come_back(queue_of: OpenQueue, tmp_path: Path) -> None:
    queue = queue_of()
    jobs = [wait_for_end(queue, queue.submit(build_request())) for _ in range(2)]
    queue.remove(jobs[0].id)
    (tmp_path / "jobs-0" / jobs[0].id / "out").mkdir(parents=True)
    queue.close()
    assert [job.id for job in queue_of(DONE_SCRIPT).jobs()] == [jobs[1].id]


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "null", '{"job": "x"}', '{"a": ' + "[" * 5000 + "]" * 5000 + "}"),
        "\ud800".encode("utf-8", "surrogatepass"),
        '{"kind": "log"}',
        '{"kind": "log", "stream": "stdout", "text": 7}',
        '{"kind": "removed"}',
        '{"kind": "job", "job": {}}',
    ],
)
def test_damaged_event_is_skipped(text: object, queue_of: OpenQueue, tmp_path: Path) -> None:
    queue = queue_of("log('one')\nlog('two')\n" + DONE_SCRIPT)
    job = wait_for_end(queue, queue.submit(build_request()))
    head = queue.head
    queue.close()
    with closing(sqlite3.connect(tmp_path / "jobs-0/jobs.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE event SET json = ? WHERE json LIKE '%\"one\"%'", (text,))
    again = queue_of()
    kinds = [json.loads(line)["kind"] for line in again.lines(job.id)]
    assert kinds.count("log") == 1
    assert "report" in kinds
    assert all(json.loads(text) for _, text in again.replay(0, head))


def edit_event(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes of the stored event `one`, as a disk does, without regard for its type."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.text_factory = bytes
        (seq, text), *others = db.execute(
            "SELECT seq, json FROM event WHERE json LIKE '%\"one\"%'"
        ).fetchall()
        assert not others
        assert old in text
        db.execute(
            "UPDATE event SET json = CAST(? AS TEXT) WHERE seq = ?", (text.replace(old, new), seq)
        )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":', b'"sEq":'),
        (b'"seq":1', b'"seq":-1'),
        (b'"seq":', b'"seq":9'),
        (b'"seq":', b'"seq":"1","x":'),
        (b'"seq":', b'"seq":1e30,"x":'),
        (b'"seq":', b'"seq":null,"x":'),
        (b'"text"', b'"tExt"'),
        (b'"one"', b"null"),
        (b'"one"', b"[1]"),
        (b'"kind":"log"', b'"kind":"lOg"'),
        (b'"kind":"log"', b'"kind":7'),
        (b'"one"', b'"\xe9"'),
        (b'"one"', b'"\xe9'),
        (b"{", b"\x00"),
    ],
)
@pytest.mark.parametrize("was_killed", [False, True])
def test_changed_byte_of_event_keeps_all_jobs(
    old: bytes, new: bytes, was_killed: bool, queue_of: OpenQueue, tmp_path: Path
) -> None:
    queue = queue_of("log('one')\nlog('two')\n" + DONE_SCRIPT)
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    path = tmp_path / "jobs-0/jobs.sqlite"
    edit_event(path, old, new)
    if was_killed:  # the newest state is "running", and the events after it are applied
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("DELETE FROM event WHERE kind = 'job' AND json LIKE '%\"state\":\"done\"%'")
    again = queue_of()
    assert again.folder == queue.folder
    assert again.notice is None
    assert again.get(job.id).state == ("interrupted" if was_killed else "done")
    assert again.get(job.id).version == "2.0"
    log = "".join(_texts(again.lines(job.id)))
    assert log in ("two\n", "\N{REPLACEMENT CHARACTER}\ntwo\n")


@pytest.mark.parametrize("column", ["job", "kind", "json"])
@pytest.mark.parametrize("value", [7, b"\xff\xfe", "", "../../x", "{}"])
def test_other_value_in_a_column_keeps_the_wheel(
    column: str, value: object, queue_of: OpenQueue, tmp_path: Path
) -> None:
    (tmp_path / "x").mkdir()
    queue = queue_of(BUILDS, kept=1)
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    with closing(sqlite3.connect(tmp_path / "jobs-0/jobs.sqlite", isolation_level=None)) as db:
        db.execute(f"UPDATE event SET {column} = ? WHERE seq % 2", (value,))
    again = queue_of()
    assert again.folder == queue.folder
    assert again.get(job.id).id == job.id
    assert again.wheel(job.id)
    for _, text in again.replay(0, again.head):
        json.loads(text)
    assert json.loads(f"[{','.join(again.texts())}]")
    list(again.lines(job.id))
    wait_for_end(again, again.submit(build_request()))  # deletes the first one
    assert (tmp_path / "x").is_dir()


@pytest.mark.parametrize("seq", ["1e30", "1" + "0" * 30, "-1", '"7"', "null", "[]", "1.5"])
def test_number_of_earlier_event_that_is_none_is_skipped(
    seq: str, queue_of: OpenQueue, tmp_path: Path
) -> None:
    shutil.copytree(EARLIER, tmp_path / "jobs-0")
    with (tmp_path / "jobs-0" / BUILT / "events.jsonl").open("a") as stream:
        stream.write(f'{{"seq": {seq}, "kind": "log", "stream": "stdout", "text": "late"}}\n')
    queue = queue_of()
    assert queue.get(BUILT).state == "done"
    assert "late" not in "".join(queue.lines(BUILT))


def fail(*arguments: object) -> None:
    raise KeyError("broken")


@pytest.mark.parametrize(
    "broken",
    ["queue.Queue._recover", "queue.open_store", "recovery._recover", "event_store.EventStore.ids"],
)
def test_queue_that_could_not_be_opened_can_be_opened_again(
    broken: str, queue_of: OpenQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = queue_of()
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    with monkeypatch.context() as patched:
        patched.setattr(f"jupyter_wasmwheel.jobs.{broken}", fail)
        with pytest.raises(KeyError) as kept:  # its traceback keeps what is not closed
            queue_of()
    again = queue_of()
    assert again.folder == queue.folder
    assert again.notice is None
    assert [each.id for each in again.jobs()] == [job.id]
    del kept


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"kind": 7}', '{"source": ["x"]}', '{"a": ' + "[" * 5000]
)
@pytest.mark.parametrize("is_wheel_damaged", [False, True])
def test_job_with_damaged_folder_is_recovered(
    text: str, is_wheel_damaged: bool, queue_of: OpenQueue, tmp_path: Path
) -> None:
    queue = queue_of(BUILDS)
    job = wait_for_end(queue, queue.submit(build_request()))
    wheel = queue.wheel(job.id)
    assert wheel
    queue.close()
    overwritten(tmp_path / "jobs-0/jobs.sqlite")
    (tmp_path / "jobs-0" / job.id / "request.json").write_text(text)
    if is_wheel_damaged:
        wheel.write_bytes(b"no wheel")
    again = queue_of()
    assert again.get(job.id).state == ("interrupted" if is_wheel_damaged else "done")


def test_newest_job_is_kept_when_clock_is_set_back(
    queue_of: OpenQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = queue_of(DONE_SCRIPT, kept=2)
    jobs = []
    for year in (2027, 2026, 2025, 2024):
        now = time.mktime((year, 1, 1, 0, 0, 0, 0, 0, 0))
        monkeypatch.setattr("time.time", lambda now=now: now)
        jobs.append(wait_for_end(queue, queue.submit(build_request())).id)
    assert [job.id for job in queue.jobs()] == jobs[:1:-1]
