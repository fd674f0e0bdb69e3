# Generated from protos/kull_protos/serving/listener.py by `make contract`: do not edit.
"""The accept loop: a few connections a turn, none beyond the descriptors that peers may have.

asyncio's own one accepts a whole backlog before anybody can say no, and logs a traceback for each
that finds no descriptor.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

from kull_gateway.serving.descriptors import ceiling

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
PER_TURN: Final = 16  # fewer than the descriptors in reserve
PAUSE: Final = 1.0  # seconds without accepting after it failed: most often no descriptor is left
# What may be the newcomer's own fault: accept(2), "Error handling". ConnectionError has the others.
GONE: Final = (
    *(errno.EPROTO, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EPERM, errno.ETIMEDOUT),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
)
SILENCE: Final = 1.0  # seconds between two lines


class Listener:
    """Accepts connections from `start` until `close`.

    Args:
        sockets: bound, owned from now on.
        factory: makes the protocol of one connection.
        shed: cuts a connection that can go and returns True, if there is one: descriptors are
            scarce, and a newcomer is turned away otherwise.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        factory: Callable[[], asyncio.BaseProtocol],
        *,
        shed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sockets = sockets
        self._factory = factory
        self._shed = shed
        self._loop = asyncio.get_running_loop()
        self._ceiling = ceiling()
        self._rests: dict[int, asyncio.TimerHandle] = {}  # by descriptor
        self._opening: set[asyncio.Task[object]] = set()
        self._silent_until = 0.0
        self._left_out = 0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first socket."""
        host, port = self._sockets[0].getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listen. Raises OSError."""
        for each in self._sockets:
            each.setblocking(False)
            each.listen(BACKLOG)
            self._loop.add_reader(each.fileno(), self._readable, each)

    def close(self) -> None:
        """Accept nothing more. Idempotent."""
        for each in self._sockets:
            if each.fileno() >= 0:
                self._loop.remove_reader(each.fileno())
                each.close()
        for rest in self._rests.values():
            rest.cancel()
        self._rests.clear()

    def _readable(self, listening: socket.socket) -> None:
        for _ in range(PER_TURN):
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # it went away before it was accepted
                continue
            except OSError as error:
                if error.errno in GONE:
                    continue
                self._rest(listening)
                self._tell(f"cannot accept, trying again in {PAUSE:g} s: {error.strerror}")
                return
            self._accepted(accepted)

    def _accepted(self, accepted: socket.socket) -> None:
        if self._ceiling and accepted.fileno() >= self._ceiling:
            shed = self._shed()
            self._tell(
                "descriptors are scarce: "
                + ("an unfinished connection is cut" if shed else "a new connection is turned away")
                + ", raise the limit of open files (ulimit -Hn)"
            )
            if not shed:
                accepted.close()
                return
        accepted.setblocking(False)
        opening = self._loop.create_task(self._open(accepted), name="accept")
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, accepted)
        except OSError:  # it is gone already
            accepted.close()

    def _rest(self, listening: socket.socket) -> None:
        number = listening.fileno()
        self._loop.remove_reader(number)
        self._rests[number] = self._loop.call_later(PAUSE, self._again, listening)

    def _again(self, listening: socket.socket) -> None:
        self._rests.pop(listening.fileno(), None)
        self._loop.add_reader(listening.fileno(), self._readable, listening)

    def _tell(self, text: str) -> None:
        now = self._loop.time()
        if now < self._silent_until:
            self._left_out += 1
            return
        log.warning("%s%s", text, f" ({self._left_out} such lines left out)" * bool(self._left_out))
        self._silent_until, self._left_out = now + SILENCE, 0


def bind(host: str, port: int, *, share: bool = False) -> list[socket.socket]:
    """Return sockets bound to every address of a host, on one port. Raises OSError.

    `share`: other processes of this machine may bind the same port.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            each = socket.socket(family, kind, protocol)
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken = sockets[0].getsockname()[1] if len(sockets) > 1 else port
            each.bind((address[0], taken, *address[2:]))
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets
