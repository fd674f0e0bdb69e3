"""Tells `kull.presence` of devices and users that come and go, once for each real change.

What the words are, and why a router that dies leaves no doubt but a repeat: `words`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Final, NoReturn

import structlog

from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.errors import BrokerError, Fenced, StoreError
from kull_router.measures.status import StatusMeasures
from kull_router.queues.presence_log import PresenceLog, Told
from kull_router.sessions.registry import Change, Presence, Registry
from kull_router.status.changes import Changes, Key
from kull_router.status.messages import event_of, message_of
from kull_router.status.statuses import Statuses
from kull_router.status.words import Words

log = structlog.get_logger(__name__)

EVERY: Final = 0.1  # seconds: what changes meanwhile goes together, or not at all
BATCH: Final = 256  # words of one shard at once


class Announcements:
    """Compares who is there with what was said of them, a shard after the other.

    Nothing waits for it: what cannot be published now is compared again later, and only the newest
    is said.

    publish_timeout: seconds for RabbitMQ to confirm a message.
    """

    def __init__(
        self,
        *,
        statuses: Statuses,
        registry: Registry,
        store: PresenceLog,
        broker: Broker,
        clock: Clock,
        measures: StatusMeasures,
        publish_timeout: float,
    ) -> None:
        self._statuses = statuses
        self._registry = registry
        self._store = store
        self._broker = broker
        self._clock = clock
        self._measures = measures
        self._timeout = publish_timeout
        self._numbers = count(1)
        self._changes = Changes(self._is_needed)
        self._words: dict[int, Words] = {}  # by shard, once they are read
        self._owned_ms: dict[int, int] = {}  # when a shard came here, by the clock of ages
        self._unsettled: set[int] = set()

    @property
    def waiting(self) -> int:
        """How many devices and users are to be compared."""
        return len(self._changes)

    def changed(self, presence: Presence, change: Change) -> None:
        """A device has come or gone."""
        info, shard = presence.info, presence.shard
        at_ms = self._clock.age_ms()
        if change is Change.GONE:
            absent = self._registry.absent_for(presence, self._clock.monotonic())
            at_ms -= round(absent * 1000)
        self._changes.add(shard, Key(info.user, info.device), at_ms)
        if len(self._registry.present(info.user)) <= 1:  # the first one, or the last
            self._changes.add(shard, Key(info.user), at_ms)

    def moved(self, shard: int) -> None:
        """The shard has a new term here, or none; all of its devices are forgotten."""
        self._words.pop(shard, None)
        self._changes.drop(shard)
        self._unsettled.discard(shard)
        if self._statuses.term_of(shard) is not None:
            self._owned_ms[shard] = self._clock.age_ms()
            self._unsettled.add(shard)

    async def run(self) -> NoReturn:
        """Say what is to be said, while RabbitMQ takes it."""
        attempt = 0
        while True:
            await asyncio.sleep(EVERY + (self._clock.jitter(attempt) if attempt else 0))
            if not self._broker.connected or self._broker.blocked:
                continue
            well = True
            for shard in list(self._owned_ms):
                term = self._statuses.term_of(shard)
                if term is not None:
                    well = await self._guarded(shard, term) and well
            attempt = 0 if well else attempt + 1

    async def _guarded(self, shard: int, term: int) -> bool:
        try:
            return await self._speak(shard, term)
        except Fenced:
            return True  # its owner speaks of them
        except StoreError as error:
            log.warning("presence_not_kept", shard=shard, why=str(error))
        except Exception:
            # Who comes and goes must not take the router down with everybody.
            log.exception("presence_not_told", shard=shard)
        self._measures.failed.value += 1
        return False

    async def _speak(self, shard: int, term: int) -> bool:
        """Say up to BATCH words of one shard; return whether all went well."""
        words = await self._known(shard, term)
        if shard in self._unsettled and self._statuses.is_settled(shard):
            self._unsettled.discard(shard)
            for key in words:
                self._changes.put_back(shard, key, self._owned_ms[shard])
        taken = self._changes.take(shard, BATCH)
        said: list[Told] = []
        try:
            said = await self._begun(shard, words, taken)
            confirmed = await self._published(said)
            kept = [told for word in confirmed if (told := words.confirm(word))]
            if kept:
                await self._store.tell(shard, term, kept)
        except Exception:
            for key, at_ms in taken:
                self._changes.put_back(shard, key, at_ms)
            raise
        for word in said:
            if word not in confirmed:
                self._changes.put_back(shard, Key(word.user, word.device), word.at_ms)
        return len(confirmed) == len(said)

    async def _known(self, shard: int, term: int) -> Words:
        words = self._words.get(shard)
        if words is None or words.term != term:
            words = Words(term, await self._store.told(shard))
            self._words[shard] = words
            for key in words.unconfirmed():
                self._changes.put_back(shard, key, self._owned_ms[shard])
        return words

    async def _begun(
        self, shard: int, words: Words, taken: Sequence[tuple[Key, int]]
    ) -> list[Told]:
        """Keep the new ones of the words that are to be said, and return all of them."""
        said: list[Told] = []
        new: list[Told] = []
        for key, at_ms in taken:
            online = self._is_there(key)
            if not online and not self._statuses.is_settled(shard):
                continue  # it is looked at when that is known
            word, is_new = words.next(key, online=online, at_ms=at_ms, number=next(self._numbers))
            if word:
                said.append(word)
                if is_new:
                    new.append(word)
        if new:
            await self._store.tell(shard, words.term, new)
            for word in new:
                words.begin(word)
        return said

    async def _published(self, words: Sequence[Told]) -> list[Told]:
        """Return those that RabbitMQ has confirmed."""
        done = await asyncio.gather(*map(self._publish, words))
        return [word for word, confirmed in zip(words, done, strict=True) if confirmed]

    async def _publish(self, word: Told) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                await self._broker.publish(message_of(word))
        except (BrokerError, TimeoutError) as error:
            log.debug("presence_not_published", why=str(error) or "no confirm in time")
            self._measures.failed.value += 1
            return False
        self._measures.published.add(event_of(word))
        return True

    def _is_there(self, key: Key) -> bool:
        if key.device:
            return self._registry.of_device(key.user, key.device) is not None
        return self._registry.has(key.user)

    def _is_needed(self, shard: int, key: Key) -> bool:
        """Whether one that waits needs a word: not if it came and went, and nothing was said."""
        return self._is_there(key) or shard not in self._words or key in self._words[shard]
