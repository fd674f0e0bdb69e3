"""The devices' process, and the other end of its pipe."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from tests.support.load.devices import Fleet, Record

ANSWER_WITHIN = 60.0  # seconds


class Devices:
    """A fleet in a process of its own. `with Devices(names, ports) as devices:`"""

    def __init__(self, devices: Sequence[tuple[str, str]], ports: Sequence[int]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit the caller's loop
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_main, args=(other, list(devices), list(ports)), name="devices", daemon=True
        )
        self._other = other

    def __enter__(self) -> Devices:
        self._process.start()
        self._other.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()  # the process ends with its pipe
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    async def connected(self) -> int:
        """Return how many devices have a session."""
        return int(await self._ask("connected", None))

    async def missing(self, confirmed: dict[str, int]) -> int:
        """Return how many confirmed events have not arrived yet; users' events count from 1."""
        return int(await self._ask("missing", confirmed))

    async def record(self) -> Record:
        """Return what happened since the last call."""
        answer = await self._ask("record", None)
        assert isinstance(answer, Record)
        return answer

    async def _ask(self, question: str, with_what: object) -> Any:
        return await asyncio.to_thread(self._ask_now, question, with_what)

    def _ask_now(self, question: str, with_what: object) -> Any:
        self._pipe.send((question, with_what))
        if not self._pipe.poll(ANSWER_WITHIN):
            raise TimeoutError(f"the devices do not answer within {ANSWER_WITHIN:.0f} s")
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _main(pipe: Connection, devices: list[tuple[str, str]], ports: list[int]) -> None:
    asyncio.run(_serve(pipe, Fleet(devices, ports)))


async def _serve(pipe: Connection, fleet: Fleet) -> None:
    """Answer questions until the pipe is closed."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), asked.set)
    life = asyncio.create_task(fleet.run(), name="fleet")
    try:
        while True:
            await asked.wait()
            asked.clear()
            while pipe.poll():
                question, with_what = pipe.recv()
                pipe.send(_answer(fleet, life, question, with_what))
    except (EOFError, BrokenPipeError):
        pass
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


def _answer(fleet: Fleet, life: asyncio.Task[None], question: str, with_what: Any) -> object:
    if life.done():
        return RuntimeError(f"the devices ended: {life.exception()!r}")
    match question:
        case "connected":
            return fleet.connected
        case "missing":
            fleet.ledger.confirmed.update(with_what)
            return fleet.ledger.lost()
        case _:
            return fleet.take_record()
