"""The event stream of all jobs: `GET events?after=SEQ`, as `text/event-stream`.

The format is the HTML standard's "Server-sent events". Missed events are read from the database;
new ones are put into each client's own, bounded list. A client that does not keep up is
disconnected; it reconnects with the number of the last event that it received, and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from tornado.iostream import StreamClosedError

from ..api.errors import UsageError
from ..jobs.queue import BusyError, Queue
from .handler import Handler, RefusedError, protected

#: Seconds between comments that keep proxies from closing a silent stream.
KEEP_ALIVE_S = 25.0

#: Seconds for which events are collected before they are handed to clients.
BATCH_DELAY_S = 0.03

#: Seconds for which a client can leave sent data unread.
SEND_TIMEOUT_S = 30.0

#: How many characters can wait for a client.
MAX_WAITING_LENGTH = 4_000_000

#: How many clients can follow events at once.
MAX_CLIENTS = 100

#: How many events are read from the database at once.
EVENTS_PER_BATCH = 500


class Subscriber:
    """The events that wait for a client; `lost` once the client has to be disconnected."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, str]] = []
        self.size = 0
        self.lost = False
        self.more = asyncio.Event()

    def add(self, events: list[tuple[int, str]], size: int) -> None:
        """Add events."""
        if self.lost:
            return
        self.size += size
        if self.size > MAX_WAITING_LENGTH:
            self.disconnect()
        else:
            self.waiting += events
            self.more.set()

    def disconnect(self) -> None:
        """Drop the client: it has gone, or it does not keep up."""
        self.lost, self.waiting = True, []
        self.more.set()

    def take(self) -> list[tuple[int, str]]:
        """Return the waiting events and remove them."""
        taken, self.waiting, self.size = self.waiting, [], 0
        self.more.clear()
        return taken


class Stream:
    """Passes events of jobs from any thread to the clients on the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pushed: list[tuple[int, str]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._subscribers: set[Subscriber] = set()

    def push(self, seq: int, text: str) -> None:
        """Add an event; events in quick succession wake the loop once."""
        with self._lock:
            loop = self._loop
            if loop is None:
                return
            self._pushed.append((seq, text))
            if len(self._pushed) > 1:
                return
        with contextlib.suppress(RuntimeError):  # the loop is closed: no client is left
            loop.call_soon_threadsafe(loop.call_later, BATCH_DELAY_S, self._hand_on)

    def _hand_on(self) -> None:
        with self._lock:
            pushed, self._pushed = self._pushed, []
        size = sum(len(text) for _, text in pushed)
        for subscriber in self._subscribers:
            subscriber.add(pushed, size)

    def end(self) -> None:
        """Disconnect all clients."""
        for subscriber in self._subscribers:
            subscriber.disconnect()

    async def follow(
        self, subscriber: Subscriber, queue: Queue, after: int | None, handler: Handler
    ) -> AsyncIterator[str]:
        """Yield blocks of the stream's text: the events after a number, then new ones."""
        last = queue.head
        yield "retry: 1000\n\n"
        if after is not None and after < last:
            kept = queue.replay(after, last)
            while block := await handler.call(lambda: list(islice(kept, EVENTS_PER_BATCH))):
                yield _block(block)
        while not subscriber.lost:
            try:
                await asyncio.wait_for(subscriber.more.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            # Events that were read from the database can have been pushed as well.
            new = [(seq, text) for seq, text in subscriber.take() if seq > last]
            if new:
                last = new[-1][0]
                yield _block(new)

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Subscriber]:
        """Pass new events to a client while the context lasts; call it on the loop."""
        if len(self._subscribers) >= MAX_CLIENTS:
            raise RefusedError(
                BusyError(
                    "Too many open event streams.",
                    f"This server allows {MAX_CLIENTS} at once.",
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
    """`GET events?after=SEQ`: `text/event-stream`; 503 if too many clients follow already."""

    _subscriber: Subscriber | None = None

    @protected
    async def get(self) -> None:
        """Send the events after a number, then new ones, until the client disconnects."""
        after = self._after()
        queue = await self.call(self.app.queue)
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would buffer events otherwise
        self.update_api_activity()
        stream: Stream = self.settings["wasmwheel"].stream
        with stream.subscribe() as self._subscriber:
            async for block in stream.follow(self._subscriber, queue, after, self):
                self.write(block)
                try:
                    await asyncio.wait_for(self.flush(), SEND_TIMEOUT_S)
                except (StreamClosedError, TimeoutError):
                    # An orderly end would wait until the client has read all.
                    if self.request.connection:
                        self.detach().close()
                    return

    def on_connection_close(self) -> None:
        """Drop the client when it has gone."""
        super().on_connection_close()
        if self._subscriber:
            self._subscriber.disconnect()

    def _after(self) -> int | None:
        text = self.request.headers.get("Last-Event-ID") or self.get_argument("after", None)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 17):
            raise RefusedError(
                UsageError(
                    f"Invalid event number {text!r:.40}.",
                    "`after` must be a number of at most 16 digits.",
                    "Set it to the `seq` of the last event that you received, or omit it.",
                    code="request.invalid-event-number",
                )
            )
        return int(text)
