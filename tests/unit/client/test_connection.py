"""How connections begin and end, and when another one is made; on real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from kull_client import (
    GaveUp,
    State,
    SyncClosed,
)
from kull_client.subprotocols import V2
from tests.support.ports import free_port
from tests.support.until import until
from tests.unit.client.scripted import TOKEN, WAIT, Peer, Scripted, client, events, together


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


@asynccontextmanager
async def interrupted(*answers: tuple[int, str]) -> AsyncIterator[str]:
    """A server that has one connection, then answers so in plain HTTP, and is itself again."""
    left = list(answers)
    served = 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal served
        served += 1
        await socket.recv()
        await Peer(socket, {}).welcome()
        if served == 1:
            await socket.close(1012)
        await socket.wait_closed()

    def process(socket: ServerConnection, _request: Request) -> Response | None:
        if not served or not left:
            return None
        status, location = left.pop(0)
        response = socket.respond(status, "")
        if location:
            response.headers["Location"] = location
        return response

    async with serve(
        handle, "127.0.0.1", 0, subprotocols=[Subprotocol(V2)], process_request=process
    ) as http:
        yield f"ws://127.0.0.1:{http.sockets[0].getsockname()[1]}/ws"


@pytest.mark.parametrize(
    "answer",
    [
        (400, ""),
        (401, ""),
        (403, ""),
        (404, ""),
        (410, ""),
        (500, ""),
        (302, ""),
        (302, "http://portal.invalid/login"),
        (302, "ws://portal.invalid/ws"),
        (302, "gopher://portal.invalid:99999/[::"),
        (308, "/ws"),
    ],
)
async def test_an_http_answer_is_passing_once_a_connection_has_worked(
    answer: tuple[int, str],
) -> None:
    states: list[State] = []
    async with interrupted(answer, answer) as url:
        opening = client(url, on_state=states.append)
        async with asyncio.timeout(WAIT):
            await opening.__aenter__()
            await until(
                lambda: [state.name for state in states].count("connected") >= 2,
                seconds=WAIT,
                every=0,
            )
        await opening.__aexit__(None, None, None)

    reasons = [state.reason for state in states if state.name == "waiting"][1:]
    assert len(reasons) == 2
    assert all(f"HTTP {answer[0]}" in reason for reason in reasons), reasons


async def test_http_answers_that_do_not_pass_are_given_up() -> None:
    async with interrupted(*[(404, "")] * 20) as url:
        opening = client(url, max_attempts=4)
        async with asyncio.timeout(WAIT):
            await opening.__aenter__()
            with pytest.raises(GaveUp, match="HTTP 404"):
                await anext(opening)
        await opening.__aexit__(None, None, None)


async def test_no_redirect_is_followed_for_there_the_token_would_be_said(
    server: Scripted,
) -> None:
    async with serve(
        lambda socket: socket.wait_closed(),
        "127.0.0.1",
        0,
        process_request=lambda socket, _: _redirect(socket, server.url),
    ) as portal:
        url = f"ws://127.0.0.1:{portal.sockets[0].getsockname()[1]}/ws"
        with pytest.raises(GaveUp, match="HTTP 302"):
            async with client(url, max_attempts=2):
                raise AssertionError("it opened")

    assert server.peers.qsize() == 0


def _redirect(socket: ServerConnection, to: str) -> Response:
    response = socket.respond(302, "")
    response.headers["Location"] = to
    return response


@pytest.mark.parametrize("error", [ImportError("python-socks"), ValueError("a label too long")])
async def test_no_error_of_another_library_is_raised(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_args: object) -> None:
        raise error

    monkeypatch.setattr("websockets.asyncio.client.connect.open_tcp_connection", fails)
    with pytest.raises(GaveUp, match=str(error)) as caught:
        async with client("ws://kull.test/ws", max_attempts=2):
            raise AssertionError("it opened")
    assert caught.value.__cause__ is error


async def test_a_server_of_another_protocol_is_not_tried_again() -> None:
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as other:
        url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}/ws"
        with pytest.raises(SyncClosed, match=r"does not speak kull\.sync\.v2"):
            async with client(url):
                raise AssertionError("it opened")


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
