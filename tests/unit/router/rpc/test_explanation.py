"""What a router answers to `kull why`: bounded, on one clock, and no more than is known."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kull_protos.common.flight_recorder import Query
from kull_protos.mesh.v1 import admin_pb2, attach_pb2
from kull_router.errors import StoreUnavailable
from kull_router.queues.port import DeviceInfo, Trace
from kull_router.rpc.explanation import MOST_TOLD, Explanation
from kull_router.rpc.views import Views
from kull_router.sessions.recollection import Heard
from tests.support.until import until
from tests.unit.router.rigs import Rig

GONE = Trace(address="user:maya", type="X", service="s", seq=0, stored_ms=1)


class Edges:
    """Edges that are asked and answer at once."""

    def __init__(self, *heard: Heard) -> None:
        self.asked: list[Query] = []
        self._heard = heard

    async def ask(self, query: Query) -> tuple[list[Heard], list[str]]:
        self.asked.append(query)
        return list(self._heard), []


def told(kind: str, at: int) -> attach_pb2.Recalled:
    return attach_pb2.Recalled(facts=[attach_pb2.Fact(kind=kind, at=at)], now=1)


async def explain(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, edges: Edges, **asked: Any
) -> admin_pb2.ExplainResponse:
    monkeypatch.setattr(rig.core, "recollection", edges)
    return await Explanation(rig.core, Views(rig.core)).of(admin_pb2.ExplainRequest(**asked))


async def test_of_an_event_for_many_users_a_few_are_told_and_the_others_counted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"user-{number:02}" for number in range(MOST_TOLD + 3)]
    for user in users:
        await rig.credit(user, 1, event_id="e")
    async with asyncio.timeout(5):
        while len(await rig.store.find("e")) < len(users):
            await asyncio.sleep(0)
    edges = Edges()

    answer = await explain(rig, monkeypatch, edges, event_id="e")
    one = await explain(rig, monkeypatch, Edges(), event_id="e", user_id=users[-1])

    assert (len(answer.traces), answer.more_traces) == (MOST_TOLD, 3)
    assert [query.address for query in edges.asked] == [each.address for each in answer.traces]
    assert ([each.address for each in one.traces], one.more_traces) == ([f"user:{users[-1]}"], 0)


async def test_of_an_event_whose_place_is_not_known_nobody_is_asked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find(event_id: str, address: str = "") -> list[Trace]:
        return [GONE]

    monkeypatch.setattr(rig.store, "find", find)
    edges = Edges()

    answer = await explain(rig, monkeypatch, edges, event_id="e")

    assert [(each.seq, each.kept) for each in answer.traces] == [(0, False)]
    assert edges.asked == []


async def test_what_an_edge_remembers_bears_the_routers_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    edges = Edges(
        Heard("edge-1", told("gone", 100), 5_000),
        Heard("edge-1", told("gone", 200), 5_007),
        Heard("edge-2", told("gone", 300), None),
    )

    answer = await explain(rig, monkeypatch, edges, user_id="maya", device_id="mac")

    assert [fact.at for fact in answer.facts if fact.kind == "gone"] == [5_100, 5_200, 300]
    assert dict(answer.shifts) == {"edge-1": 5_000}


async def test_a_store_that_does_not_answer_is_told_and_what_was_acknowledged_waits(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*args: Any) -> None:
        raise StoreUnavailable("the disk is full")

    rig.core.cursors.move("user:maya", DeviceInfo(user="maya", device="mac"), 3)
    with monkeypatch.context() as patched:
        patched.setattr(rig.store, "advance", fails)
        answer = await explain(rig, patched, Edges(), user_id="maya", device_id="mac")

        assert answer.store_error == "the disk is full"
        assert len(rig.core.cursors) == 1
    await until(lambda: not len(rig.core.cursors))


async def test_whether_a_device_follows_a_room_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.subscribe(1, "maya:mac")

    answer = await explain(rig, monkeypatch, Edges(), user_id="maya", device_id="mac")

    (device,) = answer.devices
    assert device.HasField("follows")
    assert device.follows
    (room,) = Views(rig.core).devices(await rig.store.devices("maya", "room:lab"), "maya")
    assert room.HasField("follows")
    assert not room.follows
