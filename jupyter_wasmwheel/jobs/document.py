"""The document of a job: its request, as `request.json` in its folder.

Logins in addresses are not written there: they reach the worker in a file that is read once
(credentials.py).
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

import msgspec

from .. import credentials
from ..api.requests import EditsRequest, JobRequest

#: The name of the file.
REQUEST = "request.json"

#: The environment variable with the job's id, which identifies its processes.
JOB = "WASMWHEEL_JOB"
_DECODER: msgspec.json.Decoder[JobRequest] = msgspec.json.Decoder(JobRequest)


def write(folder: Path, request: JobRequest | EditsRequest) -> Path | None:
    """Write a request into a job's folder; return the file with its logins, None without any."""
    (text,), logins = credentials.write([msgspec.json.encode(request).decode()])
    (folder / REQUEST).write_text(text, encoding="utf-8")
    return logins


def read(folder: Path, environ: MutableMapping[str, str] = os.environ) -> JobRequest:
    """Return the request in a job's folder; the file with its logins is deleted."""
    return _DECODER.decode(_text(folder, environ))


def read_edits(folder: Path, environ: MutableMapping[str, str] = os.environ) -> EditsRequest:
    """Return the request in the folder of a preview; the file with its logins is deleted."""
    return msgspec.json.decode(_text(folder, environ), type=EditsRequest)


def _text(folder: Path, environ: MutableMapping[str, str]) -> str:
    (text,) = credentials.read([(folder / REQUEST).read_text(encoding="utf-8")], environ)
    return text
