"""An address is pushed once per edge, as long as somebody there follows it."""

from __future__ import annotations

from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.queues.port import DeviceInfo


def follow(subscriptions: Subscriptions, stream: int, session: int, address: str) -> None:
    subscriptions.add(
        Subscription(
            key=SessionKey(stream, session),
            address=address,
            shard=len(address) % 2,
            info=DeviceInfo(user="a", device=f"d{session}"),
        )
    )


def test_an_edge_with_many_sessions_of_an_address_counts_once() -> None:
    subscriptions = Subscriptions()
    follow(subscriptions, 1, 1, "all")
    follow(subscriptions, 1, 2, "all")
    follow(subscriptions, 2, 1, "all")

    assert sorted(subscriptions.streams("all")) == [1, 2]

    subscriptions.remove(SessionKey(1, 1), "all")
    assert sorted(subscriptions.streams("all")) == [1, 2]
    subscriptions.remove(SessionKey(1, 2), "all")
    assert sorted(subscriptions.streams("all")) == [2]


def test_subscribing_twice_counts_once() -> None:
    subscriptions = Subscriptions()
    follow(subscriptions, 1, 1, "user:a")
    follow(subscriptions, 1, 1, "user:a")

    assert subscriptions.remove(SessionKey(1, 1), "user:a")

    assert list(subscriptions.streams("user:a")) == []
    assert len(subscriptions) == 0


def test_a_stream_that_ends_takes_only_its_own_sessions() -> None:
    subscriptions = Subscriptions()
    follow(subscriptions, 1, 1, "user:a")
    follow(subscriptions, 1, 1, "all")
    follow(subscriptions, 2, 1, "user:a")

    removed = subscriptions.remove_stream(1)

    assert sorted(each.address for each in removed) == ["all", "user:a"]
    assert list(subscriptions.streams("user:a")) == [2]
    assert subscriptions.own(SessionKey(1, 1)) is None
    assert subscriptions.own(SessionKey(2, 1)) is not None


def test_a_shard_that_moves_takes_its_subscriptions() -> None:
    subscriptions = Subscriptions()
    follow(subscriptions, 1, 1, "user:a")  # shard 0
    follow(subscriptions, 1, 1, "all")  # shard 1

    subscriptions.remove_shard(0)

    assert list(subscriptions.streams("user:a")) == []
    assert list(subscriptions.streams("all")) == [1]
