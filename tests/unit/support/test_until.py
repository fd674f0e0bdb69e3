"""Waiting ends when it is so, and says what has not become so."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from tests.support.until import until


async def test_it_returns_once_the_condition_holds() -> None:
    looks = count()

    await until(lambda: next(looks) == 3, every=0)

    assert next(looks) == 4


async def test_a_condition_may_have_to_be_awaited() -> None:
    looks = count()

    async def third() -> bool:
        await asyncio.sleep(0)
        return next(looks) == 3

    await until(third, every=0)

    assert next(looks) == 4


async def test_the_failure_names_the_condition_and_the_time() -> None:
    found: list[int] = []

    with pytest.raises(TimeoutError, match=r"not within 0\.01 s: .*len\(found\) > 7"):
        await until(lambda: len(found) > 7, seconds=0.01)


async def test_a_condition_that_never_answers_is_not_waited_for() -> None:
    with pytest.raises(TimeoutError, match=r"not within 0\.01 s"):
        await until(asyncio.Event().wait, seconds=0.01)


async def test_a_time_out_of_the_condition_itself_is_no_end_of_the_waiting() -> None:
    async def fails() -> bool:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await until(fails)
