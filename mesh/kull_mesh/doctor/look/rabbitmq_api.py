"""What only RabbitMQ's management tells: rights, routes, alarms, and its clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from kull_mesh.doctor.facts import ClockSeen, RabbitSeen
from kull_mesh.doctor.look.http import get
from kull_router.broker.amqp import AmqpUrl
from kull_router.broker.layout import layout

SECOND: Final = 1.0  # what a Date header is exact to
OK: Final = 200


class Api:
    """RabbitMQ's management.

    Args:
        url: `http://account:password@host:15672`; empty: it is not asked.
        amqp: whose virtual host and account are looked at.
    """

    def __init__(self, url: str, amqp: AmqpUrl) -> None:
        self._amqp = amqp
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        account = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._auth = account if account[0] else None
        self._given = bool(url)

    def complete(self, seen: RabbitSeen, shard_count: int) -> RabbitSeen:
        """Add what it tells to what was seen by AMQP. What it refuses is left open."""
        if not self._given:
            return seen
        account = seen.account
        if account is not None:
            user = quote(account.name, safe="")
            told = self._ask(f"/api/users/{user}/permissions")
            rights = _rights(told, self._amqp.vhost)
            tags = _tags(self._ask(f"/api/users/{user}"))
            account = replace(account, rights=rights, tags=tags)
        vhost = quote(self._amqp.vhost, safe="")
        unbound = _unbound(self._ask(f"/api/bindings/{vhost}"), shard_count)
        alarms = _alarms(self._ask("/api/nodes"))
        return replace(seen, account=account, unbound=unbound, alarms=alarms)

    def clock(self) -> list[ClockSeen]:
        """Read its clock, which anybody may: it stands in every answer."""
        if not self._given:
            return []
        began = time.time()
        got = get(f"{self._base}/api/overview", auth=self._auth)
        ended = time.time()
        try:
            told = parsedate_to_datetime(got.date).timestamp() + SECOND / 2
        except ValueError:
            return [ClockSeen(whose="RabbitMQ", problem=got.problem or "it does not say its time")]
        return [
            ClockSeen(
                whose="RabbitMQ",
                ahead=told - (began + ended) / 2,
                within=(ended - began + SECOND) / 2,
            )
        ]

    def _ask(self, path: str) -> Any:
        got = get(self._base + path, auth=self._auth)
        return got.body if got.status == OK else None


def _rights(told: Any, vhost: str) -> Mapping[str, str] | None:
    if told is None:
        return None
    nothing = {"configure": "", "write": "", "read": ""}
    return next((each for each in told if each["vhost"] == vhost), nothing)


def _tags(told: Any) -> Sequence[str]:
    tags = (told or {}).get("tags", [])
    return tags if isinstance(tags, list) else [each for each in tags.split(",") if each]


def _unbound(told: Any, shard_count: int) -> Sequence[str] | None:
    if told is None:
        return None
    there = {
        (each["source"], each["destination"], each["routing_key"], each["destination_type"])
        for each in told
    }
    return [
        f"{one.source} → {one.destination}"
        for one in layout(shard_count).bindings
        if (one.source, one.destination, one.pattern, "exchange" if one.to_exchange else "queue")
        not in there
    ]


def _alarms(told: Any) -> Sequence[str]:
    kinds = {"mem_alarm": "memory is short", "disk_free_alarm": "its disk is full"}
    return [
        f"{why} at {node['name']}"
        for node in told or []
        for name, why in kinds.items()
        if node.get(name)
    ]
