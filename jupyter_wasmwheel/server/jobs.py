"""The jobs over HTTP: `jobs`, `jobs/ID`, and what belongs to one. Shapes: docs/rest.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..jobs.database import Job
from ..jobs.queue import Queue, UnknownJob
from ..jobs.request import parse
from .handler import Handler, Refused

#: How many lines of a job's events are read and sent at once.
BATCH = 1000


class NoWheel(UnknownJob):
    """A job has no wheel, or not yet."""

    def __init__(self, job: Job) -> None:
        super(UnknownJob, self).__init__(
            f"There is no wheel of {job.name}.",
            f"The build is {job.state}." if job.state != "done" else "Its file is gone.",
            "Wait until it is done." if job.active else "Build it again.",
        )


class JobsHandler(Handler):
    """`GET jobs`: `{"jobs": [job, …], "seq": N}` · `POST jobs {kind, …}`: 202 and the job."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the jobs, newest first, with the number from which to follow their events."""
        queue = await self.call(self.app.queue)
        head = queue.head  # before the jobs, which may then be newer but not older
        texts = ",".join(job.text for job in queue.jobs())
        self.answer(f'{{"jobs": [{texts}], "seq": {head}}}')

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Take on a job."""
        body = self.body()

        def submit() -> Job:
            return self.app.queue().submit(parse(body, self.app.places))

        job = await self.call(submit)
        self.set_header("Location", f"{self.base_url}wasmwheel/api/jobs/{job.id}")
        self.answer(job.text, 202)


class _OfOne(Handler):
    """A handler for one job."""

    async def queue(self) -> Queue:
        """The queue, opened."""
        return await self.call(self.app.queue)

    async def job(self, name: str) -> Job:
        """The job of that id; 404 where there is none."""
        queue = await self.queue()
        try:
            return queue.get(name)
        except UnknownJob as error:
            raise Refused(error) from error

    async def send(self, texts: Iterator[str]) -> None:
        """Send texts that are read from a file, some at a time."""
        while block := await self.call(lambda: "".join(islice(texts, BATCH))):
            # JSON may hold half of a surrogate pair, which UTF-8 has no way to write.
            self.write(block.encode("utf-8", "replace"))
            await self.flush()


class JobHandler(_OfOne):
    """`GET jobs/ID`: the job · `DELETE jobs/ID`: 204; 409 while it is queued or running."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give a job."""
        self.answer((await self.job(name)).text)

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
        self.answer(job.text, 202 if job.active else 200)


class JobEventsHandler(_OfOne):
    """`GET jobs/ID/events`: `application/x-ndjson`, all that was kept, oldest first."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the events of a job."""
        lines = (await self.queue()).lines((await self.job(name)).id)
        self.set_header("Content-Type", "application/x-ndjson")
        await self.send(line + "\n" for line in lines)
        self.finish(set_content_type="application/x-ndjson")


class LogHandler(_OfOne):
    """`GET jobs/ID/log`: `text/plain`, the texts of its log events."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the log of a job."""
        lines = (await self.queue()).lines((await self.job(name)).id)
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
            raise Refused(NoWheel(job))
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
