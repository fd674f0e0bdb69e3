"""The database as routers reach it: a real store, with delays, outages, lost answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, TypeVar

from kull_router.access.audit import Action
from kull_router.access.revocations import Revocation
from kull_router.errors import StoreUnavailable
from kull_router.queues import port
from kull_router.queues.entry import Event
from kull_router.queues.port import (
    Attach,
    Attachment,
    CursorUpdate,
    DeviceInfo,
    KnownDevice,
    Outcome,
    Page,
    QueueInfo,
)
from kull_router.queues.presence_log import Told
from tests.simulation.disks import Disk
from tests.simulation.ledger import Ledger
from tests.simulation.loop import NOBODY
from tests.simulation.trace import Trace

_T = TypeVar("_T")
DELAY = (0.0002, 0.01)  # seconds, each way
PATIENCE = 12.0  # seconds without an answer after which a router gives a call up


class Database:
    """What all routers share. Calls take effect at one moment between question and answer."""

    def __init__(
        self,
        ledger: Ledger,
        rng: random.Random,
        trace: Trace,
        *,
        disk: Disk,
    ) -> None:
        self.down = False  # nothing is answered with anything but an error
        self.full = False  # only reading works
        self.forgets = 0.0  # how likely the answer to a finished call gets lost
        self.slowness = 1.0
        self._silent = False
        self._held: list[tuple[asyncio.Future[Any], str, tuple[Any, ...], dict[str, Any]]] = []
        self._ledger = ledger
        self._trace = trace
        self._rng = rng
        self._disk = disk

    def client(self) -> SimStore:
        """Return a router's connection."""
        return SimStore(self)

    def close(self) -> None:
        """Throw away what is stored."""
        self._disk.close()

    @property
    def epoch(self) -> str:
        return self._disk.store.epoch

    @property
    def time_ms(self) -> int:
        return self._disk.store.time_ms

    def fall_silent(self) -> None:
        """SIGSTOP: calls wait, until who called gives up."""
        self._silent = True

    def answer_again(self) -> None:
        """SIGCONT: calls that were given up have an effect, or have none."""
        self._silent = False
        held, self._held = self._held, []
        for call in held:
            given_up = call[0].done()
            if not given_up or self._rng.random() < 0.5:
                self._work(*call)

    async def ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Carry out a call of the store, even if who asked for it stops or dies meanwhile."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        loop.call_later(self._delay(), self._reached, answer, name, args, kwargs, context=NOBODY)
        return await answer

    def _reached(
        self, answer: asyncio.Future[Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if not self._silent:
            self._work(answer, name, args, kwargs)
            return
        self._held.append((answer, name, args, kwargs))
        silent = StoreUnavailable("the database is silent")
        asyncio.get_running_loop().call_later(
            PATIENCE, _answer, answer, None, silent, context=NOBODY
        )

    def _delay(self) -> float:
        return self._rng.uniform(*DELAY) * self.slowness

    def _work(
        self, answer: asyncio.Future[Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        result: Any = None
        error: Exception | None = None
        if self.down:
            error = StoreUnavailable("the database is down")
        elif self.full and name != "read":
            error = StoreUnavailable("the disk is full")
        else:
            try:
                result = _now(getattr(self._disk.store, name)(*args, **kwargs))
            except Exception as raised:
                error = raised
            else:
                self._ledger.wrote(name, args, result, self._disk.snapshot)
            if self._trace.on:
                self._trace.note("database", f"{name} {_shown(args, kwargs)} = {error or result}")
            if self._rng.random() < self.forgets:
                error = StoreUnavailable("the connection was lost during the call")
        asyncio.get_running_loop().call_later(
            self._delay(), _answer, answer, result, error, context=NOBODY
        )


def _shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    short = [[each.id for each in arg] if _are_events(arg) else arg for arg in args]
    return f"{short} {kwargs or ''}"


def _are_events(arg: object) -> bool:
    return isinstance(arg, list) and bool(arg) and isinstance(arg[0], Event)


def _now(call: Coroutine[Any, Any, _T]) -> _T:
    """Return what a coroutine that never waits returns."""
    try:
        call.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise RuntimeError("the store has waited for something")


def _answer(answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


class SimStore:
    """Implements `database.Database`."""

    def __init__(self, database: Database) -> None:
        self._ask = database.ask
        self._database = database

    @property
    def epoch(self) -> str:
        return self._database.epoch

    @property
    def time_ms(self) -> int:
        return self._database.time_ms

    async def claim(self, shard: int, owner: str) -> int:
        return await self._ask("claim", shard, owner)  # type: ignore[no-any-return]

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> list[Outcome]:
        return await self._ask("append", shard, term, events, now_ms)  # type: ignore[no-any-return]

    async def attach(self, wanted: Sequence[Attach], now_ms: int) -> list[Attachment]:
        return await self._ask("attach", wanted, now_ms)  # type: ignore[no-any-return]

    async def read(
        self, address: str, *, after: int, limit: int, max_bytes: int, initial_head: int = 0
    ) -> Page:
        return await self._ask(  # type: ignore[no-any-return]
            "read",
            address,
            after=after,
            limit=limit,
            max_bytes=max_bytes,
            initial_head=initial_head,
        )

    async def advance(self, cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        await self._ask("advance", cursors, now_ms)

    async def touch(self, device: DeviceInfo, now_ms: int) -> None:
        await self._ask("touch", device, now_ms)

    async def users(self, prefix: str, *, after: str = "", limit: int = 100) -> list[str]:
        return await self._ask("users", prefix, after=after, limit=limit)  # type: ignore[no-any-return]

    async def backlog(
        self, after: tuple[str, str] = port.FIRST, *, devices: int = 5_000, worst: int = 100
    ) -> port.Backlog:
        return await self._ask("backlog", after, devices=devices, worst=worst)  # type: ignore[no-any-return]

    async def note(self, action: Action) -> int:
        return await self._ask("note", action)  # type: ignore[no-any-return]

    async def finish(self, number: int, result: str) -> None:
        await self._ask("finish", number, result)

    async def actions(self, *, before: int = 0, limit: int = 100) -> Sequence[Action]:
        return await self._ask("actions", before=before, limit=limit)  # type: ignore[no-any-return]

    async def find(self, event_id: str, address: str = "") -> list[port.Trace]:
        return await self._ask("find", event_id, address)  # type: ignore[no-any-return]

    async def devices(self, user: str, queue: str = "") -> list[KnownDevice]:
        return await self._ask("devices", user, queue)  # type: ignore[no-any-return]

    async def forget(self, user: str, device: str) -> None:
        await self._ask("forget", user, device)

    async def revoke(self, revocation: Revocation) -> None:
        await self._ask("revoke", revocation)

    async def revocations(self, after: int, limit: int) -> list[Revocation]:
        return await self._ask("revocations", after, limit)  # type: ignore[no-any-return]

    async def expire_revocations(self, now_ms: int) -> None:
        await self._ask("expire_revocations", now_ms)

    async def tell(self, shard: int, term: int, words: Sequence[Told]) -> None:
        await self._ask("tell", shard, term, words)

    async def told(self, shard: int) -> list[Told]:
        return await self._ask("told", shard)  # type: ignore[no-any-return]

    async def last_seen(self, users: Collection[str]) -> dict[str, int]:
        return await self._ask("last_seen", users)  # type: ignore[no-any-return]

    async def queues(self, *, after: str = "", limit: int = 100) -> list[QueueInfo]:
        return await self._ask("queues", after=after, limit=limit)  # type: ignore[no-any-return]

    async def queue(self, address: str) -> QueueInfo | None:
        return await self._ask("queue", address)  # type: ignore[no-any-return]

    async def trim(self, now_ms: int) -> int:
        return await self._ask("trim", now_ms)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """See `Store.aclose`."""
