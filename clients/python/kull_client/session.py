"""What a device knows across its connections: positions, repeats, devices, acknowledgements. PURE.

Texts of the server go in, values for the shell come out; the clock is passed in. An entry is
*received* when it came in for the first time, and *processed* when the application says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kull_client import messages
from kull_client.acks import DELAY, WINDOW, LazyAcks
from kull_client.errors import BadMessage
from kull_client.event import LEFT, RECOVERY_LOST, Device, Event, Position
from kull_client.messages import Json, Standing
from kull_client.presence import Presence, news_in
from kull_client.renewal import Renewal
from kull_client.rooms import Rooms
from kull_client.statuses import Statuses, UserStatus


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for the application. `run` and `size` (bytes) are for `Session.processed`.

    problem: the event cannot be read and holds its place alone: this is to be told instead.
    """

    event: Event
    run: int = 0
    size: int = 0
    problem: BadMessage | None = None


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The session is open."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """The server lost touch with what feeds it, or found it again: see `Session.stale_since`."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The server is leaving: connect again after this many seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """This device's message `ref` became the event `id`."""

    ref: str
    id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server complains, about the message `ref` if there is one."""

    ref: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """Others, or another state of somebody, are in this room."""

    queue: str


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A user that is watched came online, or went."""

    status: UserStatus


Change = RosterChanged | StatusChanged
Incoming = Delivery | Welcomed | Staleness | Reconnect | Accepted | Refused | Change


@dataclass(slots=True)
class _Queue:
    """Progress in one queue. A new `run` begins when the server starts it over at `head`.

    Events of runs since `window_run` fill the window of this connection until acknowledged.
    """

    received: int = 0
    processed: int = 0
    run: int = 0
    window_run: int = 0
    head: int = 0

    def has_missed(self, head: int) -> bool:
        """Whether there is more, now that the queue ends at `head`, than came in."""
        return head > max(self.head, self.received)


class Session:
    """See the module's text."""

    def __init__(self, position: Position | None = None) -> None:
        start = position or Position()
        self.user_id = ""
        self.device_id = ""
        self.session_id = ""
        self.first = False  # the server knows nothing of what this device has
        self.acks = LazyAcks()
        self.renewal = Renewal()
        self.rooms = Rooms()
        self.statuses = Statuses()
        self._epoch = start.epoch
        self._queues = {
            name: _Queue(received=seq, processed=seq) for name, seq in start.after.items()
        }
        self._presence = Presence()
        self._stale: dict[str, int] = {}  # queue -> since, ms since the Unix epoch
        self._stranger = False  # the server may take this device for one it has never seen

    @property
    def devices(self) -> Sequence[Device]:
        """The user's connected devices, in order of their ids."""
        return self._presence.devices

    @property
    def stale_since(self) -> int:
        """Since when some queue is not served, in ms since the Unix epoch; 0: all are."""
        return min(self._stale.values(), default=0)

    @property
    def position(self) -> Position:
        """What has been processed. A queue in which nothing was is left out."""
        after = {name: queue.processed for name, queue in self._queues.items() if queue.processed}
        return Position(epoch=self._epoch, after=after)

    @property
    def was_welcomed(self) -> bool:
        """Whether a connection has worked before."""
        return bool(self.session_id)

    def received(self, text: str | bytes, now: float) -> list[Incoming]:
        """Take one message of the server. Raises BadMessage: skip it, it is no stored event."""
        try:
            return self._read(messages.parse(text), len(text), now)
        except BadMessage as problem:
            place = messages.place_of(text)
            if place is None:
                raise
            problem.queue, problem.seq = place.queue, place.seq
            return self._event(place, len(text), now, problem)

    def _read(self, message: Json, size: int, now: float) -> list[Incoming]:
        if messages.is_event(message):
            return self._event(messages.event_of(message), size, now)
        data: Json = message["data"]
        match message["type"]:
            case "WELCOME":
                return self._welcome(data, messages.lifetime_of(message), now)
            case "REFRESHED":
                self.renewal.lives(messages.lifetime_of(message), now)
                return [Accepted(messages.text_of(data, "ref"), "")]
            case "TOKEN_EXPIRED":
                self.renewal.expired(now)
                return []
            case "RECOVERY_LOST":
                name, head = messages.text_of(data, "queue"), messages.number(data, "head")
                return self._start_over(name, head, window_stays=True)
            case "STALE" | "FRESH" as served:
                return self._served(data, stale=served == "STALE")
            case "RECONNECT":
                return [Reconnect(messages.number(data, "after", 0) / 1000)]
            case "ACCEPTED":
                return [Accepted(messages.text_of(data, "ref"), messages.text_of(data, "id"))]
            case "ERROR":
                return self._complaint(data)
            case kind:
                return self._of_others(kind, data)

    def _of_others(self, kind: str, data: Json) -> list[Incoming]:
        match kind:
            case "JOINED":
                return self._joined(data)
            case "LEFT":
                return self._left(data)
            case "PRESENCE":
                return self._roster(data)
            case "STATUS":
                return self._statuses(data)
            case _:
                return []  # PONG, or a message of a newer server

    def processed(self, delivery: Delivery, now: float) -> None:
        """Note that the application is done with an event."""
        event = delivery.event
        queue = self._queues.get(event.queue)
        if event.seq is None or queue is None or delivery.run < queue.window_run:
            return
        if delivery.run == queue.run:
            queue.processed = max(queue.processed, event.seq)
        self.acks.add(event.queue, event.seq, delivery.size, now)

    def _welcome(self, data: Json, lifetime: float | None, now: float) -> list[Incoming]:
        # All of it is read before any of it counts.
        epoch, device_id = messages.text_of(data, "epoch"), messages.text_of(data, "deviceId")
        user_id, session_id = messages.text_of(data, "userId"), messages.text_of(data, "sessionId")
        standing = messages.standing_of(messages.part(data, "queue"))
        connected = messages.devices_of(data)
        window = messages.number(data, "window", WINDOW)
        ack_delay = messages.seconds(data, "ackDelay", DELAY)
        self._stranger = self.device_id not in {"", device_id} or self._epoch not in {"", epoch}
        self.user_id, self.device_id, self.session_id = user_id, device_id, session_id
        self.first = data.get("first") is True
        self._presence = Presence(connected)
        self.acks.opened(window, ack_delay)
        self.renewal.lives(lifetime, now)
        self._stale.clear()
        if epoch != self._epoch:
            self._epoch = epoch
            self._queues = {
                name: _Queue(run=queue.run + 1, window_run=queue.run + 1)
                for name, queue in self._queues.items()
            }
        return [Welcomed(), *self._stand(standing)]

    def _served(self, data: Json, *, stale: bool) -> list[Incoming]:
        queue = messages.text_of(data, "queue")
        if stale:
            self._stale[queue] = messages.number(data, "since")
        else:
            self._stale.pop(queue, None)
        return [Staleness()]

    def _complaint(self, data: Json) -> list[Incoming]:
        message, ref = messages.text_of(data, "message"), messages.text_of(data, "ref")
        if queue := self.rooms.refused(ref):
            return self._left({"queue": queue, "reason": message})
        return [Refused(ref, messages.text_of(data, "code", "unknown"), message)]

    def forget(self, queue: str) -> None:
        """Follow a room no more: what is known of it would only grow old."""
        self.rooms.gone(queue)
        self._queues.pop(queue, None)
        self._stale.pop(queue, None)
        self.acks.forget(queue)

    def _joined(self, data: Json) -> list[Incoming]:
        standing, ref = messages.standing_of(data), messages.text_of(data, "ref")
        self.rooms.joined(standing.queue)
        answered = [Accepted(ref, "")] if ref else []
        return [*self._stand(standing), *answered]

    def _roster(self, data: Json) -> list[Incoming]:
        queue = messages.text_of(data, "queue")
        return [RosterChanged(queue)] if self.rooms.roster(queue).take(data) else []

    def _statuses(self, data: Json) -> list[Incoming]:
        ref = messages.text_of(data, "ref")
        changed: list[Incoming] = [StatusChanged(each) for each in self.statuses.take(data)]
        return [*changed, Accepted(ref, "")] if ref else changed

    def again(self) -> list[str]:
        """A new connection is open: return what follows and watches the same on it."""
        return self.rooms.again() + self.statuses.again()

    def _left(self, data: Json) -> list[Incoming]:
        queue, ref = messages.text_of(data, "queue"), messages.text_of(data, "ref")
        self.forget(queue)
        if ref:
            return [Accepted(ref, "")]
        return [Delivery(Event(type=LEFT, data=data, queue=queue))]

    def _stand(self, standing: Standing) -> list[Incoming]:
        queue = self._queues.setdefault(standing.queue, _Queue(head=standing.head))
        # To the server this is a first contact, and so complete; to the application it is not.
        first = self._stranger and standing.after == 0
        if not standing.recovered or (first and queue.has_missed(standing.head)):
            return self._start_over(standing.queue, standing.head)
        queue.received = max(queue.received, standing.after)
        return []

    def _start_over(self, name: str, head: int, *, window_stays: bool = False) -> list[Incoming]:
        """Accept the queue from anywhere: the current state comes first, then what is new.

        window_stays: on the same connection, whose window what came before still fills. It has to
        be acknowledged, or the server might never send anything again.
        """
        before = self._queues.get(name)
        run = before.run + 1 if before else 0
        window_run = before.window_run if before and window_stays else run
        self._queues[name] = _Queue(run=run, window_run=window_run, head=head)
        lost = Event(type=RECOVERY_LOST, data={"queue": name, "head": head}, queue=name)
        return [Delivery(lost)]

    def _event(
        self, event: Event, size: int, now: float, problem: BadMessage | None = None
    ) -> list[Incoming]:
        news = news_in(event)  # raises before anything counts
        if event.seq is None:
            self._presence.note(news)
            return [Delivery(event)]
        queue = self._queues.setdefault(event.queue, _Queue())
        if event.seq <= queue.received:
            if event.seq <= queue.processed:
                # Acknowledged on an earlier connection; this one's window is still open for it.
                self.acks.add(event.queue, event.seq, size, now)
            return []
        queue.received = event.seq
        self._presence.note(news)
        return [Delivery(event, queue.run, size, problem)]
