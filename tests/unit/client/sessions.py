"""A session whose server a test plays, in texts."""

from __future__ import annotations

import json
from typing import Any

from kull_client.event import Event, Position
from kull_client.session import Delivery, Incoming, Session

NOW = 1_000.0


def text(type_: str, data: dict[str, Any] | None = None, **fields: Any) -> str:
    return json.dumps({"type": type_, "data": data or {}, **fields})


def stored(seq: int, **fields: Any) -> str:
    return text("CREDIT_UPDATE", {"newBalance": seq}, id=f"id-{seq}", seq=seq, **fields)


def welcome(
    *,
    epoch: str = "e1",
    after: int = 0,
    head: int = 0,
    recovered: bool = True,
    devices: list[dict[str, Any]] | None = None,
    device: str = "mac",
    first: bool = False,
) -> str:
    return text(
        "WELCOME",
        {
            "userId": "maya",
            "deviceId": device,
            "sessionId": "s",
            "epoch": epoch,
            "queue": {"queue": "user", "head": head, "after": after, "recovered": recovered},
            "devices": devices or [],
            "window": 64,
            "first": first,
        },
    )


def opened(position: Position | None = None, **fields: Any) -> Session:
    session = Session(position)
    session.received(welcome(**fields), NOW)
    return session


def deliveries(session: Session, *texts: str) -> list[Delivery]:
    incoming: list[Incoming] = []
    for each in texts:
        incoming += session.received(each, NOW)
    return [each for each in incoming if isinstance(each, Delivery)]


def events(session: Session, *texts: str) -> list[Event]:
    return [delivery.event for delivery in deliveries(session, *texts)]


def process(session: Session, *texts: str) -> list[Delivery]:
    done = deliveries(session, *texts)
    for delivery in done:
        session.processed(delivery, NOW)
    return done


def joined(*, head: int, after: int = 0) -> str:
    return text("JOINED", {"queue": "all", "head": head, "after": after, "recovered": True})


def presence(kind: str, seq: int, generation: list[int]) -> str:
    data = {"deviceId": "tab", "platform": "web", "generation": generation}
    return text(f"DEVICE_{kind}", data, id=f"p{seq}", seq=seq)
