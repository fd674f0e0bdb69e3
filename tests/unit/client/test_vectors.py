"""The vectors can fail: a client with a fault does not pass the one that is about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kull_client import Event, Position, close_codes, messages, reconnect
from kull_client.acks import LazyAcks
from kull_client.connection import Connection
from kull_client.errors import BadMessage
from kull_client.reconnect import Ended, Reconnecting
from kull_client.renewal import Renewal
from kull_client.rooms import Rooms
from kull_client.session import Session
from tests.unit.client.vectors import play, vectors

BY_NAME = {vector["name"]: vector for _, vector in vectors()}
Break = Callable[[pytest.MonkeyPatch], None]


def _forgets_what_it_received(patch: pytest.MonkeyPatch) -> None:
    take = Session._event

    def event(self: Session, event: Event, size: int, now: float) -> Any:
        if queue := self._queues.get(event.queue):
            queue.received = queue.processed = 0
        return take(self, event, size, now)

    patch.setattr(Session, "_event", event)


def _acknowledges_what_it_received(patch: pytest.MonkeyPatch) -> None:
    take = Session._event

    def event(self: Session, event: Event, size: int, now: float) -> Any:
        if event.seq:
            self.acks.add(event.queue, event.seq, size, now)
        return take(self, event, size, now)

    patch.setattr(Session, "_event", event)


def _tells_what_it_received(patch: pytest.MonkeyPatch) -> None:
    def position(self: Session) -> Position:
        after = {name: queue.received for name, queue in self._queues.items() if queue.received}
        return Position(epoch=self._epoch, after=after)

    patch.setattr(Session, "position", property(position))


def _trusts_every_epoch(patch: pytest.MonkeyPatch) -> None:
    take = Session._welcome

    def welcome(self: Session, data: dict[str, Any], *rest: Any) -> Any:
        return take(self, data | {"epoch": self._epoch or data["epoch"]}, *rest)

    patch.setattr(Session, "_welcome", welcome)


def _hangs_up_on_nonsense(patch: pytest.MonkeyPatch) -> None:
    def taken(self: Connection, text: str | bytes) -> Any:
        try:
            return self._session.received(text, 0.0)
        except BadMessage as error:
            raise OSError(str(error)) from None

    patch.setattr(Connection, "_taken", taken)


def _goes_by_the_type(patch: pytest.MonkeyPatch) -> None:
    words = {"STALE", "FRESH", "RECONNECT", "ERROR"}
    patch.setattr(
        messages, "is_event", lambda message: "id" in message and message["type"] not in words
    )


def _ignores_time_slots(patch: pytest.MonkeyPatch) -> None:
    after = Reconnecting.after
    patch.setattr(
        Reconnecting,
        "after",
        lambda self, ended: after(self, Ended(why=ended.why, lasted=ended.lasted)),
    )


def _acknowledges_without_a_name(patch: pytest.MonkeyPatch) -> None:
    ack = messages.ack
    patch.setattr(messages, "ack", lambda _queue, seq: ack("user", seq))


FAULTS: list[tuple[str, Break]] = [
    (
        "the newest event cannot be read: it is acknowledged all the same, and not asked for again",
        lambda patch: patch.setattr(messages, "place_of", lambda _text: None),
    ),
    (
        "who is connected is told by the user's own queue only",
        lambda patch: patch.setattr("kull_client.presence.USER_QUEUE", "all"),
    ),
    (
        "a stored event is never taken for a message about the session, whatever it is called",
        _goes_by_the_type,
    ),
    ("an event that comes twice is handed out once", _forgets_what_it_received),
    ("what was not processed is not acknowledged", _acknowledges_what_it_received),
    ("what was received but not processed is not told", _tells_what_it_received),
    ("another epoch makes all positions void", _trusts_every_epoch),
    ("a message that cannot be read is skipped, and the connection stays", _hangs_up_on_nonsense),
    ("an event may have the name of a message about the session", _goes_by_the_type),
    (
        "a leaving server is stayed with until it closes, and connected with again at once",
        _ignores_time_slots,
    ),
    (
        "each queue is acknowledged by its name, the user's own without",
        _acknowledges_without_a_name,
    ),
    (
        "a lost position is told, and the queue starts over with the state",
        lambda patch: patch.setattr(Session, "_start_over", lambda *_args, **_more: []),
    ),
    (
        "after 4500 (bad_token) a client stops",
        lambda patch: patch.setattr(close_codes, "may_reconnect", lambda _code: True),
    ),
    (
        "after 4004 (resubscribe) a client connects again",
        lambda patch: patch.setattr(close_codes, "may_reconnect", lambda _code: False),
    ),
    (
        "the range doubles with every failure in a row, up to 30 s",
        lambda patch: patch.setattr(reconnect, "full_jitter", lambda _attempt, random: random()),
    ),
    (
        "what was processed is acknowledged within a second, cumulatively",
        lambda patch: patch.setattr(LazyAcks, "add", lambda *_args: None),
    ),
    (
        "the open connection gets another token before the one in use expires",
        lambda patch: patch.setattr(Renewal, "lives", lambda *_args, **_more: None),
    ),
    (
        "TOKEN_EXPIRED is answered with another token at once",
        lambda patch: patch.setattr(Renewal, "expired", lambda *_args: None),
    ),
    (
        "a room is followed again on every connection, and HELLO says from where",
        lambda patch: patch.setattr(Rooms, "again", lambda _self: []),
    ),
    (
        "another connection is a fresh one",
        lambda patch: patch.setattr(Session, "stale_since", property(lambda _self: 1)),
    ),
]


@pytest.mark.parametrize(("name", "fault"), [pytest.param(*each, id=each[0]) for each in FAULTS])
def test_a_client_with_this_fault_does_not_pass(
    name: str, fault: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)

    with pytest.raises((AssertionError, RuntimeError)):
        play(BY_NAME[name], monkeypatch)
