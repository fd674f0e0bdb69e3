"""The client on real sockets, with a server that the test plays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.server import serve

from kull_client import (
    Event,
    GaveUp,
    NotConnected,
    Position,
    Rejected,
    State,
    SyncClient,
    SyncClosed,
    SyncError,
)
from tests.support.ports import free_port
from tests.unit.client.scripted import WAIT, Peer, Scripted, scripted

TOKEN = "the-secret-token"


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    async with scripted() as running:
        yield running


def client(url: str, token: Any = TOKEN, **options: Any) -> SyncClient:
    """Return a client that tries again without a pause."""
    return SyncClient(url, token, **{"random": lambda: 0.0} | options)


async def together(opening: SyncClient, server: Scripted, **welcome: Any) -> Peer:
    """Open the client and return the server's end of its connection."""
    async with asyncio.timeout(WAIT):
        peer, _ = await asyncio.gather(server.accept(**welcome), opening.__aenter__())
    return peer


async def events(source: SyncClient, count: int) -> list[Event]:
    """Return the next events."""
    async with asyncio.timeout(WAIT):
        return [await anext(source) for _ in range(count)]


class Failure(Exception):
    """What an application raises while it handles an event."""


# Delivery and acknowledgements


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
    async with asyncio.timeout(WAIT):
        while not peer.socket.paused:
            await asyncio.sleep(0)
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


# Reconnecting


async def test_a_young_connection_that_was_replaced_tries_once_more(server: Scripted) -> None:
    """By what? Perhaps by a message of its own, held up on its way for a while."""
    opening = client(server.url)
    peer = await together(opening, server)

    await peer.close(4503)
    again = await server.accept()
    await again.close(4503)

    with pytest.raises(SyncClosed) as caught:
        await events(opening, 1)
    assert caught.value.code == 4503
    await opening.__aexit__(None, None, None)


async def test_all_connections_of_a_client_name_the_same_run_and_another_client_another(
    server: Scripted,
) -> None:
    opening, other = client(server.url), client(server.url)
    first = await together(opening, server)
    await first.close(4004)
    again = await server.accept()
    else_where = await together(other, server)

    assert first.hello["instance"] == again.hello["instance"] != else_where.hello["instance"]
    await opening.__aexit__(None, None, None)
    await other.__aexit__(None, None, None)


async def test_a_lost_connection_is_made_again_from_the_position(server: Scripted) -> None:
    opening = client(server.url)
    first = await together(opening, server)
    for seq in (1, 2, 3):
        await first.credit(seq)
    await events(opening, 3)  # the third one is still being processed
    first.socket.transport.abort()

    second = await server.accept(after=2, head=4)
    assert second.hello["epoch"] == "e1"
    assert second.hello["after"] == {"user": 2}
    await second.credit(3)
    await second.credit(4)

    assert [event.seq for event in await events(opening, 1)] == [4]
    await opening.__aexit__(None, None, None)
    assert (await second.rest())[-1] == {"type": "ACK", "seq": 4}


@pytest.mark.parametrize("code", [1001, 1011, 4000, 4001, 4002, 4003, 4004, 4499])
async def test_it_reconnects_after_these_codes(server: Scripted, code: int) -> None:
    opening = client(server.url)
    first = await together(opening, server)
    await first.close(code)

    second = await server.accept()
    await second.credit(1)

    assert [event.seq for event in await events(opening, 1)] == [1]
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("code", [1000, 1008, 4500, 4501, 4504, 4505, 4506, 4999])
async def test_it_stops_after_these_codes(server: Scripted, code: int) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.credit(1)
    await peer.close(code, "because")

    assert len(await events(opening, 1)) == 1, "what came before the end is still handed out"
    with pytest.raises(SyncClosed, match="because") as caught:
        await events(opening, 1)
    assert (caught.value.code, caught.value.reason) == (code, "because")
    await opening.__aexit__(None, None, None)


async def test_a_refused_token_is_told_when_the_client_opens(server: Scripted) -> None:
    async def refuse() -> None:
        peer = await server.accept_silently()
        await peer.send("ERROR", {"code": "bad_token", "message": "it was forged"})
        await peer.close(4500)

    refusing = asyncio.create_task(refuse(), name="refuse")
    with pytest.raises(SyncClosed, match=r"4500 \(bad_token\): it was forged"):
        async with client(server.url):
            raise AssertionError("it opened")
    await refusing


async def test_an_expired_token_is_renewed_by_its_function(server: Scripted) -> None:
    tokens = iter(["old", "new"])

    async def fresh() -> str:
        return next(tokens)

    opening = client(server.url, fresh)
    first = await together(opening, server)
    await first.close(4501, "expired")

    second = await server.accept()

    assert (first.hello["token"], second.hello["token"]) == ("old", "new")
    await opening.__aexit__(None, None, None)


async def test_a_token_function_that_fails_is_told(server: Scripted) -> None:
    async def fails() -> str:
        raise Failure("the login service is down")

    with pytest.raises(Failure, match="login"):
        async with client(server.url, fails):
            raise AssertionError("it opened")


async def test_it_stays_with_a_leaving_server_until_it_closes_and_returns_at_once(
    server: Scripted,
) -> None:
    states: list[State] = []
    opening = client(server.url, on_state=states.append)
    first = await together(opening, server)
    await first.send("RECONNECT", {"after": 0})
    await first.credit(1)
    assert [event.seq for event in await events(opening, 1)] == [1]
    await first.socket.close(4000)

    await server.accept()

    waits = [state.delay for state in states if state.name == "waiting"]
    assert waits == [0.0]
    await opening.__aexit__(None, None, None)


async def test_it_gives_up_after_so_many_attempts() -> None:
    with pytest.raises(GaveUp, match="after 3 attempts"):
        async with client(f"ws://127.0.0.1:{free_port()}/ws", max_attempts=3):
            raise AssertionError("it opened")


async def test_nonsense_of_the_server_is_skipped_and_told(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.socket.send("{")
    await peer.credit(1)

    assert [event.seq for event in await events(opening, 1)] == [1]
    assert "a message was skipped: the server sent something that is not JSON" in caplog.text
    await opening.__aexit__(None, None, None)


async def test_a_wrong_path_is_not_tried_again() -> None:
    async with serve(
        lambda socket: socket.wait_closed(),
        "127.0.0.1",
        0,
        process_request=lambda socket, _: socket.respond(404, "no"),
    ) as http:
        url = f"ws://127.0.0.1:{http.sockets[0].getsockname()[1]}/elsewhere"
        with pytest.raises(SyncClosed, match=r"HTTP 404.*is the URL right"):
            async with client(url):
                raise AssertionError("it opened")


async def test_a_server_of_another_protocol_is_not_tried_again() -> None:
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as other:
        url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}/ws"
        with pytest.raises(SyncClosed, match=r"does not speak kull\.sync\.v2"):
            async with client(url):
                raise AssertionError("it opened")


@pytest.mark.parametrize("url", ["http://x/ws", "x", "", "ws://"])
def test_a_url_that_is_none_is_told_without_its_query(url: str) -> None:
    with pytest.raises(SyncError, match="is not a ws:// or wss:// URL") as caught:
        SyncClient(f"{url}?token={TOKEN}", TOKEN)
    assert TOKEN not in str(caught.value)


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
    async with asyncio.timeout(WAIT):
        while states[-1].name != "connected":
            await asyncio.sleep(0)
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


async def test_the_token_is_never_logged(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.WARNING)  # the test's own server
    opening = client(server.url)
    peer = await together(opening, server)
    await peer.send("ERROR", {"code": "unknown_type", "message": "a complaint"})
    await peer.credit(1)
    await events(opening, 1)
    await opening.__aexit__(None, None, None)

    assert "a complaint" in caplog.text
    assert TOKEN not in caplog.text


# The device's own progress

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
        opening.update_progress(**PROGRESS, current_image="a.jpg", eta=3), name="sending"
    )

    message = await peer.recv()
    await peer.send("ACCEPTED", {"ref": message["ref"], "id": "event-1"})

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
