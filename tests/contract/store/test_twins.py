"""The stores are one: whatever is done to them, they answer like the twin in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kull_router.errors import RouterError
from kull_router.queues.entry import NO_PROGRESS, Contract, Event
from kull_router.queues.port import CursorUpdate, DeviceInfo, Retention, Store
from tests.support.spare_database import SpareDatabase
from tests.support.stores import (
    NOW,
    SHARD,
    Disk,
    MemoryDisk,
    PostgresDisk,
    SqliteDisk,
    attach,
)

ADDRESSES = ("user:a", "user:b", "room:a", "all")
DEVICES = (
    DeviceInfo(user="a", device="phone"),
    DeviceInfo(user="a", device="tab", ephemeral=True),
    DeviceInfo(user="b", device="phone", name="B"),
)
RETENTION = Retention(
    every_entries=4,
    latest_entries=3,
    entry_age=100,
    dedupe_age=60,
    device_age=80,
    ephemeral_device_age=10,
)

addresses = st.sampled_from(ADDRESSES)
devices = st.sampled_from(DEVICES)
positions = st.integers(0, 30)


@st.composite
def events(draw: st.DrawFn) -> Event:
    latest = draw(st.booleans())
    return Event(
        id=draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz")),
        address=draw(addresses),
        type=draw(st.sampled_from("TU")),
        service=draw(st.sampled_from(["", "", "", "s"])),
        contract=Contract.LATEST if latest else Contract.EVERY,
        body=b"{" + b"x" * draw(st.integers(0, 30)),
        key=draw(st.sampled_from("klmno")) if latest else "",
        run=draw(st.sampled_from(["", "r", "r", "s", "t"])) if latest else "",
        version=draw(st.integers(0, 3)) if latest else 0,
        progress=draw(st.integers(NO_PROGRESS, 3)) if latest else NO_PROGRESS,
        late=latest and draw(st.booleans()),
        final=draw(st.booleans()) if latest else False,
        created_ms=NOW + draw(st.integers(0, 150_000)),
    )


@dataclass(frozen=True)
class Step:
    """One call, made some time after the one before."""

    method: str
    arguments: Sequence[Any]
    passed_ms: int


def steps() -> st.SearchStrategy[Step]:
    calls = st.one_of(
        st.tuples(st.just("append"), st.tuples(st.lists(events(), max_size=8))),
        st.tuples(st.just("append"), st.tuples(st.lists(events(), max_size=8))),
        st.tuples(st.just("attach"), st.tuples(addresses, devices, st.none() | positions)),
        st.tuples(
            st.just("advance"),
            st.tuples(
                st.lists(
                    st.builds(
                        lambda address, device, seq: CursorUpdate(
                            address=address, user=device.user, device=device.device, seq=seq
                        ),
                        addresses,
                        devices,
                        positions,
                    ),
                    max_size=4,
                )
            ),
        ),
        st.tuples(st.just("touch"), st.tuples(devices)),
        st.tuples(st.just("forget"), st.tuples(devices)),
        st.tuples(st.just("trim"), st.just(())),
        st.tuples(st.just("claim"), st.just(())),
        st.tuples(st.just("restart"), st.just(())),
    )
    passed = st.sampled_from([0, 1, 9_000, 30_000, 100_000])
    return st.builds(lambda call, passed_ms: Step(call[0], call[1], passed_ms), calls, passed)


class Twin:
    """A store that is driven by steps and tells all it knows."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._now = NOW
        self._term = 0
        self.store: Store | None = None

    async def restart(self) -> None:
        await self.close()
        self.store = await self._disk.open(RETENTION, 16)

    async def close(self) -> None:
        if self.store is not None:
            await self.store.aclose()

    async def do(self, step: Step) -> Any:
        self._now += step.passed_ms
        try:
            return await self._do(step.method, *step.arguments)
        except RouterError as error:
            return type(error), str(error)

    async def _do(self, method: str, *arguments: Any) -> Any:
        store: Any = self.store
        match method:
            case "append":
                return await store.append(SHARD, self._term, *arguments, self._now)
            case "attach":
                address, device, position = arguments
                return await attach(
                    store, device, position, address=address, term=self._term, now=self._now
                )
            case "advance":
                return await store.advance(*arguments, self._now)
            case "touch":
                return await store.touch(*arguments, self._now)
            case "forget":
                return await store.forget(arguments[0].user, arguments[0].device)
            case "trim":
                return await store.trim(self._now)
            case "claim":
                self._term = await store.claim(SHARD, "twin")
                return self._term
            case _:
                return await self.restart()

    async def everything(self) -> Any:
        store = self.store
        assert store is not None
        queues = await store.queues()
        pages = [
            await store.read(
                info.address, after=after, limit=limit, max_bytes=60, initial_head=initial_head
            )
            for info in queues
            for after, limit, initial_head in [(0, 99, 0), (0, 99, info.head), (info.floor, 2, 0)]
        ]
        return queues, pages, [await store.devices(user) for user in "ab"]


async def compare(script: list[Step], disk: Disk) -> None:
    """Do the same to a store and to the one in memory."""
    twins = Twin(MemoryDisk()), Twin(disk)
    for twin in twins:
        await twin.restart()
    for step in [Step("claim", (), 0), *script]:
        expected, got = [await twin.do(step) for twin in twins]
        assert got == expected, step
        expected, got = [await twin.everything() for twin in twins]
        assert got == expected, step
    for twin in twins:
        await twin.close()


@given(st.lists(steps(), min_size=5, max_size=40))
@settings(max_examples=40)
async def test_sqlite_answers_like_the_twin(script: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await compare(script, SqliteDisk(Path(folder)))


@given(st.lists(steps(), min_size=5, max_size=40))
@settings(max_examples=20)
async def test_postgres_answers_like_the_twin(
    spare_database: SpareDatabase, script: list[Step]
) -> None:
    url = spare_database.take()
    await compare(script, PostgresDisk(url))
    spare_database.give_back(url)
