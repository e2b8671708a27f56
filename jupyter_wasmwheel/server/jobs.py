"""The routes `jobs` and `jobs/ID/…` (docs/rest.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice

from ..api.errors import Retry
from ..api.events import Diagnostic, Log, decode
from ..api.jobs import Job
from ..jobs.queue import Queue, UnknownJobError, encoded
from ..jobs.resolve import resolve
from .handler import Handler, RefusedError, protected

#: How many events of a job are read and sent at once.
EVENTS_PER_BATCH = 1000


class NoWheelError(UnknownJobError):
    """The job has no wheel."""

    def __init__(self, job: Job) -> None:
        super(UnknownJobError, self).__init__(
            f"{job.name} has no wheel.",
            f"The build is {job.state}." if job.state != "done" else "Its file was deleted.",
            "Wait until it is done." if job.active else "Run the build again.",
            code="job.no-wheel",
            remedies=[] if job.active else [Retry()],
        )


class JobsHandler(Handler):
    """`GET jobs`: `{"jobs": [job, …], "seq": N, "notice"}` · `POST jobs {kind, …}`: 202, a job."""

    @protected
    async def get(self) -> None:
        """List the jobs, newest first, with the number from which to follow their events."""
        queue = await self.call(self.app.queue)
        head = queue.head  # read first: the jobs can then be newer, but not older
        texts = await self.call(lambda: ",".join(queue.texts()))
        notice = json.dumps(queue.notice)
        self.answer(f'{{"jobs": [{texts}], "seq": {head}, "notice": {notice}}}')

    @protected
    async def post(self) -> None:
        """Submit a job."""
        body = self.body()

        def submit() -> Job:
            return self.app.queue().submit(resolve(body, self.app.paths))

        job = await self.call(submit)
        self.set_header("Location", f"{self.base_url}wasmwheel/api/jobs/{job.id}")
        self.answer(encoded(job), 202)


class _OneJobHandler(Handler):
    """A handler for one job."""

    async def queue(self) -> Queue:
        """Return the opened queue."""
        return await self.call(self.app.queue)

    async def job(self, name: str) -> Job:
        """Return the job with an id."""
        return await self.call((await self.queue()).get, name)

    async def send(self, texts: Iterator[str], content_type: str) -> None:
        """Send texts that are read from the database, a batch at a time."""
        self.set_header("Content-Type", content_type)
        while block := await self.call(lambda: "".join(islice(texts, EVENTS_PER_BATCH))):
            self.write(block)
            await self.flush()
        self.finish(set_content_type=content_type)


class JobHandler(_OneJobHandler):
    """`GET jobs/ID`: the job · `DELETE jobs/ID`: 204; 409 if it is queued or running."""

    @protected
    async def get(self, name: str) -> None:
        """Return a job."""
        self.answer(encoded(await self.job(name)))

    @protected
    async def delete(self, name: str) -> None:
        """Delete a job that has ended."""
        await self.call((await self.queue()).remove, name)
        self.set_status(204)
        self.finish()


class CancelHandler(_OneJobHandler):
    """`POST jobs/ID/cancel`: 202 and the job, or 200 if it has already ended."""

    @protected
    async def post(self, name: str) -> None:
        """Cancel a job."""
        job = await self.call((await self.queue()).cancel, name)
        self.answer(encoded(job), 202 if job.active else 200)


class JobEventsHandler(_OneJobHandler):
    """`GET jobs/ID/events`: all events of a job as `application/x-ndjson`, oldest first."""

    @protected
    async def get(self, name: str) -> None:
        """Send the events of a job."""
        lines = await self.call((await self.queue()).lines, name)
        await self.send((f"{line}\n" for line in lines), "application/x-ndjson")


class LogHandler(_OneJobHandler):
    """`GET jobs/ID/log`: the log as `text/plain`."""

    @protected
    async def get(self, name: str) -> None:
        """Send the log of a job."""
        lines = await self.call((await self.queue()).lines, name)
        await self.send(_texts(lines), "text/plain; charset=utf-8")


class WheelHandler(_OneJobHandler):
    """`GET jobs/ID/wheel?target=ABI`: the wheel (for a target) as an attachment; 404 without."""

    @protected
    async def get(self, name: str) -> None:
        """Send the wheel that a job built."""
        job = await self.job(name)
        abi = self.get_argument("target", None)
        path = await self.call((await self.queue()).wheel, job.id, abi)
        if path is None:
            raise RefusedError(NoWheelError(job))
        self.set_attachment_header(path.name)
        self.set_header("Content-Type", "application/zip")
        with await self.call(path.open, "rb") as stream:
            read: Callable[[int], bytes] = stream.read
            while chunk := await self.call(read, 1 << 20):
                self.write(chunk)
                await self.flush()
        self.finish(set_content_type="application/zip")


def _texts(lines: Iterator[str]) -> Iterator[str]:
    for event, _ in decode(line.encode() for line in lines):
        match event:
            case Log():
                yield f"{event.text}\n"
            case Diagnostic():
                yield f"{event.rendered.rstrip()}\n"
