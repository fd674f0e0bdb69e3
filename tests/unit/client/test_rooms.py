"""Rooms, log-out and the device's own id in the Python client, against a scripted server."""

from __future__ import annotations

import asyncio

import pytest

from kull_client import NotConnected, Rejected, SyncClosed
from tests.unit.client.scripted import Peer, Scripted, client, together

ROOM = "room:wedding"
PLACE = {"queue": ROOM, "head": 4, "after": 4, "recovered": True}


async def joined(peer: Peer) -> str:
    """Answer the device's JOIN and return its ref."""
    message = await peer.recv()
    assert (message["type"], message["queue"]) == ("JOIN", ROOM)
    await peer.send("JOINED", PLACE | {"ref": message["ref"]})
    return str(message["ref"])


async def test_a_room_is_followed_again_on_every_connection_from_where_the_device_stands(
    server: Scripted,
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding"))
    await joined(peer)
    await joining
    await peer.credit(5, queue=ROOM)
    assert (await anext(opening)).queue == ROOM
    waiting = asyncio.create_task(anext(opening))
    while (await peer.recv())["type"] != "ACK":
        pass
    peer.socket.transport.abort()

    again = await server.accept_silently()
    assert again.hello["after"][ROOM] == 5
    await again.welcome()
    await joined(again)
    await again.credit(6, queue=ROOM)

    assert (await waiting).seq == 6
    await opening.__aexit__(None, None, None)


async def test_joining_twice_asks_once(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding"))
    await joined(peer)
    await joining

    await opening.join("wedding")
    await opening.__aexit__(None, None, None)

    assert [message["type"] for message in await peer.rest()] == []


async def test_a_room_that_is_not_granted_says_why(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding"))
    ref = (await peer.recv())["ref"]
    await peer.send("ERROR", {"code": "forbidden", "message": "not granted", "ref": ref})

    with pytest.raises(Rejected, match="not granted"):
        await joining
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("on_a_new_connection", [False, True])
async def test_a_room_that_the_server_ends_is_told_as_an_event(
    server: Scripted, on_a_new_connection: bool
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding"))
    await joined(peer)
    await joining
    if on_a_new_connection:
        peer.socket.transport.abort()
        peer = await server.accept_silently()
        await peer.welcome()
        ref = (await peer.recv())["ref"]
        await peer.send("ERROR", {"code": "forbidden", "message": "no more", "ref": ref})
    else:
        await peer.send("LEFT", {"queue": ROOM, "reason": "no more"})

    left = await anext(opening)

    assert (left.type, left.queue, left.data["reason"]) == ("LEFT", ROOM, "no more")
    joining = asyncio.create_task(opening.join("wedding"))
    await joined(peer)
    await joining
    await opening.__aexit__(None, None, None)


async def test_leaving_acknowledges_first_and_forgets_the_room(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    joining = asyncio.create_task(opening.join("wedding"))
    await joined(peer)
    await joining
    await peer.credit(5, queue=ROOM)
    await anext(opening)

    leaving = asyncio.create_task(opening.leave("wedding"))
    ack, leave = await peer.recv(), await peer.recv()
    await peer.send("LEFT", {"queue": ROOM, "ref": leave["ref"]})
    await leaving

    assert (ack["type"], ack["queue"], ack["seq"]) == ("ACK", ROOM, 5)
    assert (leave["type"], leave["queue"]) == ("LEAVE", ROOM)
    assert ROOM not in opening.position.after
    await opening.__aexit__(None, None, None)


async def test_a_logout_ends_the_iteration_like_closing(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    waiting = asyncio.create_task(anext(opening))
    leaving = asyncio.create_task(opening.logout())
    assert (await peer.recv())["type"] == "LOGOUT"
    await peer.close(4504, "logged out")

    await leaving
    with pytest.raises(StopAsyncIteration):
        await waiting
    await opening.__aexit__(None, None, None)


async def test_a_logout_that_failed_says_so_and_the_client_goes_on(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    leaving = asyncio.create_task(opening.logout())
    ref = (await peer.recv())["ref"]
    await peer.send("ERROR", {"code": "unavailable", "message": "still logged in", "ref": ref})

    with pytest.raises(Rejected, match="still logged in"):
        await leaving
    await peer.close(4504, "by an operator")
    with pytest.raises(SyncClosed):
        await anext(opening)
    with pytest.raises(NotConnected):
        await opening.join("wedding")
    await opening.__aexit__(None, None, None)


async def test_a_device_says_its_own_id(server: Scripted) -> None:
    opening = client(server.url, device_id="mac")

    peer = await together(opening, server)

    assert peer.hello["deviceId"] == "mac"
    await opening.__aexit__(None, None, None)
