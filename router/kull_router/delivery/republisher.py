"""What is published again: misaddressed messages where they belong, poison to the dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from kull_producers.events.message import Message
from kull_router.broker.port import MAX_BODY, Broker, Delivery
from kull_router.delivery import ingest
from kull_router.delivery.journal import Journal
from kull_router.errors import BrokerError, BrokerUnavailable, PoisonMessage, RouterError
from kull_router.measures.events import EventMeasures

log = structlog.get_logger(__name__)

_T = TypeVar("_T")


class Republisher:
    """Publishes confirmed. Its methods raise BrokerError: the message was not acknowledged yet."""

    def __init__(self, broker: Broker, journal: Journal, measures: EventMeasures) -> None:
        self._broker = broker
        self._measures = measures
        self._journal = journal

    async def understood(self, message: Message, read: Callable[[], _T]) -> _T | None:
        """Return what `read` makes of a message, None if it was buried because it is poison."""
        try:
            return read()
        except PoisonMessage as error:
            await self.bury(message, str(error))
        except Exception as error:
            # A fault of ours: it would take one router after the other down with everybody.
            log.exception("message_not_understood", routing_key=message.routing_key)
            await self.bury(message, f"a fault of the router: {error!r}")
        return None

    async def taken_apart(self, delivery: Delivery) -> list[Message]:
        """Return the messages in a delivery, several if it is a batch; none: it was buried."""
        if await self.buried_unread(delivery):
            return []
        message = delivery.message
        return await self.understood(message, lambda: ingest.apart(message)) or []

    async def buried_unread(self, delivery: Delivery) -> bool:
        """Bury a delivery that was too large to be read; return whether it was."""
        if delivery.too_large:
            await self.bury(
                delivery.message,
                f"the body has {delivery.too_large} bytes, at most {MAX_BODY} are read: this is "
                "its beginning",
            )
        return delivery.too_large > 0

    async def repair(self, *, after: RouterError) -> None:
        """Have created again what is missing, if that may be why there was this error."""
        if not isinstance(after, BrokerError) or isinstance(after, BrokerUnavailable):
            return  # connecting again creates it
        try:
            await self._broker.repair()
        except BrokerError as error:
            log.debug("repair_failed", why=str(error))

    async def bury(self, message: Message, reason: str) -> None:
        """Publish a message to the dead-letter queue with the reason."""
        log.warning(
            "dead_letter",
            id=message.message_id,
            reason=reason,
            app_id=message.app_id,
            exchange=message.exchange,
        )
        await self._broker.publish(ingest.dead(message, reason))
        self._measures.dead_letters.value += 1
        self._journal.buried(message.message_id, reason[: ingest.MAX_REASON_CHARS])

    async def readdress(self, message: Message, fixed: Sequence[Message]) -> None:
        """Publish what a misaddressed message should have been."""
        log.warning(
            "readdressed",
            app_id=message.app_id,
            was=message.routing_key,
            now=[each.routing_key for each in fixed],
        )
        for each in fixed:
            await self._broker.publish(each)
        self._measures.readdress(message.app_id)
