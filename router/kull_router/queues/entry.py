"""Events on their way into a queue, and entries that lie in it. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

from kull_protos.common.tracing import TRACEPARENT
from kull_protos.contract import addresses

NO_PROGRESS: Final = -1  # of what counts nothing


class Contract(Enum):
    """How an event is kept."""

    EVERY = "every"  # each one counts
    LATEST = "latest"  # only the newest per key counts
    EPHEMERAL = "ephemeral"  # only now, never stored


class Identity(NamedTuple):
    """What makes an event a repeat at its address: services and types have ids of their own.

    Of ids that older versions have remembered only `id` is known, see `rules.plan`.
    """

    id: str
    type: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, addressed and ready to be stored.

    Attributes:
        id: unique at the address for its type and service.
        address: `user:<id>`, `room:<name>` or `all`.
        type: e.g. `CREDIT_UPDATE`.
        service: who published it, by its own word.
        body: the JSON envelope without `seq`: UTF-8, begins with `{"`.
        key: with LATEST: entries of one key replace each other. Else empty.
        run: with LATEST: names one run of whoever published it. Else, or if unknown, empty.
        version: with LATEST: what the run says later has a higher one. Else 0.
        progress: with LATEST: how far what it counts is, 0 when it begins; or NO_PROGRESS.
        late: with LATEST: it had to wait before it was published. Not stored.
        final: with LATEST: nothing more is to come (a finished shoot).
        exclude_device: the device that caused it and must not get it; empty: none.
        created_ms: milliseconds since the Unix epoch, starts the retention.
        trace: traceparent of the step that it comes from; empty: it is not traced. Not stored.
        published_ms: when it happened, by the publisher's clock; 0: it does not say. Not stored.
    """

    id: str
    address: str
    type: str
    contract: Contract
    body: bytes
    key: str = ""
    version: int = 0
    final: bool = False
    exclude_device: str = ""
    created_ms: int = 0
    service: str = ""
    run: str = ""
    progress: int = NO_PROGRESS
    late: bool = field(default=False, compare=False)
    trace: str = field(default="", compare=False)
    published_ms: int = field(default=0, compare=False)

    @property
    def identity(self) -> Identity:
        """What a repeat shares with it."""
        return Identity(self.id, self.type, self.service)

    @property
    def stored(self) -> Event:
        """It as a queue keeps it: without what counts on its way only."""
        return replace(self, late=False, trace="", published_ms=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored event of a queue, at its position."""

    seq: int
    event: Event


def message_of(event: Event, seq: int) -> bytes:
    """Return the WebSocket text of an event: its body with `seq` and, if not the user's, `queue`.

    With the `traceparent` of one that is traced.

    The body's bytes are spliced, never parsed: they were validated once when they came in.
    """
    head = f'"seq":{seq},' if seq else ""
    if not addresses.is_user(event.address):
        head += f'"queue":{_quoted(event.address)},'
    if event.trace:
        head += f'"{TRACEPARENT}":"{event.trace}",'
    return b"{" + head.encode() + event.body[1:]


def _quoted(address: str) -> str:
    # Addresses hold no control characters, so these two are all that JSON wants escaped.
    escaped = address.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
