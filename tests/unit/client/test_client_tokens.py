"""Where the client gets its tokens, and what becomes of it when it gets none."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from kull_client import (
    GaveUp,
    InvalidMessage,
    State,
    SyncClient,
    Unauthorized,
)
from tests.unit.client.scripted import WAIT, Failure, Scripted, client, events, together


async def test_a_token_function_that_fails_is_asked_again(server: Scripted) -> None:
    answers = iter([Failure("the login service is down"), OSError("no network"), "token"])
    states: list[State] = []

    async def fails_twice() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    opening = client(server.url, fails_twice, on_state=states.append)
    peer = await together(opening, server)

    assert peer.hello["token"] == "token"
    waited = [state.reason for state in states if state.name == "waiting"]
    assert waited == ["no token: the login service is down", "no token: no network"]
    await opening.__aexit__(None, None, None)


async def test_a_token_function_that_always_fails_is_given_up_and_told(server: Scripted) -> None:
    async def fails() -> str:
        raise Failure("the login service is down")

    with pytest.raises(GaveUp, match=r"after 3 attempts.*the login service is down") as caught:
        async with client(server.url, fails, max_attempts=3):
            raise AssertionError("it opened")
    assert isinstance(caught.value.__cause__, Failure)


async def test_nobody_is_signed_in_ends_it(server: Scripted) -> None:
    asked = 0

    async def signed_out() -> str:
        nonlocal asked
        asked += 1
        raise Unauthorized("please sign in")

    with pytest.raises(Unauthorized, match="please sign in"):
        async with client(server.url, signed_out):
            raise AssertionError("it opened")
    assert asked == 1


async def test_nobody_is_signed_in_any_more_ends_it_too(server: Scripted) -> None:
    answers = iter(["token"])

    async def signed_out_later() -> str:
        for answer in answers:
            return answer
        raise Unauthorized("signed out elsewhere")

    opening = client(server.url, signed_out_later)
    peer = await together(opening, server)
    await peer.send("TOKEN_EXPIRED", {"closesAt": 1_760_000_030_000})

    with pytest.raises(Unauthorized, match="signed out elsewhere"):
        await events(opening, 1)
    await peer.socket.wait_closed()
    assert (peer.socket.close_code, opening.state.name) == (1000, "closed")
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("token", ["x" * 4097, "", None])
async def test_a_token_that_no_server_takes_is_told_and_not_tried_again(
    server: Scripted, token: Any
) -> None:
    asked = 0

    async def fresh() -> str:
        nonlocal asked
        asked += 1
        return cast("str", token)

    with pytest.raises(InvalidMessage, match="token: must be a string of 1 to 4096 characters"):
        async with client(server.url, fresh):
            raise AssertionError("it opened")
    assert (asked, server.peers.qsize()) == (1, 0)


@pytest.mark.parametrize("wrong", ["x" * 4097, "", None])
async def test_once_connected_a_function_that_returns_no_token_is_asked_again(
    server: Scripted, wrong: Any
) -> None:
    answers = iter(["first", wrong, "second"])
    states: list[State] = []

    async def fresh() -> str:
        return cast("str", next(answers))

    opening = client(server.url, fresh, on_state=states.append)
    peer = await together(opening, server)
    await peer.socket.close(1012)
    async with asyncio.timeout(WAIT):
        again = await server.accept()

    assert again.hello["token"] == "second"
    why = "no token: token: must be a string of 1 to 4096 characters"
    assert why in {state.reason for state in states}
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("wrong", ["x" * 4097, "", None])
async def test_a_renewal_that_brings_no_token_leaves_the_connection_alone(
    server: Scripted, wrong: Any
) -> None:
    answers = iter(["first", wrong])

    async def fresh() -> str:
        return cast("str", next(answers, "more"))

    opening = client(server.url, fresh)
    peer = await together(opening, server)
    await peer.send("TOKEN_EXPIRED", {"closesAt": 1_760_000_030_000})
    await peer.credit(1)

    assert len(await events(opening, 1)) == 1
    assert opening.state.name == "connected"
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize("error", [OSError("no login"), TimeoutError()])
async def test_it_closes_although_the_token_function_swallows_its_cancellation(
    error: OSError,
) -> None:
    asked = asyncio.Event()

    async def token() -> str:
        asked.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise error from None
        raise AssertionError("nobody ends it")

    opening = SyncClient("ws://127.0.0.1:1/ws", token, connect_timeout=60, random=lambda: 0.0)
    entering = asyncio.create_task(opening.__aenter__(), name="open")
    await asked.wait()
    entering.cancel()
    await asyncio.wait({entering}, timeout=5)

    assert entering.cancelled()
