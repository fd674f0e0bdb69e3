"""Which host of RabbitMQ: one after the other, in random order, until one serves."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from kull_producers.look_up import look_up
from kull_router.broker.amqp.url import AmqpUrl
from kull_router.errors import BrokerUnavailable, ConfigError, ShardCountMismatch

_T = TypeVar("_T")


async def first_that_serves(
    urls: Sequence[AmqpUrl], attempt: Callable[[AmqpUrl], Awaitable[_T]], rng: random.Random
) -> _T:
    """Return what `attempt` does at the first host where it works.

    All addresses of all hosts are tried: one that refuses the account may be alone in that.

    Raises:
        BrokerUnavailable: none works, and waiting may help.
        ConfigError: all refuse. ShardCountMismatch is raised at once: it is the same everywhere.
    """
    try:
        places = await look_up([(url.host, url.port) for url in urls], rng)
    except OSError as error:
        hosts = ", ".join(url.host for url in urls)
        raise BrokerUnavailable(f"RabbitMQ's host {hosts} is not known: {error}") from error
    failed: list[BrokerUnavailable | ConfigError] = []
    for number, address in places:
        try:
            return await attempt(replace(urls[number], address=address))
        except ShardCountMismatch:
            raise
        except (BrokerUnavailable, ConfigError) as error:
            failed.append(error)
    unavailable = [str(each) for each in failed if isinstance(each, BrokerUnavailable)]
    if not unavailable:
        raise failed[0]
    raise BrokerUnavailable("; ".join(dict.fromkeys(unavailable)))
