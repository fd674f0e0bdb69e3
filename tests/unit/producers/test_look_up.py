"""Hosts are looked up anew, all their addresses in random order."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest

from kull_producers.look_up import look_up


class Names:
    """What names stand for now."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names

    async def getaddrinfo(self, host: str, port: int, *, type: int) -> list[object]:  # noqa: A002
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown")
        return [(0, type, 0, "", (address, port)) for address in self.names[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names(rabbit=["10.0.0.1", "10.0.0.2"], other=["10.0.0.3"])

    async def answer(_: object, host: str, port: int, *, type: int) -> list[object]:  # noqa: A002
        return await made.getaddrinfo(host, port, type=type)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)
    return made


async def test_every_address_of_every_host_is_a_place_in_random_order(names: Names) -> None:
    hosts = [("rabbit", 1), ("other", 2), ("::1", 3)]
    orders = {tuple(await look_up(hosts, random.Random(seed))) for seed in range(50)}

    assert {frozenset(order) for order in orders} == {
        frozenset({(0, "10.0.0.1"), (0, "10.0.0.2"), (1, "10.0.0.3"), (2, "::1")})
    }
    assert {order[0] for order in orders} == set(next(iter(orders)))


async def test_names_are_looked_up_anew_and_an_unknown_host_is_left_out(names: Names) -> None:
    hosts = [("rabbit", 1), ("nowhere", 2)]
    assert len(await look_up(hosts, random.Random(1))) == 2
    names.names = {"rabbit": ["10.0.0.9"]}
    assert await look_up(hosts, random.Random(1)) == [(0, "10.0.0.9")]
    names.names = {}
    with pytest.raises(OSError, match="unknown"):
        await look_up(hosts, random.Random(1))
