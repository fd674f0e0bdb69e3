"""The user's own queue and `all` are asked for together where one router owns both."""

from __future__ import annotations

import json

from kull_edge.hub import Hub
from kull_edge.protocol.handshake import Handshake
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    SHARDS,
    connect,
    make_hub,
    owned,
    push,
    sent,
    subscribed,
    welcome,
    written,
)

OWN, EVERYBODYS = shard_of(MAYA, SHARDS), shard_of("all", SHARDS)


def linked(**links: list[int]) -> Hub:
    """Return a hub with these links, each to the owner of some shards."""
    hub = make_hub(routers=len(links))
    for link, shards in links.items():
        hub.link_up(link, welcome(), 0)
        hub.link_frame(link, owned(1, shards), 0)
    return hub


def both(*, head: int = 0, own_term: int = 1) -> pb.AttachResponse:
    answer = subscribed(1, term=own_term, generation=pb.Generation(term=1, counter=5))
    answer.subscribed.also.CopyFrom(subscribed(1, address="all", head=head).subscribed)
    return answer


def kinds(messages: list[dict[str, object]]) -> list[object]:
    return [message.get("type", message.get("seq")) for message in messages]


def test_one_request_asks_the_owner_of_both_and_one_answer_tells_both() -> None:
    hub = linked(r=[*range(SHARDS)])
    hello = {"type": "HELLO", "token": "maya:mac", "epoch": "e", "after": {"user": 3, "all": 7}}
    hub.connected(1, Handshake(v2=True), 0.0)

    (subscribe,) = sent(hub.text(1, json.dumps(hello), 0), "subscribe")

    assert (subscribe.address, subscribe.position.seq) == (MAYA, 3)
    assert (subscribe.also.address, subscribe.also.position.seq) == ("all", 7)
    effects = hub.link_frame("r", both(), 0)
    assert kinds(written(effects, 1)) == ["WELCOME", "JOINED"]
    assert sent(effects, "subscribe") == []


def test_an_owner_of_all_that_is_another_router_is_asked_once_the_device_is_known() -> None:
    hub = linked(mine=[OWN], others=[each for each in range(SHARDS) if each != OWN])
    (subscribe,) = sent(connect(hub), "subscribe")
    assert not subscribe.HasField("also")

    answer = subscribed(1, generation=pb.Generation(term=1, counter=5))
    (second,) = sent(hub.link_frame("mine", answer, 0), "subscribe")

    assert (second.address, second.generation.counter) == ("all", 5)


def test_a_router_of_an_earlier_version_is_asked_again_for_what_it_has_not_answered() -> None:
    hub = linked(r=[*range(SHARDS)])
    connect(hub)

    answer = subscribed(1, generation=pb.Generation(term=1, counter=5))
    effects = hub.link_frame("r", answer, 0)

    (second,) = sent(effects, "subscribe")
    assert (second.address, second.generation.counter) == ("all", 5)
    assert kinds(written(effects, 1)) == ["WELCOME"]
    effects = hub.link_frame("r", subscribed(1, address="all"), 0)
    assert kinds(written(effects, 1)) == ["JOINED"]


def test_what_is_pushed_to_all_before_the_answer_is_fetched_after_it() -> None:
    hub = linked(r=[*range(SHARDS)])
    connect(hub)
    hub.link_frame("r", push(1, 1, address="all"), 0)

    effects = hub.link_frame("r", both(head=0), 0)

    (fetch,) = sent(effects, "fetch")
    assert (fetch.address, fetch.after) == ("all", 0)


def test_a_device_that_leaves_before_the_answer_leaves_both_queues() -> None:
    hub = linked(r=[*range(SHARDS)])
    connect(hub)

    ended = sent(hub.disconnected(1, 0), "unsubscribe")

    assert {each.address for each in ended} == {MAYA, "all"}


def test_a_router_that_loses_the_users_queue_meanwhile_is_told_to_forget_the_other() -> None:
    hub = linked(r=[*range(SHARDS)], other=[])
    connect(hub)

    effects = hub.link_frame("other", owned(2, [OWN]), 0)

    (ended,) = sent(effects, "unsubscribe")
    assert ended.address == "all"
    (subscribe,) = sent(effects, "subscribe")
    assert (subscribe.address, subscribe.HasField("also")) == (MAYA, False)
    assert hub.link_frame("r", both(), 0) == []
    answer = subscribed(1, term=2, generation=pb.Generation(term=2, counter=5))
    effects = hub.link_frame("other", answer, 0)
    assert [each.address for each in sent(effects, "subscribe")] == ["all"]


def test_an_answer_of_a_router_that_has_lost_all_meanwhile_does_not_count_for_it() -> None:
    hub = linked(r=[*range(SHARDS)], other=[])
    connect(hub)
    hub.link_frame("other", owned(2, [EVERYBODYS]), 0)

    effects = hub.link_frame("r", both(), 0)

    assert kinds(written(effects, 1)) == ["WELCOME"]
    (second,) = sent(effects, "subscribe")
    assert second.address == "all"


def test_a_router_that_says_try_again_is_asked_for_both_again() -> None:
    hub = linked(r=[*range(SHARDS)])
    connect(hub)
    busy = pb.Refused(session_id=1, address=MAYA, reason="busy")
    hub.link_frame("r", pb.AttachResponse(refused=busy), 0)

    (subscribe,) = sent(hub.due(2.0), "subscribe")

    assert (subscribe.address, subscribe.also.address) == (MAYA, "all")
