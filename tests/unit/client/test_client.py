"""The client on real sockets, with a server that the test plays."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from kull_client import (
    BadMessage,
    Position,
    State,
)
from tests.support.until import until
from tests.unit.client.scripted import TOKEN, WAIT, Failure, Scripted, client, events, together


async def test_the_token_travels_in_the_first_message_only(server: Scripted) -> None:
    opening = client(server.url, device_name="Maya's Mac", platform="macos")
    peer = await together(opening, server)

    assert len(peer.hello.pop("instance")) == 32
    assert peer.hello == {
        "type": "HELLO",
        "token": TOKEN,
        "deviceName": "Maya's Mac",
        "platform": "macos",
    }
    assert peer.socket.request is not None
    assert TOKEN not in str(peer.socket.request.headers) + peer.socket.request.path
    await opening.__aexit__(None, None, None)


async def test_an_event_counts_as_processed_when_the_next_one_is_asked_for(
    server: Scripted,
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.credit(1)
    await peer.credit(2)

    await events(opening, 1)
    assert opening.position.after == {}
    await events(opening, 1)
    assert opening.position == Position(epoch="e1", after={"user": 1})
    assert await peer.recv() == {"type": "ACK", "seq": 1}
    await opening.__aexit__(None, None, None)


async def test_leaving_without_an_error_acknowledges_the_last_event(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.credit(1)

    async with asyncio.timeout(WAIT):
        async for _ in opening:
            break
    await opening.__aexit__(None, None, None)

    assert await peer.rest() == [{"type": "ACK", "seq": 1}]
    assert peer.socket.close_code == 1000


async def test_leaving_with_an_error_does_not_acknowledge_the_event_that_failed(
    server: Scripted,
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.credit(1)
    await peer.credit(2)
    await events(opening, 2)

    await opening.__aexit__(Failure, Failure(), None)

    assert await peer.rest() == [{"type": "ACK", "seq": 1}]
    assert opening.position.after == {"user": 1}


async def test_sixteen_events_cost_one_acknowledgement(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    for seq in range(1, 18):
        await peer.credit(seq)

    await events(opening, 17)

    assert await peer.recv() == {"type": "ACK", "seq": 16}
    await opening.__aexit__(None, None, None)


async def test_a_queue_of_another_address_is_acknowledged_by_its_name(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.send("JOINED", {"queue": "all", "head": 4, "after": 4, "recovered": True})
    await peer.credit(5, queue="all")
    await events(opening, 1)

    await opening.__aexit__(None, None, None)

    assert await peer.rest() == [{"type": "ACK", "seq": 5, "queue": "all"}]


async def test_cancelling_the_wait_for_an_event_loses_none(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    waiting = asyncio.create_task(anext(opening), name="waiting")
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting

    await peer.credit(1)

    assert [event.seq for event in await events(opening, 1)] == [1]
    await opening.__aexit__(None, None, None)


async def test_a_slow_application_slows_the_server_down(server: Scripted) -> None:
    opening = client(server.url, buffer=4)
    peer = await together(opening, server)
    sent = 0

    async def flood() -> None:
        nonlocal sent
        for seq in range(1, 2_001):
            await peer.credit(seq, padding="x" * 50_000)
            sent = seq

    flooding = asyncio.create_task(flood(), name="flood")
    await until(lambda: peer.socket.paused, seconds=WAIT, every=0)
    assert sent < 2_000
    got = await events(opening, 200)

    assert [event.seq for event in got] == list(range(1, 201))
    flooding.cancel()
    with suppress(asyncio.CancelledError):
        await flooding
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("later", range(12))
async def test_leaving_while_the_server_hangs_up_ends(server: Scripted, later: int) -> None:
    """`later`: turns of the event loop between the two."""
    opening = client(server.url)
    peer = await together(opening, server)

    peer.socket.transport.abort()
    for _ in range(later):
        await asyncio.sleep(0)

    async with asyncio.timeout(WAIT):
        await opening.__aexit__(None, None, None)
    assert opening.state.name == "closed"


async def test_it_tells_when_the_server_itself_has_lost_touch_and_found_it_again(
    server: Scripted,
) -> None:
    states: list[State] = []
    opening = client(server.url, on_state=states.append)
    peer = await together(opening, server)

    await peer.send("STALE", {"queue": "user", "since": 1_700_000_000_000})
    await peer.credit(1)
    await events(opening, 1)
    assert opening.stale
    assert opening.connected
    await peer.send("FRESH", {"queue": "user"})
    await peer.credit(2)
    await events(opening, 1)
    assert not opening.stale

    told = [state.stale_since for state in states if state.name == "connected"]
    assert told == [0, 1_700_000_000_000, 0]
    await opening.__aexit__(None, None, None)


async def test_the_state_is_told(server: Scripted) -> None:
    states: list[State] = []
    opening = client(server.url, on_state=states.append)
    first = await together(opening, server)
    assert opening.connected
    await first.close(4002, "full")
    await server.accept()
    await until(lambda: states[-1].name == "connected", seconds=WAIT, every=0)
    await opening.__aexit__(None, None, None)

    assert [state.name for state in states] == [
        "connecting",
        "connected",
        "waiting",
        "connecting",
        "connected",
        "closed",
    ]
    assert states[2].reason == "the connection was closed with 4002: full"
    assert not opening.connected


async def test_an_event_that_cannot_be_read_is_told_and_the_next_one_comes(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[BadMessage] = []

    def tell(problem: BadMessage) -> None:
        told.append(problem)
        raise Failure("the application's own")

    opening = client(server.url, on_error=tell)
    peer = await together(opening, server)
    await peer.socket.send("{")
    await peer.send("CREDIT_UPDATE", id=5, seq=1, queue="all")
    await peer.credit(1)

    assert [event.seq for event in await events(opening, 1)] == [1]
    assert [(each.queue, each.seq) for each in told] == [("", None), ("all", 1)]
    assert str(told[1]) == "id must be a string, not 5"
    assert opening.position.after == {"all": 1}
    assert "on_error has failed" in caplog.text
    await opening.__aexit__(None, None, None)
    assert (await peer.rest())[-2:] == [
        {"type": "ACK", "seq": 1, "queue": "all"},
        {"type": "ACK", "seq": 1},
    ]


async def test_what_a_publisher_says_is_told_from_what_the_client_says(server: Scripted) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.send("RECOVERY_LOST", {"queue": "user", "head": 9}, id="a", seq=1)
    await peer.send("RECOVERY_LOST", {"queue": "user", "head": 9})

    got = await events(opening, 2)

    assert [event.type for event in got] == ["RECOVERY_LOST", "RECOVERY_LOST"]
    assert [event.is_notice for event in got] == [False, True]
    await opening.__aexit__(None, None, None)


async def test_the_state_and_the_edge_can_be_asked_for(server: Scripted) -> None:
    opening = client(server.url)
    assert (opening.state, opening.edge) == (State(name="idle"), "")

    await together(opening, server)
    assert (opening.state.name, opening.edge) == ("connected", "edge-1")

    await opening.__aexit__(None, None, None)
    assert opening.state == State(name="closed", reason="closed by the application")


async def test_nothing_runs_on_after_the_end(server: Scripted) -> None:
    opening = client(server.url)
    await together(opening, server)
    await opening.__aexit__(None, None, None)

    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not {name for name in names if name.startswith("kull-client")}
    with pytest.raises(StopAsyncIteration):
        await anext(opening)
