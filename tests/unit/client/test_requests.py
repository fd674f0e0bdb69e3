"""Messages of the device find their answers; on real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kull_client import (
    NotConnected,
    Rejected,
)
from tests.unit.client.scripted import Scripted, client, together

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROGRESS: dict[str, Any] = {
    "shoot_id": "s1",
    "status": "processing",
    "processed_count": 1,
    "total_count": 2,
    "provider": "Local",
}


async def test_progress_returns_the_id_of_its_event(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    sending = asyncio.create_task(
        opening.update_progress(**PROGRESS, current_image="a.jpg", eta=3, traceparent=TRACE),
        name="sending",
    )

    message = await peer.recv()
    await peer.send("ACCEPTED", {"ref": message["ref"], "id": "event-1"})

    assert message["traceparent"] == TRACE
    assert message["payload"] == {
        "shootId": "s1",
        "status": "processing",
        "processedCount": 1,
        "totalCount": 2,
        "currentImage": "a.jpg",
        "eta": 3,
        "provider": "Local",
    }
    assert await sending == "event-1"
    await opening.__aexit__(None, None, None)


async def test_answers_may_come_in_any_order(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    sending = [
        asyncio.create_task(opening.update_progress(**PROGRESS), name=f"sending-{number}")
        for number in range(2)
    ]
    refs = [(await peer.recv())["ref"] for _ in sending]
    for ref in reversed(refs):
        await peer.send("ACCEPTED", {"ref": ref, "id": f"event-{ref}"})

    assert await asyncio.gather(*sending) == [f"event-{ref}" for ref in refs]
    await opening.__aexit__(None, None, None)


async def test_refused_progress_says_why(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    sending = asyncio.create_task(opening.update_progress(**PROGRESS), name="sending")
    ref = (await peer.recv())["ref"]
    await peer.send("ERROR", {"code": "busy", "message": "wait for ACCEPTED", "ref": ref})

    with pytest.raises(Rejected, match="wait for ACCEPTED") as caught:
        await sending
    assert caught.value.code == "busy"
    await opening.__aexit__(None, None, None)


async def test_progress_without_an_answer_is_told_when_the_connection_is_lost(
    server: Scripted,
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    sending = asyncio.create_task(opening.update_progress(**PROGRESS), name="sending")
    await peer.recv()
    peer.socket.transport.abort()

    with pytest.raises(NotConnected, match="send it again"):
        await sending
    await opening.__aexit__(None, None, None)


async def test_progress_without_an_answer_in_time_is_told(server: Scripted) -> None:
    opening = client(server.url)
    await together(opening, server)

    with pytest.raises(TimeoutError):
        await opening.update_progress(**PROGRESS, answer_within=0.01)
    await opening.__aexit__(None, None, None)


async def test_progress_of_a_closed_client_is_told(server: Scripted) -> None:
    opening = client(server.url)
    await together(opening, server)
    await opening.__aexit__(None, None, None)

    with pytest.raises(NotConnected):
        await opening.update_progress(**PROGRESS)
