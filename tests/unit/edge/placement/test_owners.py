"""Who owns a shard: the highest term that a living router of our store claims."""

from __future__ import annotations

from collections.abc import Sequence

from kull_edge.placement.owners import Owner, Owners
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import MAYA, SHARDS, welcome


def owned(term: int, shards: Sequence[int] = range(SHARDS)) -> pb.OwnedShards:
    return pb.OwnedShards(shards=[pb.ShardTerm(shard=shard, term=term) for shard in shards])


def test_before_any_router_nobody_owns_anything() -> None:
    owners = Owners()

    assert (len(owners), owners.shard_of(MAYA), owners.of(MAYA)) == (0, -1, None)
    assert owners.link_down("r") == set()


def test_the_highest_term_owns_and_only_what_changed_is_told() -> None:
    owners = Owners()
    assert owners.link_up("a", welcome())
    assert not owners.link_up("b", welcome())
    assert owners.claimed("a", owned(1)) == set(range(SHARDS))
    assert owners.claimed("a", owned(1)) == set()

    assert owners.claimed("b", owned(2, [owners.shard_of(MAYA)])) == {owners.shard_of(MAYA)}

    assert owners.of(MAYA) == Owner("b", 2)


def test_a_fenced_router_owns_nothing_when_the_owner_is_gone() -> None:
    owners = Owners()
    for name, term in (("a", 1), ("b", 2)):
        owners.link_up(name, welcome())
        owners.claimed(name, owned(term))

    assert owners.link_down("b") == set(range(SHARDS))

    assert owners.of(MAYA) is None


def test_claims_of_another_store_do_not_count() -> None:
    owners = Owners()
    owners.link_up("a", welcome())
    owners.claimed("a", owned(7))

    assert owners.link_up("b", welcome(epoch="new"))

    assert owners.of(MAYA) is None
    owners.claimed("b", owned(1))
    assert owners.of(MAYA) == Owner("b", 1)


def test_an_edge_is_cut_off_when_another_router_has_the_shard() -> None:
    owners = Owners()
    assert owners.is_cut_off(MAYA, routers=2)
    assert not owners.is_cut_off(MAYA, routers=1)
    owners.link_up("a", welcome())
    assert not owners.is_cut_off(MAYA, routers=2)

    owners.claimed("a", pb.OwnedShards(standby=range(SHARDS)))
    assert owners.is_cut_off(MAYA, routers=2)

    owners.claimed("a", owned(1))
    assert not owners.is_cut_off(MAYA, routers=2)
