"""The routers, by their AdminService: all of them, or any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import grpc

from kull_console.errors import ConsoleError, OutcomeUnknown, RouterAway, RouterRefuses
from kull_console.measures import ConsoleMeasures
from kull_protos.mesh.v1.admin_pb2_grpc import AdminServiceStub

DEADLINE: Final = 5.0  # seconds for an answer
CONNECT: Final = 2.0  # seconds of them for a connection
OpenChannel = Callable[[str], grpc.aio.Channel]

_REFUSALS: Final = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
_OVER: Final = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}


class Routers:
    """`async with Routers(…)`: one channel to each, opened when it is first asked.

    Args:
        targets: host:port of each.
        open_channel: opens a channel to a target.
        measures: count the calls.
        clock: seconds, that only grow.
    """

    def __init__(
        self,
        targets: Sequence[str],
        open_channel: OpenChannel,
        *,
        measures: ConsoleMeasures,
        clock: Callable[[], float],
    ) -> None:
        self._targets = targets
        self._open_channel = open_channel
        self._measures = measures
        self._clock = clock
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._away: set[str] = set()  # gave no answer when they were last asked

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
        """Ask one after the other until one answers: for what may be done twice.

        Raises RouterRefuses, RouterAway; OutcomeUnknown: one that gave no answer may have done it.
        """
        silent: list[RouterAway] = []
        for target in self._in_order():
            try:
                return await self._ask(target, method, request, deadline)
            except RouterAway as error:
                silent.append(error)
        raise _nobody(map(str, silent), _worst(silent))

    async def once(self, method: str, request: Any, *, deadline: float = DEADLINE) -> Any:
        """Ask one, and the next only if that one has certainly not done it.

        Raises as `any`.
        """
        silent: list[RouterAway] = []
        for target in self._in_order():
            try:
                return await self._ask(target, method, request, deadline)
            except OutcomeUnknown:
                raise
            except RouterAway as error:
                silent.append(error)
        raise _nobody(map(str, silent))

    def _in_order(self) -> list[str]:
        """Return the routers, last those that are away: one that hangs holds up nobody for long."""
        return sorted(self._targets, key=self._away.__contains__)

    async def _outcome(self, target: str, method: str, request: Any, deadline: float) -> Any:
        try:
            return await self._ask(target, method, request, deadline)
        except (RouterAway, RouterRefuses) as error:
            return error

    async def _ask(self, target: str, method: str, request: Any, deadline: float) -> Any:
        began, outcome = self._clock(), "away"
        try:
            answer = await self._called(target, method, request, deadline)
            outcome = "answered"
            return answer
        except OutcomeUnknown:
            outcome = "unknown"
            raise
        except RouterRefuses:
            outcome = "refused"
            raise
        finally:
            self._measures.router_calls.add(outcome)
            self._measures.router_call_seconds.observe(self._clock() - began)

    async def _called(self, target: str, method: str, request: Any, deadline: float) -> Any:
        channel = self._channels.get(target)
        if channel is None:
            channel = self._channels[target] = self._open_channel(target)
        if not await _is_connected(channel, min(deadline, CONNECT)):
            self._away.add(target)
            raise RouterAway(f"router {target} does not answer: no connection to it")
        stub: Any = AdminServiceStub(channel)
        try:
            answer = await getattr(stub, method)(request, timeout=deadline)
        except grpc.aio.AioRpcError as error:
            told = _error_of(target, error)
            if isinstance(told, OutcomeUnknown):
                self._away.add(target)
            raise told from error
        self._away.discard(target)
        return answer


async def _is_connected(channel: grpc.aio.Channel, within: float) -> bool:
    """Return whether there is a connection. Else nothing was sent, and gRPC would not say so."""
    try:
        async with asyncio.timeout(within):
            while (state := channel.get_state(True)) is not grpc.ChannelConnectivity.READY:
                if state in _OVER:
                    return False
                await channel.wait_for_state_change(state)
    except TimeoutError:
        return False
    return True


def _error_of(target: str, error: grpc.aio.AioRpcError) -> ConsoleError:
    code, why = error.code(), error.details() or ""
    if code in _REFUSALS:
        return RouterRefuses(why)
    if code is grpc.StatusCode.PERMISSION_DENIED:
        return RouterRefuses(f"router {target} refuses the console's certificate: {why}")
    if code is grpc.StatusCode.FAILED_PRECONDITION:  # it is for another router
        return RouterAway(f"router {target}: {why}")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return RouterAway(f"router {target} is of an older version that cannot be asked this")
    return OutcomeUnknown(f"router {target} does not answer: {why}")


def _worst(silent: Iterable[RouterAway]) -> type[RouterAway]:
    unknown = any(isinstance(each, OutcomeUnknown) for each in silent)
    return OutcomeUnknown if unknown else RouterAway


def _nobody(silent: Iterable[str], kind: type[RouterAway] = RouterAway) -> RouterAway:
    return kind("; ".join(silent) or "no router is named: set KULL_CONSOLE_ROUTERS")
