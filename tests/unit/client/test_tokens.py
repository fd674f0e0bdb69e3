"""What becomes of an application's token function that fails, hangs, or means to stop."""

from __future__ import annotations

import asyncio

import pytest

from kull_client.errors import Unauthorized
from kull_client.tokens import NoToken, Tokens
from tests.simulation.loop import run

WITHIN = 10.0  # seconds


class Failure(Exception):
    """What an application's function raises."""


async def test_one_text_is_the_token_for_ever() -> None:
    tokens = Tokens("t1", within=WITHIN)

    assert (await tokens.get(), tokens.renewable) == ("t1", False)


async def test_a_function_is_asked_each_time() -> None:
    names = iter(["t1", "t2"])

    async def fresh() -> str:
        return next(names)

    tokens = Tokens(fresh, within=WITHIN)

    assert (await tokens.get(), await tokens.get(), tokens.renewable) == ("t1", "t2", True)


@pytest.mark.parametrize("error", [Failure("down"), OSError("down"), TimeoutError("down")])
async def test_whatever_it_raises_means_that_no_token_can_be_had_now(error: Exception) -> None:
    async def fails() -> str:
        raise error

    with pytest.raises(NoToken, match="down") as caught:
        await Tokens(fails, within=WITHIN).get()
    assert caught.value.__cause__ is error


async def test_one_that_is_no_async_function_is_told() -> None:
    with pytest.raises(NoToken, match="await"):
        await Tokens(lambda: "t1", within=WITHIN).get()  # type: ignore[arg-type,return-value]


async def test_it_can_say_that_nobody_is_signed_in() -> None:
    async def signed_out() -> str:
        raise Unauthorized("please sign in")

    with pytest.raises(Unauthorized, match="please sign in"):
        await Tokens(signed_out, within=WITHIN).get()


async def test_one_that_was_cancelled_inside_cancels_nobody_else() -> None:
    async def cancelled() -> str:
        raise asyncio.CancelledError

    with pytest.raises(NoToken, match="cancelled"):
        await Tokens(cancelled, within=WITHIN).get()


def test_one_that_hangs_is_waited_for_so_long_and_cancelled() -> None:
    ended: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def hangs() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(loop.time())
            raise AssertionError

        tokens = Tokens(hangs, within=WITHIN)
        began = loop.time()
        with pytest.raises(NoToken, match="none came within 10 s"):
            await tokens.get()
        await tokens.close()
        assert [at - began for at in ended] == [pytest.approx(WITHIN)]

    run(main())


def test_one_that_ignores_its_cancellation_is_waited_for_no_longer() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        go = asyncio.Event()

        async def stubborn() -> str:
            while not go.is_set():
                try:
                    await go.wait()
                except asyncio.CancelledError:
                    continue
            return "late"

        tokens = Tokens(stubborn, within=WITHIN)
        began = loop.time()
        with pytest.raises(NoToken):
            await tokens.get()
        await tokens.close()
        assert loop.time() - began <= WITHIN + 1.1
        [left] = asyncio.all_tasks() - {asyncio.current_task()}
        go.set()
        assert await asyncio.wait_for(left, timeout=5) == "late"

    run(main())


async def test_who_stops_waiting_ends_the_function() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hangs() -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    tokens = Tokens(hangs, within=WITHIN)
    waiting = asyncio.create_task(tokens.get(), name="waiting")
    await asked.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    await tokens.close()

    assert ended.is_set()
