from __future__ import annotations

import asyncio

import pytest

from kull_mesh.readiness import until


async def forever() -> None:
    await asyncio.Event().wait()


async def dies() -> None:
    raise ConnectionError("the port is taken")


async def test_it_returns_once_all_is_ready_and_leaves_no_task_behind() -> None:
    answers = iter([False, True])

    await until(lambda: next(answers), forever())

    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "died"] == []


async def test_it_raises_what_a_part_has_died_of() -> None:
    with pytest.raises(ConnectionError, match="the port is taken"):
        await until(lambda: False, dies())
