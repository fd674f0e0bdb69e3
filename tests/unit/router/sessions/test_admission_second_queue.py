"""A session is taken into its user's own queue and a second one by one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.shard import Shard
from kull_router.errors import Fenced
from kull_router.queues.port import Attach
from tests.unit.router.rigs import SHARDS, Rig

ALSO = pb.Also(address="all")


def followed(rig: Rig) -> set[str]:
    return {each.address for each in rig.core.subscriptions.all()}


def calls_of(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return what will be asked of the store, by address."""
    calls: list[list[str]] = []
    attach = rig.store.attach

    async def noted(wanted: Sequence[Attach], now_ms: int) -> Any:
        calls.append([each.address for each in wanted])
        return await attach(wanted, now_ms)

    monkeypatch.setattr(rig.store, "attach", noted)
    return calls


async def test_one_answer_and_one_call_of_the_store_are_for_both(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of(rig, monkeypatch)
    position = pb.Position(epoch="other", seq=1)

    answer = await rig.subscribe(1, "maya:mac", also=pb.Also(address="all", position=position))

    assert calls == [["user:maya", "all"]]
    assert (answer.address, answer.recovered) == ("user:maya", True)
    assert (answer.also.address, answer.also.recovered) == ("all", False)
    assert followed(rig) == {"user:maya", "all"}


async def test_a_second_queue_of_another_router_is_left_out(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(rig.core.shards.of("all")), "term", property(_term_but_of_all))

    answer = await rig.subscribe(1, "maya:mac", also=ALSO)

    assert answer.address == "user:maya"
    assert not answer.HasField("also")
    assert followed(rig) == {"user:maya"}


def _term_but_of_all(shard: Shard) -> int | None:
    return None if shard.number == shard_of("all", SHARDS) else 1


async def test_a_second_queue_that_the_token_does_not_grant_is_left_out(rig: Rig) -> None:
    answer = await rig.subscribe(1, "maya:mac", also=pb.Also(address="user:otto"))

    assert answer.address == "user:maya"
    assert not answer.HasField("also")
    assert followed(rig) == {"user:maya"}


async def test_a_second_queue_that_was_lost_leaves_the_users_own_alone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = rig.store.attach

    async def fenced(wanted: Sequence[Attach], now_ms: int) -> Any:
        if any(each.address == "all" for each in wanted):
            raise Fenced(0, 1, 2)
        return await attach(wanted, now_ms)

    monkeypatch.setattr(rig.store, "attach", fenced)
    answer = await rig.subscribe(1, "maya:mac", also=ALSO)

    assert answer.address == "user:maya"
    assert not answer.HasField("also")
    assert followed(rig) == {"user:maya"}


async def test_a_store_that_does_not_answer_refuses_both(rig: Rig) -> None:
    rig.store.broken = True

    refused = await rig.subscribe(1, "maya:mac", also=ALSO)

    assert refused.close_code == 0
    assert followed(rig) == set()


async def test_a_session_that_ends_while_it_joins_is_in_neither(rig: Rig) -> None:
    request = pb.Subscribe(
        session_id=1,
        address="user:maya",
        token="maya:mac",
        device=pb.Device(device_id="mac"),
        also=ALSO,
    )
    bye = pb.Unsubscribe(session_id=1, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))

    await rig.subscribe(2, "otto:mac")

    assert followed(rig) == {"user:otto"}


async def test_a_newer_session_of_a_device_ends_the_older_one_in_both(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac", also=ALSO)
    second = await rig.subscribe(8, "maya:mac", edge=other, also=ALSO)

    evict = await rig.frame("evict")

    assert (evict.session_id, evict.close_code) == (1, 4503)
    assert {each.key.session for each in rig.core.subscriptions.all()} == {8}
    # And it is the newer one for a request of its own as well.
    again = await rig.subscribe(1, "maya:mac", address="all", generation=pb.Generation())
    assert again.close_code == 4503
    assert second.generation.counter == 2
