"""Events of a cluster: only a job's own worker can send those of the job."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from jupyter_wasmwheel.jobs import cluster
from jupyter_wasmwheel.jobs.payload import JobMessage, JobResult, from_event, to_event

SECRETS = {"mine": b"m" * 32, "other": b"o" * 32}


def message(job: str = "mine", number: int = 1) -> JobMessage:
    return JobMessage(
        job=job, attempt="a", worker="w", folder="/there", number=number, lines=[b"{}"]
    )


def forged(**changes: Any) -> dict[str, Any]:
    """Return a signed event with some fields changed."""
    return to_event(message(), SECRETS["mine"]) | changes


def test_event_of_worker_is_accepted() -> None:
    assert from_event(to_event(message(), SECRETS["mine"]), SECRETS) == message()


@pytest.mark.parametrize(
    "event",
    [
        forged(message=msgspec.msgpack.encode(message(number=2))),
        forged(signature=b""),
        forged(signature="text"),
        forged(signature=None),
        to_event(message(), SECRETS["other"]),
        to_event(message("unknown"), SECRETS["mine"]),
        {"message": msgspec.msgpack.encode(message())},
        {"message": b"\xff", "signature": b""},
        {},
        "text",
        None,
    ],
)
def test_event_that_worker_did_not_sign_is_ignored(event: Any) -> None:
    assert from_event(event, SECRETS) is None


def test_worker_cannot_report_publication(tmp_path: Any) -> None:
    published = {"site": "/site", "url": "javascript:alert(1)"}
    inner = {"wheel": "/there/b.whl", "published": published}
    report = {"wheel": "/there/a.whl", "published": published, "built_along": [inner]}
    cluster._relocate(report, tmp_path)
    assert report["published"] is None
    assert inner["published"] is None


RESULT = {"status": 0, "last_words": "", "wheels": {}, "sent": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"last_words": "w" * 30_000_000},
        {"last_words": None},
        {"status": 2**62},
        {"sent": 2**62},
        {"sent": -1},
        {"wheels": {"w" * 20_000: b""}},
        {"wheels": {"a.whl": "text"}},
    ],
)
def test_result_of_a_worker_is_decoded_strictly(changes: dict[str, Any]) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(RESULT), type=JobResult)
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(RESULT | changes), type=JobResult)
