"""What a publisher adds to an event: its id, its time and its place among what it says. PURE."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kull_producers.contract.limits import MAX_EVENT_ID_CHARS
from kull_producers.contract.texts import CONTROL
from kull_producers.errors import InvalidEvent

MAX_ID_BYTES: Final = 255  # what AMQP's message_id holds
_CONTROL = re.compile(f"[{CONTROL}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The circumstances of one event.

    Attributes:
        id: a repeat with the same id, type, app_id and address is a duplicate.
        timestamp_ms: milliseconds since the Unix epoch.
        run: names one run of the publisher; empty: unknown.
        version: what the same run says later has a higher one.
        app_id: the service that publishes; its ids are its own.
        traceparent: W3C trace context, empty if there is none.
    """

    id: str
    timestamp_ms: int
    run: str = ""
    version: int = 0
    app_id: str = ""
    traceparent: str = ""


class Stamper:
    """Stamps the events of one run of a publisher in the order of the calls.

    Args:
        now: seconds since the Unix epoch, for people: nothing is ordered by it.
        randomness: returns that many random bytes.
        app_id: the service that publishes, unless a call says another.
        process: tells one process from another; after a fork each is a run of its own.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        randomness: Callable[[int], bytes],
        app_id: str,
        process: Callable[[], int] = lambda: 0,
    ) -> None:
        try:
            self._app_id = check_app_id(app_id)
        except InvalidEvent as error:
            raise ValueError(str(error)) from None
        self._now = now
        self._randomness = randomness
        self._process = process
        self._begin_run()

    def stamp(
        self, event_id: str | None = None, *, app_id: str | None = None, traceparent: str = ""
    ) -> Stamp:
        """Return the stamp of the next event; its id is new unless given. Raises InvalidEvent."""
        service = self._app_id if app_id is None else check_app_id(app_id)
        timestamp_ms = max(0, int(self._now() * 1000))
        if self._process() != self._runs_in:
            self._begin_run()
        self._version += 1
        if event_id is None:
            event_id = uuid7(timestamp_ms, self._randomness(10))
        return Stamp(
            id=check_id(event_id),
            timestamp_ms=timestamp_ms,
            run=self._run,
            version=self._version,
            app_id=service,
            traceparent=traceparent,
        )

    def _begin_run(self) -> None:
        self._runs_in = self._process()
        self._run = self._randomness(8).hex()
        self._version = 0


def check_id(event_id: str) -> str:
    """Return the id if it can identify an event, else raise InvalidEvent saying why."""
    if not isinstance(event_id, str) or not 1 <= len(event_id) <= MAX_EVENT_ID_CHARS:
        raise InvalidEvent(f"an event id must be a text of 1 to {MAX_EVENT_ID_CHARS} characters")
    return _check_text("an event id", event_id)


def check_app_id(app_id: str) -> str:
    """Return the name of a service if AMQP can carry it, else raise InvalidEvent saying why."""
    if not isinstance(app_id, str):
        raise InvalidEvent("app_id must be a text")
    return _check_text("app_id", app_id)


def _check_text(name: str, text: str) -> str:
    if _CONTROL.search(text):
        raise InvalidEvent(f"{name} must not hold control characters")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidEvent(f"{name} must not hold lone surrogates") from None
    if size > MAX_ID_BYTES:
        raise InvalidEvent(f"{name} must be at most {MAX_ID_BYTES} bytes, not {size}")
    return text


def uuid7(timestamp_ms: int, randomness: bytes) -> str:
    """Return a UUID version 7 (RFC 9562): ids sort by time. `randomness` is 10 bytes."""
    value = (timestamp_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(randomness[:10])
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
