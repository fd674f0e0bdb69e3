"""What a client asks for in rooms, and what it tells its application of others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kull_client import InvalidMessage, Rejected, UserStatus
from tests.unit.client.scripted import Peer, Scripted, client, together

ROOM = "room:wedding"
PLACE = {"queue": ROOM, "head": 0, "after": 0, "recovered": True}
OTTO = {"userId": "otto", "since": 1, "devices": []}


async def answered(peer: Peer, type_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Answer the device's next message; return that."""
    message = await peer.recv()
    await peer.send(type_, data | {"ref": message["ref"]})
    return message


async def test_a_room_tells_who_is_there_and_the_application_hears_of_it(server: Scripted) -> None:
    rooms: asyncio.Queue[str] = asyncio.Queue()
    opening = client(server.url, on_members=rooms.put_nowait)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding", history=5, state={"viewing": "a"}))
    said = await answered(peer, "JOINED", PLACE)
    await joining

    await peer.send(
        "PRESENCE", {"queue": ROOM, "generation": [1, 1], "count": 7, "members": [OTTO]}
    )

    assert (said["history"], said["state"]) == (5, {"viewing": "a"})
    assert await rooms.get() == "wedding"
    assert [each.user_id for each in opening.members("wedding")] == ["otto"]
    assert opening.count("wedding") == 7
    assert (list(opening.members("another")), opening.count("another")) == ([], 0)
    await opening.__aexit__(None, None, None)


async def test_a_state_of_a_room_that_is_not_followed_is_not_said(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)

    await opening.set_state("wedding", {"viewing": "a"})
    with pytest.raises(InvalidMessage):
        await opening.set_state("wedding", {"viewing": object()})
    await opening.__aexit__(None, None, None)

    assert await peer.rest() == []


async def test_joining_again_says_the_state(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding"))
    await answered(peer, "JOINED", PLACE)
    await joining

    await opening.join("wedding", state={"viewing": "b"})

    assert (await peer.recv())["state"] == {"viewing": "b"}
    await opening.__aexit__(None, None, None)


async def test_a_listener_that_fails_keeps_nobody_from_anything(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    statuses: asyncio.Queue[UserStatus] = asyncio.Queue()

    def listen(status: UserStatus) -> None:
        statuses.put_nowait(status)
        raise ValueError("mine")

    opening = client(server.url, on_status=listen)
    peer = await together(opening, server)
    asking = asyncio.create_task(opening.watch(["otto"]))
    otto = {"userId": "otto", "online": True, "lastSeen": 0, "generation": [1, 1]}
    await answered(peer, "STATUS", {"users": [otto]})
    await asking

    assert await statuses.get() == opening.status("otto")
    assert "on_status has failed" in caplog.text
    await opening.__aexit__(None, None, None)


async def test_who_may_not_be_watched_is_told(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    asking = asyncio.create_task(opening.watch(["otto"]))
    await answered(peer, "ERROR", {"code": "forbidden", "message": "not otto"})

    with pytest.raises(Rejected, match="not otto"):
        await asking
    assert opening.status("otto") is None
    await opening.__aexit__(None, None, None)
