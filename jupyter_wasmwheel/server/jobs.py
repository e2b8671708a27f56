"""The jobs over HTTP: `jobs`, `jobs/ID`, and what belongs to one. Shapes: docs/rest.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..api.errors import Retry
from ..api.jobs import Job
from ..jobs.queue import Queue, UnknownJobError, encoded
from ..jobs.resolve import resolve
from .handler import Handler, RefusedError

#: How many lines of a job's events are read and sent at once.
BATCH = 1000


class NoWheelError(UnknownJobError):
    """A job has no wheel, or not yet."""

    def __init__(self, job: Job) -> None:
        super(UnknownJobError, self).__init__(
            f"{job.name} has no wheel.",
            f"The build is {job.state}." if job.state != "done" else "Its file was deleted.",
            "Wait until it is done." if job.active else "Build it again.",
            code="job.no-wheel",
            remedies=[] if job.active else [Retry()],
        )


class JobsHandler(Handler):
    """`GET jobs`: `{"jobs": [job, …], "seq": N, "notice"}` · `POST jobs {kind, …}`: 202, a job."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the jobs, newest first, with the number from which to follow their events."""
        queue = await self.call(self.app.queue)
        head = queue.head  # before the jobs, which may then be newer but not older
        texts = await self.call(lambda: ",".join(queue.texts()))
        notice = json.dumps(queue.notice)
        self.answer(f'{{"jobs": [{texts}], "seq": {head}, "notice": {notice}}}')

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Take on a job."""
        body = self.body()

        def submit() -> Job:
            return self.app.queue().submit(resolve(body, self.app.paths))

        job = await self.call(submit)
        self.set_header("Location", f"{self.base_url}wasmwheel/api/jobs/{job.id}")
        self.answer(encoded(job), 202)


class _OfOne(Handler):
    """A handler for one job."""

    async def queue(self) -> Queue:
        """The queue, opened."""
        return await self.call(self.app.queue)

    async def job(self, name: str) -> Job:
        """The job of that id; 404 where there is none."""
        queue = await self.queue()
        return await self.call(queue.get, name)

    async def send(self, texts: Iterator[str]) -> None:
        """Send texts that are read from a file, some at a time."""
        while block := await self.call(lambda: "".join(islice(texts, BATCH))):
            self.write(block)
            await self.flush()


class JobHandler(_OfOne):
    """`GET jobs/ID`: the job · `DELETE jobs/ID`: 204; 409 while it is queued or running."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give a job."""
        self.answer(encoded(await self.job(name)))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Delete a job that has ended."""
        queue = await self.queue()
        await self.call(queue.remove, name)
        self.set_status(204)
        self.finish()


class CancelHandler(_OfOne):
    """`POST jobs/ID/cancel`: 202 and the job, or 200 where it had ended already."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Stop a job."""
        queue = await self.queue()
        job = await self.call(queue.cancel, name)
        self.answer(encoded(job), 202 if job.active else 200)


class JobEventsHandler(_OfOne):
    """`GET jobs/ID/events`: `application/x-ndjson`, all that was kept, oldest first."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the events of a job."""
        lines = await self.call((await self.queue()).lines, name)
        self.set_header("Content-Type", "application/x-ndjson")
        await self.send(line + "\n" for line in lines)
        self.finish(set_content_type="application/x-ndjson")


class LogHandler(_OfOne):
    """`GET jobs/ID/log`: `text/plain`, the texts of its log events."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the log of a job."""
        lines = await self.call((await self.queue()).lines, name)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        await self.send(_texts(lines))
        self.finish(set_content_type="text/plain; charset=utf-8")


class WheelHandler(_OfOne):
    """`GET jobs/ID/wheel`: the wheel, as an attachment; 404 where there is none."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the wheel that a job made."""
        job = await self.job(name)
        queue = await self.queue()
        path = await self.call(queue.wheel, job.id)
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
    for line in lines:
        event = json.loads(line)
        if event["kind"] == "log":
            yield f"{event['text']}\n"
        elif event["kind"] == "diagnostic":
            yield f"{str(event['rendered']).rstrip()}\n"
