"""Claims, terms and preference, without RabbitMQ or a store."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS
from kull_router.delivery.ownership import CHECK_EVERY, Claim, Ownership, Step, is_probe, probe

EVENT = Message(exchange=topology.CREDIT, routing_key="00.x", body=b"{}", message_id="e", type="X")


@dataclass
class Heard:
    """What an ownership has called out."""

    moved: list[int] = field(default_factory=list)
    told: int = 0

    def tell(self) -> None:
        self.told += 1


def ownership(heard: Heard | None = None, preferred: frozenset[int] = frozenset()) -> Ownership:
    heard = heard or Heard()
    return Ownership(
        router_id="us",
        shard_count=3,
        preferred=preferred,
        moved=heard.moved.append,
        told=heard.tell,
    )


def state(claim: Claim) -> tuple[int | None, bool]:
    return claim.term, claim.standing_by


def test_the_first_message_of_a_channel_claims_whatever_it_is() -> None:
    claim = ownership().claims[0]
    claim.join()
    assert claim.receive([EVENT], now=0) is Step.CLAIM
    assert state(claim) == (None, True), "nothing is owned before the store has given a term"

    claim.win(7)

    assert state(claim) == (7, False)
    assert claim.receive([EVENT], now=0) is Step.NONE


def test_a_lost_channel_loses_the_shard_and_the_next_one_claims_anew() -> None:
    heard = Heard()
    claim = ownership(heard).claims[1]
    claim.join()
    claim.win(1)
    claim.lose()
    assert claim.term is None
    assert heard.moved == [1, 1]

    claim.join()
    assert claim.receive([probe(1)], now=0) is Step.CLAIM


def test_losing_what_was_never_won_moves_nothing() -> None:
    heard = Heard()
    claim = ownership(heard).claims[1]
    claim.join()
    claim.lose()
    assert not heard.moved
    assert heard.told == 2, "edges hear that it stands by, and that it does no more"


def test_an_idle_shard_looks_at_its_term_now_and_then() -> None:
    claim = ownership().claims[0]
    claim.win(1)
    start = CHECK_EVERY
    assert claim.receive([probe(0)], start) is Step.CHECK
    assert claim.receive([probe(0)], start + CHECK_EVERY / 2) is Step.NONE
    assert claim.receive([probe(0), EVENT], start + CHECK_EVERY) is Step.NONE, "an append will tell"
    assert claim.receive([probe(0)], start + CHECK_EVERY) is Step.CHECK


def test_a_shard_is_handed_over_to_who_prefers_it_only() -> None:
    others = ownership(preferred=frozenset({2})).claims[0]
    assert others.is_wanted([EVENT, probe(0, wanted_by="them")])
    assert not others.is_wanted([probe(0)])
    assert not others.is_wanted([probe(0, wanted_by="us")])

    ours = ownership(preferred=frozenset({0})).claims[0]
    assert not ours.is_wanted([probe(0, wanted_by="them")]), "two that prefer it do not fight"
    assert not ownership().claims[0].is_wanted([probe(0, wanted_by="them")])


@pytest.mark.parametrize("exchange", EVENTS.exchanges)
def test_no_publisher_of_events_can_take_a_shard_away(exchange: str) -> None:
    claim = ownership(preferred=frozenset({2})).claims[0]
    forged = Message(
        exchange=exchange,
        routing_key="00.user.x.probe",
        body=b"{}",
        message_id="x",
        type=topology.PROBE,
        headers={topology.HEADER_WANTED_BY: "them"},
    )
    assert not is_probe(forged)
    assert not claim.is_wanted([forged])


def test_a_probe_asks_for_a_shard_only_while_it_is_preferred_and_elsewhere() -> None:
    found = ownership(preferred=frozenset({0, 1}))
    found.claims[1].win(1)

    asks = [each.headers.get(topology.HEADER_WANTED_BY) for each in found.probes()]

    assert asks == ["us", None, None]
    assert {each.exchange for each in found.probes()} == {""}


def test_our_own_shards_are_probed_less_often() -> None:
    found = ownership()
    found.claims[0].win(1)
    rounds = [{each.routing_key for each in found.probes()} for _ in range(6)]
    assert [topology.shard_queue(0) in each for each in rounds] == [True, *[False] * 4, True]
    assert all(topology.shard_queue(1) in each for each in rounds)


STEPS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["join", "win", "lose"])))


@given(STEPS)
def test_edges_are_told_what_is_true_whatever_happens(steps: list[tuple[int, str]]) -> None:
    found = ownership()
    for term, (shard, step) in enumerate(steps, start=1):
        claim = found.claims[shard]
        claim.win(term) if step == "win" else getattr(claim, step)()

    shards = found.frame().shards

    assert {each.shard: each.term for each in shards.shards} == found.terms
    assert list(shards.standby) == found.standby
    for claim in found.claims:
        assert (claim.shard in found.terms) == (claim.term is not None)
