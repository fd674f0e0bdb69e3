"""Publishers: the real SDK, and applications that publish under the same id until it is safe."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import replace
from itertools import count
from typing import Any, Final

from kull_producers.errors import ConnectError, KullError, ShardCountMismatch
from kull_producers.events.envelope import messages_of
from kull_producers.events.event import Event
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress, Status
from kull_producers.events.stamp import Stamp
from kull_producers.publishing.publisher import Publisher
from tests.simulation.amqp_clients import SimTransport
from tests.simulation.ledger import ALL, Ledger, Said
from tests.simulation.loop import Process
from tests.simulation.rabbit import Rabbit
from tests.simulation.routers import wall_ms

STATUSES: Final[tuple[Status, ...]] = ("completed", "failed", "processing")
BURSTS: Final = (1, 1, 2, 4, 16)  # events at once
BAD: Final = 0.03  # of a burst's events
CLOCK_ERRORS: Final = (0.0, 3.0, -2.0, 600.0, -86_400.0, 365 * 86_400.0)  # seconds


class PublisherNode:
    """A worker or a billing service. A killed one forgets what was not confirmed."""

    def __init__(
        self,
        name: str,
        *,
        users: list[str],
        shard_count: int,
        rabbit: Rabbit,
        ledger: Ledger,
        rng: random.Random,
        text: str,
    ) -> None:
        self.name = name
        self.process = Process(name)
        self.transport: SimTransport | None = None
        self.pace = rng.uniform(0.2, 1.0)  # seconds between events, on average
        self.open = 0  # events that are not confirmed yet
        self.clock_error = rng.choice(CLOCK_ERRORS)  # seconds that its clock is ahead
        self.bursts = rng.random() < 0.6  # several events may share a message
        self._names_shoots = not self.bursts or rng.random() < 0.5  # else they are conflated
        self._publishing = True
        self._users, self._shard_count = users, shard_count
        self._rabbit, self._ledger, self._rng, self._text = rabbit, ledger, rng, text
        self._processes = count(1)
        self._numbers = count(1)

    def start(self) -> Process:
        """Start a process."""
        process = self.process = Process(self.name)
        self.open = 0
        process.start(self._run(process), "life")
        return process

    def stop(self) -> None:
        """Publish nothing more; what is under way goes on."""
        self._publishing = False

    async def _run(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        line = f"{self.name}.{next(self._processes)}"
        publisher = await self._connected(process, lambda: wall_ms(loop) / 1000 + self.clock_error)
        async with asyncio.TaskGroup() as tasks:
            while self._publishing:
                burst = self._rng.choice(BURSTS) if self.bursts else 1
                for _ in range(burst):
                    self._emit(tasks, publisher, f"{line}/{next(self._numbers)}")
                await asyncio.sleep(self._rng.expovariate(2 / self.pace / (1 + burst)))

    def _emit(self, tasks: asyncio.TaskGroup, publisher: Publisher, event_id: str) -> None:
        self.open += 1
        call: Coroutine[Any, Any, None]
        if self.bursts and self._rng.random() < BAD:
            call = self._publish_bad(publisher, event_id)
        else:
            event, addresses, user = self._draw()
            if isinstance(event, ShootProgress) and not self._names_shoots:
                call = self._publish_newest(publisher, event, user)
            else:
                call = self._publish(publisher, event, addresses, user, event_id)
        tasks.create_task(call, name=event_id)

    async def _connected(self, process: Process, now: object) -> Publisher:
        while True:
            self.transport = SimTransport(self._rabbit, process)
            publisher = Publisher(
                self.transport,
                shard_count=self._shard_count,
                app_id=self.name,
                timeout=3.0,
                bursts=self.bursts,
                now=now,  # type: ignore[arg-type]
                randomness=self._rng.randbytes,
                jitter=self._rng.random,
            )
            try:
                return await publisher.__aenter__()
            except (ConnectError, ShardCountMismatch):
                await asyncio.sleep(0.5)

    async def _publish(
        self, publisher: Publisher, event: Event, addresses: list[str], user: str, event_id: str
    ) -> None:
        while True:
            try:
                await publisher.publish(event, user_id=user or None, idempotency_key=event_id)
            except KullError as error:
                self._rabbit.net.trace.note(self.name, f"{event_id}: {error!r}")
                self._ledger.called_again(event_id)
                await asyncio.sleep(self._rng.uniform(0, 1))
            else:
                break
        self.open -= 1
        for address in addresses:
            self._ledger.confirm(address, event_id)

    async def _publish_newest(self, publisher: Publisher, event: ShootProgress, user: str) -> None:
        """Publish until that, or something newer of its key, is safe."""
        while True:
            stamper = publisher._stamper  # this call gets the next version
            key = event.event_type.contract.key_of(vars(event))  # type: ignore[union-attr]
            said = Said((f"user:{user}", key, stamper._run), stamper._version + 1)
            try:
                await publisher.publish(event, user_id=user)
            except KullError as error:
                self._rabbit.net.trace.note(self.name, f"{said}: {error!r}")
                await asyncio.sleep(self._rng.uniform(0, 1))
            else:
                break
        self.open -= 1
        self._ledger.confirm_newest(said)

    async def _publish_bad(self, publisher: Publisher, event_id: str) -> None:
        """Publish what routers cannot read, in the middle of what they can."""
        user = self._rng.choice(self._users)
        credit = CreditUpdate(user_id=user, new_balance=1, change=1, reason="bad")
        stamp = Stamp(id=f"bad-{event_id}", timestamp_ms=0, app_id=self.name)
        good = messages_of(credit, stamp, shard_count=self._shard_count)[0]
        bad = replace(good, body=self._rng.choice((b"{}", b"no JSON", b"\xff")))
        while True:
            try:
                await publisher._transport.publish(bad)
            except KullError:
                await asyncio.sleep(self._rng.uniform(0, 1))
            else:
                break
        self.open -= 1
        self._ledger.confirm_bad(bad.message_id)

    def _draw(self) -> tuple[Event, list[str], str]:
        """Return an event, the addresses it is for, and the user to name if the call wants one."""
        user = self._rng.choice(self._users)
        kind = self._rng.random()
        if kind < 0.45:
            credit = CreditUpdate(user_id=user, new_balance=5, change=1, reason=self._text)
            return credit, [f"user:{user}"], ""
        if kind < 0.8:
            done = self._rng.randint(0, 9)
            shoot = ShootProgress(
                shoot_id=f"shoot-{self._rng.randrange(4)}",
                status=self._rng.choices(STATUSES, (1, 1, 8))[0],
                processed_count=done,
                total_count=9,
                provider="Test",
            )
            return shoot, [f"user:{user}"], user
        prompt = f"prompt-{self._rng.randrange(3)}"
        if kind < 0.9:
            everybody = PromptChange(prompt_id=prompt, action="voted")
            return everybody, [ALL], ""
        told = self._rng.sample(self._users, 2)
        some = PromptChange(prompt_id=prompt, action="updated", user_ids=tuple(told))
        return some, [f"user:{each}" for each in told], ""
