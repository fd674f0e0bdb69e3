"""The publisher for code without asyncio: the same calls, blocking, from any thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from kull_producers.errors import PublisherClosed
from kull_producers.events.event import Event
from kull_producers.publishing.event_methods import SyncEventMethods
from kull_producers.publishing.publisher import Publisher
from kull_producers.publishing.stats import PublisherStats

T = TypeVar("T")


class SyncPublisher(SyncEventMethods):
    """Runs a `Publisher`, which it owns, on a thread and event loop of its own.

    Each call blocks until the event is confirmed, and raises what `Publisher` raises. Calls from
    several threads are under way concurrently. Closing waits for them and joins the thread.

    A process that is forked does not inherit the thread: open the publisher in the child. Calls of
    one that was opened before raise PublisherClosed there, at once.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._process = 0

    @property
    def stats(self) -> PublisherStats:
        """See `Publisher.stats`."""
        return self._publisher.stats

    def publish(
        self,
        event: Event,
        *,
        user_id: str | None = None,
        room: str | None = None,
        everybody: bool = False,
        rooms: Sequence[str] = (),
        idempotency_key: str | None = None,
        app_id: str | None = None,
        traceparent: str = "",
    ) -> str:
        """See `Publisher.publish`."""
        return self._call(
            self._publisher.publish(
                event,
                user_id=user_id,
                room=room,
                everybody=everybody,
                rooms=rooms,
                idempotency_key=idempotency_key,
                app_id=app_id,
                traceparent=traceparent,
            )
        )

    def __enter__(self) -> Self:
        """Start the thread and connect. Raises what `async with` of `Publisher` raises."""
        if self._thread is not None:
            raise PublisherClosed("the publisher has been opened before: make a new one")
        self._process = os.getpid()
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(opened)), name="kull-publisher", daemon=True
        )
        self._thread.start()
        try:
            opened.result()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the calls under way, disconnect and join the thread."""
        self._close()

    async def _serve(self, opened: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._publisher:
                opened.set_result(None)
                await self._stop.wait()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    def _close(self) -> None:
        loop, self._loop = self._loop, None
        if self._process != os.getpid():
            return  # the loop and its pipe are the parent's
        if loop is not None and self._stop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    def _call(self, call: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        if loop is None:
            call.close()
            raise PublisherClosed("the publisher is not open: use it inside `with`")
        if self._process != os.getpid():
            call.close()
            raise PublisherClosed(
                "the publisher was opened before this process was forked: open one in the child "
                "(gunicorn: post_fork, Celery: worker_process_init)"
            )
        future = asyncio.run_coroutine_threadsafe(call, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
