"""The links to all routers: those that are named, and those that a name in the DNS stands for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final, NoReturn

import structlog

from kull_edge.link.port import LinkListener, RouterLink
from kull_protos.common.hosts import authority
from kull_protos.mesh.v1.attach_pb2 import AttachRequest

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0  # seconds
FLUSH_TIMEOUT: Final = 1.0  # seconds for the last frames

MakeLink = Callable[[str, str], RouterLink]
LookUp = Callable[[str, int], Awaitable[Iterable[str]]]


class Links:
    """Links by name; `run` keeps a stream of each open.

    An address that its name does not stand for any more keeps its link while the stream lives: a
    router that is not ready is not gone. A name that cannot be looked up changes nothing.

    Args:
        links: those that stay.
        names: `host:port`; every address of the host is a router.
        make: makes the link to such a one: `host:port` of the address, and the host, whose name its
            certificate has.
        look_up: returns the addresses of a host. Raises OSError.
        every: seconds between two looks.
    """

    def __init__(
        self,
        links: Iterable[RouterLink],
        *,
        names: Sequence[str] = (),
        make: MakeLink | None = None,
        look_up: LookUp | None = None,
        every: float = LOOK_EVERY,
    ) -> None:
        self._links = {link.name: link for link in links}
        self._names = names
        self._every = every
        self._make = make
        self._look_up = look_up or _addresses
        self._unknown: set[str] = set()  # names that could not be looked up
        self._found: dict[str, asyncio.Task[None]] = {}  # by name of the link

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[RouterLink]:
        return iter(list(self._links.values()))

    def send(self, link: str, request: AttachRequest) -> None:
        """Queue a frame, see RouterLink; one for a link that is gone is dropped."""
        if found := self._links.get(link):
            found.send(request)

    async def flush(self) -> None:
        """Wait until everything queued has left, but not for long."""
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await asyncio.gather(*(link.flush() for link in self))
        except TimeoutError:
            log.warning("links_not_flushed")

    async def run(self, listener: LinkListener, changed: Callable[[int], None]) -> NoReturn:
        """Keep the streams open until cancelled; `changed` is told how many links there are."""
        async with asyncio.TaskGroup() as tasks:
            for link in self:
                tasks.create_task(link.run(listener), name=f"link {link.name}")
            while True:
                if self._names:
                    await self._look(tasks, listener)
                    changed(len(self))
                await asyncio.sleep(self._every)

    async def _look(self, tasks: asyncio.TaskGroup, listener: LinkListener) -> None:
        wanted: dict[str, str] = {}
        for name in self._names:
            wanted |= await self._targets(name)
        if not self._unknown:
            await self._drop(self._found.keys() - wanted.keys())
        for target, host in wanted.items():
            if target not in self._links:
                assert self._make is not None, "names need a maker of links"
                self._links[target] = link = self._make(target, host)
                self._found[target] = tasks.create_task(link.run(listener), name=f"link {target}")
                log.info("router_found", router=target)

    async def _targets(self, name: str) -> dict[str, str]:
        host, _, port = name.rpartition(":")
        try:
            addresses = await self._look_up(host, int(port))
        except OSError as error:
            if name not in self._unknown:
                log.warning("routers_not_looked_up", why=f"{host}: {error}")
            self._unknown.add(name)
            return {}
        self._unknown.discard(name)
        return {authority(each, int(port)): host for each in addresses}

    async def _drop(self, gone: Iterable[str]) -> None:
        for target in gone:
            if self._links[target].up:
                continue
            task = self._found.pop(target)
            task.cancel()
            await asyncio.wait({task})
            del self._links[target]
            log.info("router_gone", router=target)


async def _addresses(host: str, port: int) -> Iterable[str]:
    told = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return dict.fromkeys(str(address[0]) for *_, address in told)
