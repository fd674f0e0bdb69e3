"""One session in one queue: the two modes and the window. PURE.

    attaching ──Subscribed──▶ catching up ⇄ live
        ▲                        │            │
        └──────owner lost────────┴────────────┘

- live: pushes are written at once, as long as the window has room.
- catching up: pushes are only noted; the edge pulls from the log, and flips to live when an answer
  reaches everything that was pushed meanwhile.

`through` is the covered position: everything up to it was written to the device or is not meant
for it. It never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from kull_edge.measures.deliveries import DeliveryMeasures
from kull_edge.protocol.outgoing import OutMessage
from kull_protos.mesh.v1.attach_pb2 import Batch, Subscribed


class SubscriptionKey(NamedTuple):
    """Names a subscription within an edge."""

    session_id: int
    address: str


class Mode(Enum):
    """See the picture above."""

    ATTACHING = auto()
    CATCHING_UP = auto()
    LIVE = auto()


class Outcome(Enum):
    """What a Subscribed meant."""

    STALE = auto()  # of an older term, or not awaited
    FIRST = auto()  # the session follows the queue now
    AGAIN = auto()  # it follows it at another owner, nothing was lost
    LOST = auto()  # the same, but entries are gone: the device must refetch its state
    OTHER_EPOCH = auto()  # the log itself is another one: positions are worthless


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much may be unacknowledged: messages, and bytes of their text. One always fits."""

    messages: int
    bytes: int


class Subscription:
    """See the module's text. Attributes are for reading only, but for `writable`.

    `now`: seconds of a monotonic clock, for `measures`; 0: it is not measured.
    """

    __slots__ = (
        "_device_id",
        "_measures",
        "_notices",
        "_open",
        "_open_bytes",
        "_presence_floor",
        "_pushed",
        "_reported",
        "_stuffed",
        "_window",
        "address",
        "epoch",
        "fetching",
        "link",
        "mode",
        "term",
        "through",
        "writable",
    )

    def __init__(
        self,
        address: str,
        *,
        device_id: str,
        window: Window,
        writable: bool = True,
        measures: DeliveryMeasures | None = None,
    ) -> None:
        self._measures = measures or DeliveryMeasures()
        self.address = address
        self.mode = Mode.ATTACHING
        self.link = ""  # where it was subscribed; empty: nowhere
        self.term = 0
        self.epoch = ""  # empty until the first Subscribed
        self.through = 0
        self._reported = 0  # the acknowledgement that the router was told last
        self.fetching = 0  # id of the unanswered Fetch; 0: none
        self.writable = writable  # whether the socket takes more
        self._device_id = device_id
        self._window = window
        # Written, not acknowledged: seq, size, when it was written, when it was published.
        # A deque keeps 600 bytes when it is empty.
        self._open: list[tuple[int, int, float, float]] = []
        self._open_bytes = 0
        self._stuffed = False  # the next message did not fit: only an acknowledgement changes that
        # Behind these positions, the oldest first, the device was told of a loss, or that this is
        # its first contact. Until it acknowledges something that came after a notice nobody knows
        # whether it has arrived: the cursor must stay.
        self._notices: tuple[int, ...] = ()  # mostly empty: then it costs no memory
        self._pushed = 0  # highest seq pushed since the subscription
        self._presence_floor = 0  # presence up to here is part of WELCOME already

    @property
    def established(self) -> bool:
        """Whether the session was ever told that it follows this queue."""
        return bool(self.epoch)

    @property
    def acked(self) -> int:
        """The position up to which everything is processed or was not meant for the device."""
        position = self._open[0][0] - 1 if self._open else self.through
        return min(position, self._notices[0]) if self._notices else position

    @property
    def last_open(self) -> int:
        """Seq of the newest unacknowledged message, 0 if none is."""
        return self._open[-1][0] if self._open else 0

    @property
    def unacknowledged(self) -> int:
        """How many messages were written and are not acknowledged."""
        return len(self._open)

    @property
    def attached(self) -> bool:
        """Whether an owner serves it."""
        return self.mode is not Mode.ATTACHING

    @property
    def live(self) -> bool:
        """Whether pushes are written at once."""
        return self.mode is Mode.LIVE

    @property
    def unreported(self) -> bool:
        """Whether there is something that `report` would return."""
        return self.acked > self._reported

    def report(self) -> int | None:
        """Return the acknowledged position for the owner, which then counts as told.

        None: it knows, or there is no owner: the next Subscribe will tell.
        """
        # Asked after every push: what stands behind this has not moved.
        if (self._open[0][0] - 1 if self._open else self.through) <= self._reported:
            return None
        acked = self.acked
        if acked <= self._reported or self.mode is Mode.ATTACHING:
            return None
        self._reported = acked
        return acked

    def begin(self, link: str, term: int) -> None:
        """A Subscribe goes to this owner now; only its answer counts from here on."""
        self.detach()
        self.link, self.term = link, term
        self._reported = self.acked

    def detach(self) -> None:
        """The owner is gone: wait for another. What was written stays written."""
        self.mode = Mode.ATTACHING
        self.link = ""
        self.fetching = 0
        self._pushed = 0

    def subscribed(self, answer: Subscribed) -> Outcome:
        """Take the owner's answer and go live, or catch up from the position it names."""
        if self.mode is not Mode.ATTACHING or answer.term < self.term:
            return Outcome.STALE
        if self.established and answer.epoch != self.epoch:
            return Outcome.OTHER_EPOCH
        first = not self.established
        if first:
            self.epoch = answer.epoch
            self._reported = answer.after
            self._presence_floor = answer.head
        self.term = answer.term
        if answer.first or not answer.recovered:
            self._lose(answer.after if first else self.through)
        self.through = max(self.through, answer.after)
        self._flip_if_complete(answer.head)
        if first:
            return Outcome.FIRST
        return Outcome.AGAIN if answer.recovered else Outcome.LOST

    def push(self, term: int, messages: Sequence[OutMessage], now: float = 0.0) -> list[OutMessage]:
        """Take a contiguous run of new entries and return what is to be written now."""
        if term < self.term:
            return []
        if term > self.term:
            self.term = term
            self._catch_up()
        written: list[OutMessage] = []
        for message in messages:
            if not message.seq:
                if self.established and self.writable and message.exclude != self._device_id:
                    written.append(message)
                continue
            self._pushed = max(self._pushed, message.seq)
            if self.mode is not Mode.LIVE or message.seq <= self.through:
                continue
            # Behind a hole (a push that got lost) or a full window only the log helps.
            if message.seq > self.through + 1 or not self._take(message, written, now):
                self._catch_up()
        self._measures.delivered.value += len(written)
        return written

    def batch(
        self, answer: Batch, messages: Sequence[OutMessage], now: float = 0.0
    ) -> list[OutMessage]:
        """Take the answer to a Fetch and return what is to be written now."""
        valid = self.awaits(answer)
        if answer.request_id == self.fetching:
            self.fetching = 0
        if not valid:
            return []
        self.term = answer.term
        if answer.lost:
            self._lose(self.through)
        written: list[OutMessage] = []
        whole = all(
            self._take(message, written, now) for message in messages if message.seq > self.through
        )
        self._measures.delivered.value += len(written)
        if not whole:
            return written
        self.through = max(self.through, answer.through)
        self._flip_if_complete(answer.head)
        return written

    def awaits(self, answer: Batch) -> bool:
        """Whether this is the answer to the open Fetch and can be used."""
        return answer.request_id == self.fetching and not answer.error and answer.term >= self.term

    def fetch(self, request_id: int) -> None:
        """A Fetch goes out: only the answer with this id counts."""
        self.fetching = request_id

    def gap(self, term: int) -> None:
        """Pushes were dropped on their way here."""
        if term >= self.term:
            self.term = term
            self._catch_up()
            self._measures.gaps.value += 1

    def ack(self, seq: int, now: float = 0.0) -> None:
        """The device has processed everything up to `seq`; what was not sent cannot be meant."""
        taken = 0
        for acked, size, written, published in self._open:
            if acked > seq:
                break
            taken += 1
            if now:
                self._measures.acknowledged(written, published, now)
            self._open_bytes -= size
            while self._notices and acked > self._notices[0]:
                self._notices = self._notices[1:]
        if taken:
            del self._open[:taken]
            self._stuffed = False

    def fetch_size(self) -> tuple[int, int] | None:
        """Return (entries, bytes) to fetch after `through`, or None if nothing is to be fetched."""
        if self.mode is not Mode.CATCHING_UP or self.fetching or not self.writable or self._stuffed:
            return None
        messages = self._window.messages - len(self._open)
        size = self._window.bytes - self._open_bytes
        if self._open and (messages <= 0 or size <= 0):
            return None
        return max(messages, 1), max(size, 1)

    def _lose(self, after: int) -> None:
        if not self._notices or after > self._notices[-1]:
            self._notices += (after,)

    def _flip_if_complete(self, head: int) -> None:
        # A read is not atomic with pushes: it counts only if it reaches all that was pushed.
        complete = self.through >= max(head, self._pushed)
        self.mode = Mode.LIVE if complete else Mode.CATCHING_UP

    def _catch_up(self) -> None:
        if self.mode is Mode.LIVE:
            self.mode = Mode.CATCHING_UP

    def _take(self, message: OutMessage, written: list[OutMessage], now: float) -> bool:
        """Write or skip the next message; False if it has to wait."""
        skip = message.exclude == self._device_id or (
            message.presence and message.seq <= self._presence_floor
        )
        if not skip:
            if not self._fits(len(message.text)):
                return False
            self._open.append((message.seq, len(message.text), now, message.published))
            self._open_bytes += len(message.text)
            written.append(message)
        self.through = message.seq
        return True

    def _fits(self, size: int) -> bool:
        if not self.writable:
            return False
        if not self._open:
            return True
        if (
            len(self._open) < self._window.messages
            and self._open_bytes + size <= self._window.bytes
        ):
            return True
        self._stuffed = True
        return False
