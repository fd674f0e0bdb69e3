"""Everybody finds the same shard for an address."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import kull_producers.contract.shard
from kull_edge.placement.owners import Owners
from kull_producers.events import address as producers
from kull_protos.contract.addresses import of_user
from kull_protos.contract.shard import MAX_SHARD_COUNT, shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb

NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "S"]), min_size=1, max_size=20)


def test_the_shard_of_an_address_never_changes() -> None:
    assert [shard_of(to, 16) for to in ("user:user_123", "all", "user:zoë")] == [2, 13, 0]


@given(NAMES, st.integers(1, MAX_SHARD_COUNT))
def test_edge_router_and_producers_agree(name: str, shard_count: int) -> None:
    to = of_user(name)
    edge = Owners()
    edge.link_up("r", pb.Welcome(epoch="e", shard_count=shard_count))

    mine = shard_of(to, shard_count)

    assert 0 <= mine < shard_count
    assert edge.shard_of(to) == mine
    assert kull_producers.contract.shard.shard_of(to, shard_count) == mine
    assert producers.routing_key(to, shard_count, "x").startswith(f"{mine:02d}.user.")
