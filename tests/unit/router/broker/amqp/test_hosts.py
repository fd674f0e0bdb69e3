"""Which host of RabbitMQ serves, and what is told when none does."""

from __future__ import annotations

import random

import pytest

from kull_router.broker.amqp import AmqpUrl, first_that_serves
from kull_router.errors import BrokerUnavailable, ConfigError, RouterError, ShardCountMismatch

URLS = AmqpUrl.parse_each("amqp://u:hidden@127.0.0.1:1,127.0.0.2:2,[::1]:3/v")


class Hosts:
    """Fail as they are told to, by port."""

    def __init__(self, **errors: RouterError) -> None:
        self.errors = errors
        self.tried: list[str] = []

    async def attempt(self, url: AmqpUrl) -> str:
        self.tried.append(url.address)
        if error := self.errors.get(f"p{url.port}"):
            raise error
        return url.address

    async def any(self, seed: int = 1) -> str:
        return await first_that_serves(URLS, self.attempt, random.Random(seed))


async def test_the_first_that_works_serves_and_nobody_else_is_asked() -> None:
    hosts = Hosts()
    assert [await hosts.any()] == hosts.tried


@pytest.mark.parametrize("seed", range(6))
async def test_a_host_that_is_away_or_refuses_is_left_for_one_that_lives(seed: int) -> None:
    hosts = Hosts(p1=BrokerUnavailable("away"), p2=ConfigError("refused"))
    assert await hosts.any(seed) == "::1"
    assert len(set(hosts.tried)) == len(hosts.tried)


async def test_waiting_may_help_while_one_is_away_only() -> None:
    refused, away = ConfigError("refused"), BrokerUnavailable("away")
    with pytest.raises(BrokerUnavailable, match=r"^away$"):
        await Hosts(p1=refused, p2=away, p3=refused).any()


async def test_that_all_refuse_is_told_as_what_it_is() -> None:
    refused = ConfigError("refused")
    hosts = Hosts(p1=refused, p2=refused, p3=refused)
    with pytest.raises(ConfigError, match="refused"):
        await hosts.any()
    assert len(hosts.tried) == 3


async def test_another_shard_count_is_told_at_once() -> None:
    wrong = ShardCountMismatch(4, 16)
    hosts = Hosts(p1=wrong, p2=wrong, p3=wrong)
    with pytest.raises(ShardCountMismatch):
        await hosts.any()
    assert len(hosts.tried) == 1


async def test_hosts_that_nobody_knows_are_named() -> None:
    urls = AmqpUrl.parse_each("amqp://u:hidden@nowhere.invalid/")
    with pytest.raises(BrokerUnavailable, match=r"nowhere\.invalid") as caught:
        await first_that_serves(urls, Hosts().attempt, random.Random(1))
    assert "hidden" not in str(caught.value)
