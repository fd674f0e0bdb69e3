"""The routers, by their AdminService: all of them, or any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import grpc

from kull_console.errors import ConsoleError, RouterAway, RouterRefuses
from kull_protos.mesh.v1.admin_pb2_grpc import AdminServiceStub

DEADLINE: Final = 5.0  # seconds for an answer
OpenChannel = Callable[[str], grpc.aio.Channel]


class Routers:
    """`async with Routers(…)`: one channel to each, opened when it is first asked.

    Args:
        targets: host:port of each.
        open_channel: opens a channel to a target.
    """

    def __init__(self, targets: Sequence[str], open_channel: OpenChannel) -> None:
        self._targets = targets
        self._open_channel = open_channel
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> Routers:
        """Begin with no channel."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the channels."""
        channels, self._channels = self._channels, {}
        await asyncio.gather(*(each.close() for each in channels.values()))

    async def each(
        self, method: str, request: Any, *, deadline: float = DEADLINE
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Ask all; return answers by target, and why the others did not answer."""
        found = await asyncio.gather(
            *(self._outcome(target, method, request, deadline) for target in self._targets)
        )
        pairs = list(zip(self._targets, found, strict=True))
        answers = {target: one for target, one in pairs if not isinstance(one, ConsoleError)}
        silent = {target: str(one) for target, one in pairs if isinstance(one, ConsoleError)}
        return answers, silent

    async def all(self, method: str, request: Any) -> list[Any]:
        """Ask all; return the answers of those that gave one. Raises RouterAway if none did."""
        answers, silent = await self.each(method, request)
        if not answers:
            raise _nobody(silent.values())
        return list(answers.values())

    async def any(self, method: str, request: Any, *, deadline: float = DEADLINE) -> Any:
        """Ask one after the other until one answers. Raises RouterAway, RouterRefuses."""
        silent: list[str] = []
        for target in self._targets:
            try:
                return await self._ask(target, method, request, deadline)
            except RouterAway as error:
                silent.append(str(error))
        raise _nobody(silent)

    async def _outcome(self, target: str, method: str, request: Any, deadline: float) -> Any:
        try:
            return await self._ask(target, method, request, deadline)
        except (RouterAway, RouterRefuses) as error:
            return error

    async def _ask(self, target: str, method: str, request: Any, deadline: float) -> Any:
        channel = self._channels.get(target)
        if channel is None:
            channel = self._channels[target] = self._open_channel(target)
        stub: Any = AdminServiceStub(channel)
        try:
            return await getattr(stub, method)(request, timeout=deadline)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}:
                raise RouterRefuses(error.details()) from error
            if code is grpc.StatusCode.PERMISSION_DENIED:
                text = f"router {target} refuses the console's certificate: {error.details()}"
                raise RouterRefuses(text) from error
            if code is grpc.StatusCode.FAILED_PRECONDITION:  # it is for another router
                raise RouterAway(f"router {target}: {error.details()}") from error
            if code is grpc.StatusCode.UNIMPLEMENTED:
                text = f"router {target} is of an older version that cannot be asked this"
                raise RouterAway(text) from error
            raise RouterAway(f"router {target} does not answer: {error.details()}") from error


def _nobody(silent: Iterable[str]) -> RouterAway:
    return RouterAway("; ".join(silent) or "no router is named: set KULL_CONSOLE_ROUTERS")
