"""Sessions, takeover and presence."""

from __future__ import annotations

from functools import partial

import pytest

from kull_router.delivery.session_key import SessionKey
from kull_router.queues.port import DeviceInfo
from kull_router.sessions.registry import (
    Registered,
    Registry,
    Superseded,
    TooManyDevices,
)

GRACE = 5.0


@pytest.fixture
def registry() -> Registry:
    return Registry(grace=GRACE, devices_per_user=2)


def join(
    registry: Registry,
    session: int,
    *,
    device: str = "mac",
    user: str = "maya",
    stream: int = 1,
    generation: tuple[int, int] | None = None,
    shard: int = 0,
    now_ms: int = 0,
    opened_ms: int = 0,
) -> Registered:
    return registry.register(
        SessionKey(stream, session),
        DeviceInfo(user=user, device=device),
        shard=shard,
        term=1,
        now_ms=now_ms,
        opened_ms=opened_ms,
        generation=generation,
    )


def connected(registry: Registry, user: str = "maya") -> list[str]:
    return [presence.info.device for presence in registry.connected(user)]


def test_the_newer_session_of_a_device_evicts_the_older(registry: Registry) -> None:
    assert join(registry, 1).evicted is None

    assert join(registry, 2, stream=9).evicted == SessionKey(1, 1)

    assert connected(registry) == ["mac"]
    assert registry.find(SessionKey(1, 1)) is None


def test_generations_grow_with_every_session(registry: Registry) -> None:
    first = join(registry, 1).presence.generation

    assert join(registry, 2).presence.generation > first


def test_a_session_subscribed_again_keeps_its_generation(registry: Registry) -> None:
    assert join(registry, 1, generation=(1, 7)).presence.generation == (1, 7)

    assert join(registry, 2).presence.generation > (1, 7)


def test_an_older_session_cannot_take_a_device_back(registry: Registry) -> None:
    join(registry, 1, generation=(2, 1))

    with pytest.raises(Superseded):
        join(registry, 2, generation=(1, 9))

    assert registry.find(SessionKey(1, 1))


def test_a_connection_that_was_held_up_does_not_evict_a_later_one(registry: Registry) -> None:
    """A stopped edge that goes on speaks for clients that have long connected elsewhere."""
    join(registry, 1, opened_ms=60_000)

    with pytest.raises(Superseded) as refused:
        join(registry, 2, opened_ms=40_000)

    assert not refused.value.for_good, "the clocks of two edges may differ: it may come again"
    assert registry.find(SessionKey(1, 1))


def test_clocks_of_edges_may_differ_a_little(registry: Registry) -> None:
    join(registry, 1, opened_ms=60_000)

    assert join(registry, 2, opened_ms=59_000).evicted == SessionKey(1, 1)


def test_the_release_of_an_evicted_session_does_not_end_the_newer_one(registry: Registry) -> None:
    join(registry, 1)
    join(registry, 2)

    assert registry.release(SessionKey(1, 1), now=0.0) is None

    assert registry.expire(now=100.0) == []
    assert connected(registry) == ["mac"]


def test_a_device_is_gone_only_after_its_grace(registry: Registry) -> None:
    join(registry, 1)
    registry.release(SessionKey(1, 1), now=10.0)

    assert registry.expire(now=10.0 + GRACE - 0.1) == []
    assert [gone.info.device for gone in registry.expire(now=10.0 + GRACE)] == ["mac"]
    assert registry.expire(now=100.0) == []


def test_a_device_that_returns_within_its_grace_was_never_gone(registry: Registry) -> None:
    first = join(registry, 1, now_ms=7)
    first.presence.announced = True
    registry.release(SessionKey(1, 1), now=0.0)

    again = join(registry, 2, now_ms=9)

    assert again.presence.announced
    assert again.presence.connected_ms == 7
    assert registry.expire(now=100.0) == []


def test_a_device_without_session_is_not_listed(registry: Registry) -> None:
    join(registry, 1)
    join(registry, 2, device="phone")
    registry.release(SessionKey(1, 1), now=0.0)

    assert connected(registry) == ["phone"]


def test_one_user_never_sees_another_users_devices(registry: Registry) -> None:
    join(registry, 1, user="maya")
    join(registry, 2, user="otto")

    assert connected(registry, "maya") == ["mac"]
    assert registry.release(SessionKey(1, 2), now=0.0) is not None
    assert connected(registry, "maya") == ["mac"]


def test_a_user_may_not_connect_more_devices_than_allowed(registry: Registry) -> None:
    join(registry, 1, device="mac")
    join(registry, 2, device="phone")

    with pytest.raises(TooManyDevices):
        join(registry, 3, device="tab")

    assert join(registry, 4, device="mac").evicted  # a known device may always reconnect


def test_a_device_in_its_grace_makes_room_for_another(registry: Registry) -> None:
    join(registry, 1, device="mac")
    join(registry, 2, device="phone")
    registry.release(SessionKey(1, 1), now=0.0)

    join(registry, 3, device="tab")

    assert sorted(connected(registry)) == ["phone", "tab"]


def test_a_shard_that_moves_takes_its_users_along(registry: Registry) -> None:
    join(registry, 1, user="maya", shard=3)
    join(registry, 2, user="otto", shard=4)

    registry.drop_shard(3)

    assert connected(registry, "maya") == []
    assert connected(registry, "otto") == ["mac"]
    assert len(registry) == 1


@pytest.mark.parametrize(
    ("instance", "same"), [("run-1", True), ("run-2", False), ("", False)], ids=repr
)
def test_another_connection_of_the_same_run_of_a_client_is_told_from_another_client(
    registry: Registry, instance: str, same: bool
) -> None:
    """Which of the two is newer nobody knows: an edge may have held one up."""
    info = DeviceInfo(user="maya", device="mac")
    first, second, third = (SessionKey(number, 1) for number in (1, 2, 3))
    register = partial(registry.register, shard=0, term=1, now_ms=0, opened_ms=0)
    register(first, info, instance="run-1")

    taken = register(second, info, instance=instance)
    with pytest.raises(Superseded) as refused:
        register(third, info, generation=(1, 1), instance=instance)

    assert (taken.evicted, taken.same) == (first, same)
    assert refused.value.for_good is not bool(instance)
