"""The ASGI app on TCP connections, by uvicorn's HTTP protocol with limits of our own.

Always h11: httptools, which uvicorn takes where it is installed, drops the body of a request that
offers another protocol, as every request of Java's HttpClient does. uvicorn bounds neither the time
of a request's head and body nor that of an answer that nobody reads, and its limit of connections
refuses the newcomer instead of who dawdles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from kull_gateway.headers import MALFORMED, TOO_LATE, WithHeaders

CLOSING: Final = 2.0  # seconds for a peer to read a last answer
# h11's states of the peer in which we wait for its next bytes, and of what.
PHASES: Final = {h11.IDLE: "head", h11.SEND_BODY: "body"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeouts:
    """Seconds for each part of a request, after which the connection ends.

    Attributes:
        head: from the first byte, or the connection's begin.
        body: after the head.
        answer: from the whole request until its answer is taken.
        idle: until the next request.
    """

    head: float = 5.0
    body: float = 10.0
    answer: float = 60.0
    idle: float = 5.0


class Seats(Protocol):
    """Where connections have their places: see `places.Places`."""

    def enter(self, cut: Callable[[], None], *, peer: str) -> int:
        """Give a connection a place."""
        ...

    def works(self, number: int) -> None:
        """It is not cut."""
        ...

    def waits(self, number: int) -> None:
        """It may be cut for a newcomer."""
        ...

    def leave(self, number: int) -> None:
        """It is gone."""
        ...


class HttpSide:
    """Makes the protocol objects that serve HTTP."""

    def __init__(
        self, app: Callable[..., Any], *, places: Seats, timeouts: HttpTimeouts | None = None
    ) -> None:
        self.places = places
        self.timeouts = timeouts or HttpTimeouts()
        self._config = uvicorn.Config(
            # No access log: query strings may hold tokens.
            WithHeaders(app),
            http=BoundedHttp,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=3600,  # ours is shorter
        )
        self._config.load()
        self._state = ServerState()

    def protocol(self) -> asyncio.Protocol:
        """Return a protocol for one connection."""
        return BoundedHttp(self, self._config, self._state)

    async def aclose(self, grace: float = 2.0) -> None:
        """Let running requests end within `grace` seconds, then cut them."""
        for connection in list(self._state.connections):
            cast(BoundedHttp, connection).shutdown()
        tasks = list(self._state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel("the server is stopping")


class BoundedHttp(H11Protocol):
    """One connection: each of its phases ends in time, and who waits for its peer may be cut."""

    def __init__(self, side: HttpSide, config: uvicorn.Config, state: ServerState) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._timeouts = side.timeouts
        self._places = side.places
        self._phase = ""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._place = self._places.enter(self._abort, peer=self.client[0] if self.client else "")
        self._begin("head")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        super().connection_lost(exc)
        self._places.leave(self._place)
        if self._deadline:
            self._deadline.cancel()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer was written."""
        self._begin("idle")
        super().on_response_complete()
        if self.conn.their_state is not h11.IDLE or self.conn.trailing_data[0]:
            self._look()

    def _should_upgrade(self) -> bool:
        """Offers of other protocols are not taken: the request is answered as it is."""
        return False

    def send_400_response(self, msg: str) -> None:
        """Answer what h11 cannot read."""
        del msg
        self.transport.write(MALFORMED)
        self.transport.close()

    def pause_writing(self) -> None:
        """See asyncio.Protocol: the peer does not read."""
        super().pause_writing()
        self._places.waits(self._place)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        if self._phase == "answer":
            self._places.works(self._place)

    def _look(self) -> None:
        """Begin the phase that the connection is in, if it is another one."""
        if self.transport.is_closing():
            return
        phase = PHASES.get(self.conn.their_state, "answer")
        if phase == "answer" and self.conn.our_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED):
            return  # it has got its answer before all of the request was read
        if phase != self._phase:
            self._begin(phase)

    def _begin(self, phase: str) -> None:
        self._phase = phase
        if self._deadline:
            self._deadline.cancel()
        seconds = getattr(self._timeouts, phase)
        self._deadline = self.loop.call_later(seconds, self._late)
        if phase == "answer":
            self._places.works(self._place)
        else:
            self._places.waits(self._place)

    def _late(self) -> None:
        """End the connection; tell why where no answer has begun."""
        unanswered = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)
        asked = self._phase == "body" or (self._phase == "head" and self.conn.trailing_data[0])
        if asked and unanswered and not self.transport.is_closing():
            self.transport.write(TOO_LATE)
            self.transport.close()
            self._deadline = self.loop.call_later(CLOSING, self._abort)
        else:
            self._abort()

    def _abort(self) -> None:
        self.transport.abort()
