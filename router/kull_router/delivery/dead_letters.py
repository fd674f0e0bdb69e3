"""What lies in `kull.dead`: looked at, published again, or discarded."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.port import MOST_INSPECTED, Broker, Delivery
from kull_router.delivery import ingest
from kull_router.errors import BrokerError, PoisonMessage

log = structlog.get_logger(__name__)

SECONDS: Final = 10.0  # for RabbitMQ to confirm what is published again


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter.

    Attributes:
        id: the same for messages that are the same in everything.
        size: bytes of its body; of `message.body` there may be less, see `Delivery.too_large`.
        lost: why it cannot be published again; empty: it can.
    """

    id: str
    message: Message
    size: int
    lost: str = ""

    @property
    def reason(self) -> str:
        """Why it was buried; RabbitMQ itself says nothing here."""
        return str(self.message.headers.get(topology.HEADER_REASON, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """`gone`: how many messages are gone from there; `failed`: by id, why one stays."""

    gone: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class DeadLetters:
    """Of all routers together: any of them can be asked. One look at a time; others wait.

    What is looked at is out of the queue meanwhile, and goes back in order.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._looking = asyncio.Lock()

    async def page(self, skip: int, limit: int) -> tuple[Sequence[Letter], int]:
        """Return dead letters, the oldest first, and how many there are. Raises BrokerError.

        Only the first MOST_INSPECTED can be seen.
        """
        async with self._looking:
            inspection = await self._broker.inspect(topology.DEAD, skip + limit)
            try:
                page = inspection.deliveries[skip : skip + limit]
                return [_letter(each) for each in page], inspection.waiting
            finally:
                await inspection.aclose()

    async def resolve(self, ids: Collection[str], *, republish: bool) -> Resolved:
        """Publish these again where they had been published, or discard them. Raises BrokerError.

        One that is published again is gone only when RabbitMQ has confirmed it: if this breaks off
        in between, both are there, and its id makes the second one a duplicate.
        """
        gone = 0
        failed = dict.fromkeys(ids, f"not among the {MOST_INSPECTED} oldest, or gone already")
        async with self._looking:
            inspection = await self._broker.inspect(topology.DEAD, MOST_INSPECTED)
            try:
                for delivery in inspection.deliveries:
                    letter = _letter(delivery)
                    if letter.id not in ids:
                        continue
                    if republish and (why := await self._published(letter)):
                        failed[letter.id] = why
                        continue
                    inspection.remove(delivery.tag)
                    failed.pop(letter.id, None)
                    gone += 1
            finally:
                await inspection.aclose()
        log.info("dead_letters_resolved", gone=gone, republished=republish)
        return Resolved(gone=gone, failed=failed)

    async def _published(self, letter: Letter) -> str:
        """Publish one again; return why not, empty if it is confirmed."""
        if letter.lost:
            return letter.lost
        try:
            async with asyncio.timeout(SECONDS):
                await self._broker.publish(ingest.revived(letter.message))
        except TimeoutError:
            return f"RabbitMQ has not confirmed it within {SECONDS:.0f} s"
        except (BrokerError, PoisonMessage) as error:
            return str(error)
        return ""


def _letter(delivery: Delivery) -> Letter:
    message = delivery.message
    lost = ""
    if delivery.too_large:
        lost = "it is too large to be read whole"
    else:
        try:
            ingest.revived(message)
        except PoisonMessage as error:
            lost = str(error)
    size = delivery.too_large or len(message.body)
    return Letter(id=_id_of(message, size), message=message, size=size, lost=lost)


def _id_of(message: Message, size: int) -> str:
    # RabbitMQ counts in a header of its own how often somebody has looked.
    headers = sorted(each for each in message.headers.items() if not ingest.is_rabbitmqs(each[0]))
    parts = (
        *(message.message_id, message.type, message.app_id, message.routing_key),
        repr(headers),
    )
    digest = blake2b(message.body, digest_size=16)
    for part in (*parts, str(size)):
        digest.update(b"\0" + part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
