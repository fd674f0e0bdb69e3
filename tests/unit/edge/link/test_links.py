"""Links to routers that are named, and to those that a name in the DNS stands for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from kull_edge.link.links import Links
from kull_edge.link.memory import MemoryLink, MemoryListener, MemoryStream
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.until import until

HELLO = pb.Hello(node_id="edge")
WELCOME = pb.AttachResponse(welcome=pb.Welcome(router_id="r", shard_count=4))


class Dns:
    """What a name stands for now; None: it cannot be looked up."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Iterable[str] | None = addresses
        self.asked = 0

    async def look_up(self, host: str, port: int) -> Iterable[str]:
        assert (host, port) == ("routers", 7400)
        self.asked += 1
        if self.addresses is None:
            raise OSError("no answer")
        return self.addresses

    async def again(self) -> None:
        """Wait until it was asked twice: what it said first has been done then."""
        seen = self.asked
        await until(lambda: self.asked >= seen + 2)


class Edge:
    """Who listens to the links."""

    def __init__(self) -> None:
        self.up: list[str] = []
        self.down: list[str] = []
        self.expected: list[int] = []

    def link_up(self, link: str, welcome: pb.Welcome) -> None:
        self.up.append(link)

    def link_heard(self, link: str, sent_us: int) -> None: ...

    def link_frame(self, link: str, frame: pb.AttachResponse) -> None: ...

    def link_down(self, link: str) -> None:
        self.down.append(link)


class Rig:
    """Links to routers at any address."""

    def __init__(self, dns: Dns, *fixed: str) -> None:
        self.edge = Edge()
        self.hosts: dict[str, str] = {}  # whom to find at an address
        self.routers: dict[str, MemoryListener] = {}
        links = [self.make(each, "") for each in fixed]
        self.links = Links(
            links, names=["routers:7400"], make=self.make, look_up=dns.look_up, every=0.001
        )

    def make(self, target: str, host: str) -> MemoryLink:
        self.hosts[target] = host
        self.routers[target] = MemoryListener()
        return MemoryLink(self.routers[target], HELLO, name=target)

    async def serve(self, target: str) -> MemoryStream:
        await until(lambda: target in self.routers)
        stream = await self.routers[target].accept()
        stream.send(WELCOME)
        await until(lambda: target in self.edge.up)
        return stream

    @property
    def names(self) -> set[str]:
        return {link.name for link in self.links}


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    task = asyncio.create_task(rig.links.run(rig.edge, rig.edge.expected.append), name="links")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_each_address_of_a_name_gets_a_link_beside_those_that_are_named() -> None:
    rig = Rig(Dns("10.0.0.1", "fd00::1"), "router-1:7400")
    async with running(rig):
        await rig.serve("router-1:7400")
        await rig.serve("10.0.0.1:7400")
        await rig.serve("[fd00::1]:7400")

        assert rig.hosts == {
            "router-1:7400": "",
            "10.0.0.1:7400": "routers",
            "[fd00::1]:7400": "routers",
        }
        assert rig.edge.expected[-1] == 3


async def test_a_router_that_comes_later_is_linked_and_one_that_is_gone_is_dropped() -> None:
    dns = Dns("10.0.0.1")
    rig = Rig(dns)
    async with running(rig):
        first = await rig.serve("10.0.0.1:7400")
        dns.addresses = ["10.0.0.2"]
        await rig.serve("10.0.0.2:7400")
        assert rig.names == {"10.0.0.1:7400", "10.0.0.2:7400"}  # its stream lives

        first.close()
        await until(lambda: rig.names == {"10.0.0.2:7400"})

        assert rig.edge.down == ["10.0.0.1:7400"]
        await until(lambda: rig.edge.expected[-1] == 1)
        rig.links.send("10.0.0.1:7400", pb.AttachRequest())  # dropped


async def test_a_name_that_cannot_be_looked_up_changes_nothing_and_is_told_once() -> None:
    dns = Dns("10.0.0.1")
    rig = Rig(dns)
    with capture_logs() as logs:
        async with running(rig):
            (await rig.serve("10.0.0.1:7400")).close()
            await until(lambda: rig.edge.down == ["10.0.0.1:7400"])
            dns.addresses = None
            await dns.again()
            assert rig.names == {"10.0.0.1:7400"}
            dns.addresses = ["10.0.0.1", "10.0.0.2"]
            await until(lambda: len(rig.names) == 2)

    assert [each["event"] for each in logs].count("routers_not_looked_up") == 1


async def test_with_no_name_nobody_is_asked() -> None:
    dns = Dns("10.0.0.1")
    links = Links([], look_up=dns.look_up, every=0.001)
    task = asyncio.create_task(links.run(Edge(), lambda _: None), name="links")
    done, _ = await asyncio.wait({task}, timeout=0.02)
    task.cancel()
    await asyncio.wait({task})

    assert not done
    assert dns.asked == 0


async def test_a_link_that_dies_takes_all_down_loudly() -> None:
    rig = Rig(Dns("10.0.0.1"))

    class Broken(MemoryLink):
        async def run(self, listener: object) -> None:
            raise RuntimeError("broken")

    rig.links = Links([Broken(MemoryListener(), HELLO, name="b")])
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await rig.links.run(rig.edge, rig.edge.expected.append)
