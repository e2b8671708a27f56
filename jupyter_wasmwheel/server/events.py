"""The one stream of events for all jobs: `GET events?after=SEQ`, as `text/event-stream`.

The format is the HTML standard's "Server-sent events". What a client missed is read from the
database; what comes is put on each client's own list, which is bounded. A client that
does not keep up is hung up on; it comes back with the number that it saw last, and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from ..api.errors import UsageError
from ..jobs.queue import BusyError, Queue
from .handler import Handler, RefusedError

#: Seconds between comments that keep proxies from closing a silent stream.
KEEP_ALIVE_S = 25.0

#: Seconds for which events are gathered before they are handed on, and for which a client may
#: leave what was sent unread.
BATCH_DELAY_S, SEND_TIMEOUT_S = 0.03, 30.0

#: How much may wait for a client, in characters, and how many clients there may be.
MAX_WAITING_LENGTH, MAX_CLIENTS = 4_000_000, 100

#: How many events are read from the files at once.
BATCH = 500


class Subscriber:
    """A client's list of the events that wait for it; `lost` once it is to be let go."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, str]] = []
        self.size = 0
        self.lost = False
        self.more = asyncio.Event()

    def add(self, events: list[tuple[int, str]], size: int) -> None:
        """Put events on the list."""
        if self.lost:
            return
        self.size += size
        if self.size > MAX_WAITING_LENGTH:
            self.leave()
        else:
            self.waiting += events
            self.more.set()

    def leave(self) -> None:
        """Let the client go: it has gone, or has not kept up."""
        self.lost, self.waiting = True, []
        self.more.set()

    def take(self) -> list[tuple[int, str]]:
        """Empty the list."""
        taken, self.waiting, self.size = self.waiting, [], 0
        self.more.clear()
        return taken


class Stream:
    """Hands what jobs tell, from any thread, to the clients on the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[tuple[int, str]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._subscribers: set[Subscriber] = set()

    def tell(self, seq: int, text: str) -> None:
        """Take an event; the loop is woken once for all that come close together."""
        with self._lock:
            loop = self._loop
            if loop is None:
                return
            self._told.append((seq, text))
            if len(self._told) > 1:
                return
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(loop.call_later, BATCH_DELAY_S, self._hand_on)

    def _hand_on(self) -> None:
        with self._lock:
            told, self._told = self._told, []
        size = sum(len(text) for _, text in told)
        for subscriber in self._subscribers:
            subscriber.add(told, size)

    def end(self) -> None:
        """Let all clients go."""
        for subscriber in self._subscribers:
            subscriber.leave()

    async def follow(
        self, subscriber: Subscriber, queue: Queue, after: int | None, handler: Handler
    ) -> AsyncIterator[str]:
        """The events after a number, then those that come, as blocks of the stream's text."""
        last = queue.head
        yield "retry: 1000\n\n"
        if after is not None and after < last:
            kept = queue.replay(after, last)
            while block := await handler.call(lambda: list(islice(kept, BATCH))):
                yield _block(block)
        while not subscriber.lost:
            try:
                await asyncio.wait_for(subscriber.more.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            # What was read from the files may have been told a second time.
            new = [(seq, text) for seq, text in subscriber.take() if seq > last]
            if new:
                last = new[-1][0]
                yield _block(new)

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Subscriber]:
        """Hand a client what comes, for as long as the context lasts; called on the loop."""
        if len(self._subscribers) >= MAX_CLIENTS:
            raise RefusedError(
                BusyError(
                    "Too many pages follow builds.",
                    f"This server serves {MAX_CLIENTS} at once.",
                    "Close some of them.",
                    code="server.too-many-clients",
                )
            )
        self._loop = asyncio.get_running_loop()
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)


def _block(events: list[tuple[int, str]]) -> str:
    return "".join(f"id: {seq}\ndata: {text}\n\n" for seq, text in events)


class EventsHandler(Handler):
    """`GET events?after=SEQ`: `text/event-stream`; 503 where too many follow already."""

    _subscriber: Subscriber | None = None

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Send what came after a number, then what comes, until the client goes."""
        after = self._after()
        queue = await self.call(self.app.queue)
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would gather events otherwise
        self.update_api_activity()
        stream: Stream = self.settings["wasmwheel"].stream
        with stream.subscribe() as self._subscriber:
            async for block in stream.follow(self._subscriber, queue, after, self):
                self.write(block)
                try:
                    await asyncio.wait_for(self.flush(), SEND_TIMEOUT_S)
                except (StreamClosedError, TimeoutError):
                    self._hang_up()
                    return

    def on_connection_close(self) -> None:
        """Notice that the client has gone."""
        super().on_connection_close()
        if self._subscriber:
            self._subscriber.leave()

    def _after(self) -> int | None:
        text = self.request.headers.get("Last-Event-ID") or self.get_argument("after", None)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 17):
            raise RefusedError(
                UsageError(
                    "Invalid event number.",
                    f"`after` is {text!r:.40}.",
                    "Give the `seq` of the last event that was seen, or leave it away.",
                    code="request.invalid-event-number",
                )
            )
        return int(text)

    def _hang_up(self) -> None:
        # An orderly end would wait until the client has read all.
        if self.request.connection:
            self.detach().close()
