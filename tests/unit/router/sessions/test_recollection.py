"""Edges are asked what they remember; who does not answer in time is named, nobody waits."""

from __future__ import annotations

import asyncio

import pytest

from kull_protos.common.flight_recorder import Query
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.sessions import recollection
from tests.unit.router.rigs import Rig

QUERY = Query(address="user:maya", seq=3, user_id="maya", device_id="mac")


async def answer(rig: Rig, edge: EdgeStream, **more: int) -> None:
    asked = await rig.frame("recall", edge)
    recalled = pb.Recalled(
        request_id=more.get("request_id", asked.request_id),
        facts=[pb.Fact(kind="gone", node="somebody else")],
        following=[pb.Following(session_id=1)],
    )
    await rig.core.receive(edge, pb.AttachRequest(recalled=recalled))


async def test_every_edge_is_asked_and_answers_under_its_own_name(rig: Rig) -> None:
    other = rig.attach("edge-2")
    asking = asyncio.create_task(rig.core.recollection.ask(QUERY), name="ask")
    await asyncio.gather(answer(rig, rig.edge), answer(rig, other))

    answers, silent = await asking

    assert silent == []
    assert [each.recalled.facts[0].node for each in answers] == ["edge-1", "edge-2"]
    assert [each.recalled.following[0].node for each in answers] == ["edge-1", "edge-2"]


async def test_an_edge_is_told_what_is_asked(rig: Rig) -> None:
    asking = asyncio.create_task(rig.core.recollection.ask(QUERY), name="ask")
    asked = await rig.frame("recall")
    await rig.core.receive(
        rig.edge, pb.AttachRequest(recalled=pb.Recalled(request_id=asked.request_id))
    )
    await asking

    assert (asked.address, asked.seq, asked.user_id, asked.device_id) == (
        "user:maya",
        3,
        "maya",
        "mac",
    )


async def test_an_edge_that_does_not_answer_is_named(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recollection, "ANSWER_WITHIN", 0.05)
    other = rig.attach("edge-2")
    asking = asyncio.create_task(rig.core.recollection.ask(QUERY), name="ask")
    await answer(rig, other)
    await answer(rig, rig.edge, request_id=10**6)  # to a question that nobody has asked

    answers, silent = await asking

    assert [each.recalled.facts[0].node for each in answers] == ["edge-2"]
    assert silent == ["edge-1"]


async def test_an_edge_cannot_answer_for_another(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recollection, "ANSWER_WITHIN", 0.05)
    other = rig.attach("edge-2")
    asking = asyncio.create_task(rig.core.recollection.ask(QUERY), name="ask")
    asked = await rig.frame("recall")
    await answer(rig, other, request_id=asked.request_id)

    assert await asking == ([], ["edge-1", "edge-2"])


async def test_a_second_answer_changes_nothing(rig: Rig) -> None:
    asking = asyncio.create_task(rig.core.recollection.ask(QUERY), name="ask")
    asked = await rig.frame("recall")
    for kind in ("gone", "closed"):
        recalled = pb.Recalled(request_id=asked.request_id, facts=[pb.Fact(kind=kind)])
        await rig.core.receive(rig.edge, pb.AttachRequest(recalled=recalled))

    ((answered,), _) = await asking

    assert [fact.kind for fact in answered.recalled.facts] == ["gone"]


@pytest.mark.parametrize("behind", [3_600_000, -5_000, None])
async def test_how_far_an_edges_clock_is_off_is_measured(rig: Rig, behind: int | None) -> None:
    asking = asyncio.create_task(rig.core.recollection.ask(QUERY), name="ask")
    asked = await rig.frame("recall")
    now = 0 if behind is None else rig.core.clock.wall_ms() - behind
    recalled = pb.Recalled(request_id=asked.request_id, now=now)
    await rig.core.receive(rig.edge, pb.AttachRequest(recalled=recalled))

    ((heard,), _) = await asking

    assert heard.node == "edge-1"
    assert (heard.shift is None) == (behind is None)
    assert behind is None or abs((heard.shift or 0) - behind) < 1_000
