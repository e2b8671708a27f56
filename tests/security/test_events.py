"""Events of a job cannot stop the queue: they are decoded strictly and bounded."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import msgspec
import pytest

from jupyter_wasmwheel.api.errors import SourceError, from_info
from jupyter_wasmwheel.api.jobs import MAX_NAME_LENGTH
from jupyter_wasmwheel.jobs.event_store import MAX_REPORT_BYTES
from jupyter_wasmwheel.jobs.queue import Queue
from jupyter_wasmwheel.store import Store
from tests.fixtures.job_queue import (
    DONE_SCRIPT,
    Messages,
    OpenQueue,
    build_request,
    wait_for_end,
    wait_until,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs permissions")

PROGRESS = "say('progress', done={}, total={}, unit='units', label={})\n"


@pytest.mark.parametrize(
    "code",
    [
        PROGRESS.format("10**23 - 1", 1, "'hello'"),
        PROGRESS.format("-1", 1, "'hello'"),
        PROGRESS.format("[1, 2]", 1, "'hello'"),
        PROGRESS.format("1.5", 1, "'hello'"),
        PROGRESS.format("float('inf')", 1, "'hello'"),
        PROGRESS.format("True", 1, "'hello'"),
        PROGRESS.format(1, 1, "'half of a pair: \\ud83d'"),
        PROGRESS.format(1, 1, "'x' * 1_000_000"),
        PROGRESS.format(1, 1, "{'a': 1}"),
        "say('phase', name='x' * 1_000_000, state='started')\n",
        "say('phase', name='compile', state=['started'])\n",
        "say('log', stream='elsewhere', text='x')\n",
        "say('log', stream='stdout', text=7)\n",
        "say('report', report=[1])\n",
        "say('error', what='x')\n",
        "say('error', code='x', what='x', why='x', fix='x', status='5')\n",
        "say('error', code='x', what='', why='', fix='', status=5, remedies=[{'action': 'rm'}])\n",
        "say('job', job={'state': 'done'})\n",
        "print('[' * 100_000)\n",
        'sys.stdout.buffer.write(b\'{"kind": "log", "stream": "stdout", "text": "\\xff"}\\n\')\n',
    ],
)
def test_invalid_event_is_skipped_and_job_continues(
    code: str, queue_of: OpenQueue, messages: Messages
) -> None:
    queue = queue_of(code + DONE_SCRIPT, running=1)
    job = wait_for_end(queue, queue.submit(build_request()))
    assert job.state == "done"
    assert [event["kind"] for _, event in messages] == ["job", "job", "report", "job"]
    for _, text in queue.replay(0, queue.head):
        json.loads(text)


@pytest.mark.parametrize(
    "flood",
    [
        "say('phase', name='compile', state='started', more='x' * 1_000_000)\n" * 60,
        "for n in range(5000): say('phase', name='compile', state='started')\n",
        "for n in range(5000): say('progress', done=n, total=None, unit='', label='x' * 100)\n",
        "for n in range(5000): say('crate_started', name='x' * 100, version='1')\n",
        "for n in range(5000): say('crate_finished', name='x' * 100, version='1', seconds=1)\n",
        "for n in range(5000): say('report', report={'name': 'x' * 100})\n",
        "for n in range(5000): say('error', code='x', what='x' * 99, why='', fix='', status=5)\n",
        "for n in range(5000): log('x' * 100)\n",
    ],
)
def test_size_limit_applies_to_every_event_kind(flood: str, queue_of: OpenQueue) -> None:
    limit = 10_000
    queue = queue_of(flood + DONE_SCRIPT, log=limit)
    job = wait_for_end(queue, queue.submit(build_request()))
    assert job.state == "done"
    lines = [json.loads(line) for line in queue.lines(job.id)]
    kept = [line for line in lines if line["kind"] != "job"]
    assert sum(len(json.dumps(line)) for line in kept) < 2 * limit


def test_large_report_is_shortened(queue_of: OpenQueue) -> None:
    queue = queue_of(
        "say('report', report={'name': 'hello', 'patches': [{'diff': 'x' * 6_000_000}]})\n"
    )
    job = wait_for_end(queue, queue.submit(build_request()))
    assert (job.state, job.name) == ("done", "hello")
    assert len("".join(queue.texts())) < 20_000


#: An error of a worker with some fields of any size.
ERROR = """
fields = dict(code='x', what='w', why='y', fix='f', status=1, counts={{}}, remedies=[])
say('error', **fields | {})
sys.exit(1)
"""


@pytest.mark.parametrize(
    "code",
    [
        ERROR.format("{'why': 'y' * 6_000_000}"),
        ERROR.format("{'what': 'y' * 2_000_000, 'fix': 'y' * 2_000_000}"),
        ERROR.format("{'code': 'y' * 6_000_000}"),
        ERROR.format("{'counts': {'y' * 6_000_000: 1}}"),
        ERROR.format("{'counts': {'y': 10**1_000_000}}"),
        ERROR.format("{'counts': {str(n): 1 for n in range(500_000)}}"),
        ERROR.format("{'status': 10**30}"),
        ERROR.format("{'remedies': [{'action': 'open', 'file': 'y' * 6_000_000}]}"),
        ERROR.format("{'remedies': [{'action': 'retry'}] * 200_000}"),
        ERROR.format("{'remedies': [{'action': 'retry', 'changes': {'y' * 6_000_000: True}}]}"),
        ERROR.format("{'why': 'y' * 9_000_000}"),
        "sys.exit('w' * 6_000_000)\n",
        "say('report', report={'name': 'n' * 900_000})\nsys.exit(1)\n",
        "say('report', report={'name': 'n', 'version': 'v' * 900_000})\nsys.exit(1)\n",
        "say('phase', name='compile', state='started')\n"
        + PROGRESS.format(1, 1, "'x' * 1_000_000")
        + "sys.exit(1)\n",
    ],
)
def test_list_of_jobs_is_small_whatever_a_worker_reports(code: str, queue_of: OpenQueue) -> None:
    queue = queue_of(code)
    job = wait_for_end(queue, queue.submit(build_request()))
    assert job.state == "failed"
    assert job.error
    without_report = msgspec.structs.replace(job, report=None)
    assert len(msgspec.json.encode(without_report)) < 100_000
    assert len("".join(queue.texts())) < MAX_REPORT_BYTES
    assert json.loads("".join(queue.texts()))["error"]["status"] < 2**53


@pytest.mark.parametrize("field", ["name", "version"])
def test_name_of_posted_project_is_shortened(field: str, queue_of: OpenQueue) -> None:
    queue = queue_of(DONE_SCRIPT)
    request = msgspec.structs.replace(build_request(), **{field: "1" * 2_000_000})
    job = queue.submit(request)
    assert len(getattr(job, field)) == MAX_NAME_LENGTH
    wait_for_end(queue, job)
    assert len("".join(queue.lines(job.id))) < 10_000


@pytest.mark.parametrize(
    ("text", "length"), [("x" * 10_000, 10_000), ("é" * 10_001, 10_000), ("", 0)]
)
def test_sentences_of_errors_are_shortened(text: str, length: int) -> None:
    error = SourceError(text, text, text, code="x.y")
    for each in (error.info, from_info(error.info).info, error.with_why(text).info):
        assert [len(sentence) for sentence in (each.what, each.why, each.fix)] == [length] * 3


def test_login_at_the_end_of_a_shortened_sentence_is_redacted() -> None:
    text = "x" * 9_980 + " https://me:password@host/" + "y" * 100
    assert "passw" not in SourceError("", text, "", code="x.y").why


def test_too_large_report_fails_job_and_frees_slot(queue_of: OpenQueue) -> None:
    queue = queue_of(
        "if not os.path.exists('../twice'):\n"
        "    open('../twice', 'w')\n"
        "    say('report', report={'name': 'hello', 'n': list(range(1_000_000))})\n" + DONE_SCRIPT,
        running=1,
    )
    first, second = queue.submit(build_request()), queue.submit(build_request())
    failed = wait_for_end(queue, first)
    assert failed.state == "failed"
    assert failed.error
    assert failed.error.code == "job.report-too-large"
    assert len("".join(queue.texts())) < MAX_REPORT_BYTES
    assert wait_for_end(queue, second).state == "done"


def test_watcher_exception_fails_job_and_frees_slot(
    queue_of: OpenQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = queue_of("for i in range(600):\n    log(str(i))\n    time.sleep(0.1)\n", running=1)
    append = queue._events.append
    queue.submit(build_request())
    wait_until(lambda: queue.active)

    def broken(*arguments: object) -> int:
        monkeypatch.setattr(queue._events, "append", append)
        raise MemoryError("no more")

    monkeypatch.setattr(queue._events, "append", broken)
    job = queue.jobs()[0]
    failed = wait_for_end(queue, job)
    assert failed.state == "failed"
    assert failed.error
    assert failed.error.code == "job.not-followed"
    assert "MemoryError" in failed.error.why
    assert ended_after_cancel(queue).state == "cancelled"


def ended_after_cancel(queue: Queue) -> object:
    job = queue.submit(build_request())
    wait_until(lambda: queue.get(job.id).state == "running")
    queue.cancel(job.id)
    return wait_for_end(queue, job)


@linux_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads all")
def test_unreadable_lock_file_does_not_stop_queue(queue_of: OpenQueue, tmp_path: Path) -> None:
    locks = Store(home=tmp_path / "home").home / "locks"
    locks.mkdir(parents=True)
    (locks / "clearing.lock").write_text("")
    (locks / "clearing.lock").chmod(0)
    assert_ends_with_its_own_error(queue_of)


@pytest.mark.parametrize("error", [PermissionError("lock"), ValueError("lock"), OSError(5, "io")])
def test_unsweepable_store_does_not_stop_queue(
    error: Exception, queue_of: OpenQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep(store: Store) -> None:
        raise error

    monkeypatch.setattr(Store, "remove_leftovers", sweep)
    assert_ends_with_its_own_error(queue_of)


def assert_ends_with_its_own_error(queue_of: OpenQueue) -> None:
    own = "say('error', code='own.code', what='a', why='b', fix='c', status=5); sys.exit(5)"
    queue = queue_of(own, running=1)
    for _ in range(2):
        job = wait_for_end(queue, queue.submit(build_request()))
        assert job.state == "failed"
        assert job.error
        assert job.error.code == "own.code"
