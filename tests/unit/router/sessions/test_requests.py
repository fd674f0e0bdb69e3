from __future__ import annotations

import asyncio
import json

import pytest

from kull_producers.events.message import Message
from kull_producers.events.models import ShootProgress
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.router.rigs import Rig, running

TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROGRESS = json.dumps(
    {
        "shootId": "s",
        "status": "processing",
        "processedCount": 1,
        "totalCount": 9,
        "provider": "phone",
    }
).encode()


async def test_a_fetch_reads_the_log_in_order_and_compacted(rig: Rig) -> None:
    for done in (1, 2, 3):
        event = ShootProgress(
            shoot_id="s",
            status="processing",
            processed_count=done,
            total_count=9,
            provider="Test",
        )
        await rig.publish(event, "maya")
        await rig.credit("maya", done)
    answer = await rig.subscribe(1, "maya:mac", position=pb.Position(epoch="memory", seq=0))
    async with asyncio.timeout(5):
        while (await rig.fetch(1, "user:maya", 0)).head < 6:
            pass

    batch = await rig.fetch(1, "user:maya", 0)

    assert answer.recovered
    kinds = [(entry.seq, entry.type) for entry in batch.entries if entry.seq <= 6]
    assert kinds == [
        (2, "CREDIT_UPDATE"),
        (4, "CREDIT_UPDATE"),
        (5, "SHOOT_PROGRESS"),
        (6, "CREDIT_UPDATE"),
    ]


async def test_a_session_fetches_only_what_it_follows(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("otto", 7)

    batch = await rig.fetch(1, "user:otto", 0)

    assert batch.error
    assert not batch.entries


async def test_acks_of_sessions_of_another_edge_are_ignored(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(2)
    forger = rig.attach("edge-2")
    acks = pb.Acks(acks=[pb.Ack(session_id=1, address="user:maya", seq=2)])
    await rig.core.receive(forger, pb.AttachRequest(acks=acks))

    assert (await rig.subscribe(2, "maya:mac")).after == 0


async def test_progress_of_a_device_names_the_device_that_must_not_get_it(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    payload = {
        "shootId": "s",
        "status": "processing",
        "processedCount": 1,
        "totalCount": 2,
        "provider": "Local",
    }
    await publish_from_device(rig, json.dumps(payload).encode())

    published = await rig.frame("published")
    (entry,) = await rig.pushed(1)
    frame = json.loads(entry.message)
    assert frame["id"] == published.event_id
    assert (frame["deviceId"], entry.exclude_device_id) == ("mac", "mac")
    assert frame["data"] == payload


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"shootId":"s"}', b"\xff"])
async def test_bad_progress_is_answered_with_what_is_wrong(rig: Rig, payload: bytes) -> None:
    await rig.subscribe(1, "maya:mac")

    await publish_from_device(rig, payload)

    answer = await rig.frame("published")
    assert answer.error_code == "invalid_message"
    assert answer.error


async def publish_from_device(rig: Rig, payload: bytes, session: int = 1) -> None:
    request = pb.Publish(request_id=5, session_id=session, type="UPDATE_PROGRESS", payload=payload)
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))


@pytest.mark.parametrize(("ratio", "told"), [(0.0, [None]), (1.0, [TRACED])])
async def test_a_device_does_not_turn_on_tracing_for_itself(
    ratio: float, told: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(traces_ratio=ratio) as rig:
        sent: list[object] = []
        publish = rig.broker.publish

        async def noted(message: Message) -> None:
            sent.append(message.headers.get("traceparent"))
            await publish(message)

        monkeypatch.setattr(rig.broker, "publish", noted)
        await rig.subscribe(1, "maya:mac")
        request = pb.Publish(
            request_id=5,
            session_id=1,
            type="UPDATE_PROGRESS",
            payload=PROGRESS,
            traceparent=TRACED,
        )
        await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))
        assert (await rig.frame("published")).error_code == ""

    assert sent == told


async def test_a_device_cannot_publish_through_a_session_that_is_not_its_edges(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")

    await publish_from_device(rig, b"{}", session=77)

    assert (await rig.frame("published")).error_code == "invalid_message"
