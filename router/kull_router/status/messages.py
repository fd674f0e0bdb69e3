"""A word as the message that carries it. PURE."""

from __future__ import annotations

from typing import Final

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.events.strict_json import compact
from kull_router.queues.presence_log import Told

USER: Final = "user"
DEVICE: Final = "device"


def event_of(word: Told) -> str:
    """Return what it says, which is its routing key: `user.online` and so on."""
    kind = DEVICE if word.device else USER
    return f"{kind}.{'online' if word.online else 'offline'}"


def message_of(word: Told) -> Message:
    """Return the message. A repeat of a word is the same message, its id included."""
    event = event_of(word)
    body = {
        "type": event,
        "userId": word.user,
        **({"deviceId": word.device} if word.device else {}),
        "generation": [word.term, word.number],
        "at": word.at_ms,
    }
    return Message(
        exchange=topology.PRESENCE,
        routing_key=event,
        body=compact(body),
        message_id=f"{word.term}.{word.number}:{word.user}",
        type=event,
        app_id="kull-router",
        optional=True,
    )
