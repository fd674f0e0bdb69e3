"""Whom an edge asks about whom, and whom it tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kull_edge.hub import Hub
from kull_edge.placement.watches import MOST_OPEN
from kull_edge.session.effects import Effect
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import SHARDS, attached, make_hub, owned, sent, welcome, written

OTTO, ANNA = "otto", "anna"
SHARD = {user: shard_of(f"user:{user}", SHARDS) for user in (OTTO, ANNA)}


def watch(hub: Hub, users: Sequence[str], session: int = 1, **more: Any) -> list[Effect]:
    return hub.text(session, json.dumps({"type": "WATCH", "userIds": users, **more}), 1.0)


def statuses(request: pb.Watch | None, *users: tuple[str, bool, int], **more: Any) -> Any:
    frame = pb.Statuses(
        request_id=request.request_id if request else 0,
        session_id=request.session_id if request else 0,
        users=[
            pb.UserStatus(
                user_id=user, online=online, generation=pb.Generation(term=1, counter=counter)
            )
            for user, online, counter in users
        ],
        **more,
    )
    return pb.AttachResponse(statuses=frame)


def told(effects: Sequence[Effect], session: int = 1) -> list[list[tuple[str, bool]]]:
    return [
        [(each["userId"], each["online"]) for each in message["data"]["users"]]
        for message in written(effects, session)
        if message["type"] == "STATUS"
    ]


def test_the_owner_is_asked_with_the_device_s_token_and_news_go_to_all_who_watch() -> None:
    hub = make_hub()
    attached(hub, 1)
    attached(hub, 2, token="maya:mac2")
    attached(hub, 3, token="maya:mac3")
    for session in (1, 2):
        [request] = sent(watch(hub, [OTTO], session), "watch")
        assert request.token and list(request.user_ids) == [OTTO]
        answer = hub.link_frame("r", statuses(request, (OTTO, False, 1)), 1.0)
        assert told(answer, session) == [[(OTTO, False)]]

    news = hub.link_frame("r", statuses(None, (OTTO, True, 2)), 1.0)
    assert told(news, 1) == told(news, 2) == [[(OTTO, True)]]
    assert told(news, 3) == []


def test_users_of_two_routers_make_two_questions_and_one_answer() -> None:
    hub = make_hub(routers=2)
    assert SHARD[OTTO] != SHARD[ANNA]
    hub.link_up("r", welcome(), 0)
    hub.link_up("s", welcome(), 0)
    others = [each for each in range(SHARDS) if each != SHARD[ANNA]]
    hub.link_frame("r", owned(1, others), 0)
    hub.link_frame("s", owned(1, [SHARD[ANNA]]), 0)
    attached(hub, 1)
    requests = {tuple(each.user_ids): each for each in sent(watch(hub, [OTTO, ANNA]), "watch")}
    assert set(requests) == {(OTTO,), (ANNA,)}
    assert told(hub.link_frame("s", statuses(requests[ANNA,], (ANNA, True, 1)), 1)) == []
    answer = hub.link_frame("r", statuses(requests[OTTO,], (OTTO, False, 1)), 1)
    assert told(answer) == [[(OTTO, False), (ANNA, True)]]


def test_a_new_owner_is_asked_again_and_what_has_not_changed_is_not_told() -> None:
    hub = make_hub(routers=2)
    attached(hub, 1)
    [request] = sent(watch(hub, [OTTO]), "watch")
    hub.link_frame("r", statuses(request, (OTTO, True, 1)), 1.0)
    hub.link_down("r", 2.0)
    hub.link_up("s", welcome(), 3.0)
    [again] = sent(hub.link_frame("s", owned(2), 3.0), "watch")
    assert list(again.user_ids) == [OTTO]
    frame = statuses(again, (OTTO, True, 1))
    frame.statuses.users[0].generation.term = 2
    assert told(hub.link_frame("s", frame, 3.0)) == []


def test_a_list_without_an_owner_is_asked_for_when_there_is_one() -> None:
    hub = make_hub()
    attached(hub, 1)
    others = [each for each in range(SHARDS) if each != SHARD[OTTO]]
    hub.link_frame("r", owned(1, others), 1.0)
    assert sent(watch(hub, [OTTO]), "watch") == []
    [request] = sent(hub.link_frame("r", owned(2), 2.0), "watch")
    assert list(request.user_ids) == [OTTO]


def test_a_mass_of_watches_waits_in_line() -> None:
    hub = make_hub(max_connections=1_000)
    count = 2 * MOST_OPEN
    for session in range(1, count + 1):
        attached(hub, session, token=f"maya:mac-{session}")
        watch(hub, [OTTO], session)
    hub.link_down("r", 2.0)
    hub.link_up("s", welcome(), 3.0)
    asked = sent(hub.link_frame("s", owned(2), 3.0), "watch")
    assert len(asked) == MOST_OPEN
    for _ in range(count - MOST_OPEN):
        asked += sent(hub.link_frame("s", statuses(asked[0], (OTTO, True, 1)), 3.0), "watch")[:1]
        asked.pop(0)
    assert len({each.session_id for each in asked}) == MOST_OPEN


def test_what_a_router_could_not_answer_is_asked_again_later() -> None:
    hub = make_hub()
    attached(hub, 1)
    [request] = sent(watch(hub, [OTTO]), "watch")
    assert sent(hub.link_frame("r", statuses(request, error="later"), 1.0), "watch") == []
    assert len(sent(hub.due(10.0), "watch")) == 1


def test_who_ends_or_watches_nobody_is_told_to_the_router() -> None:
    hub = make_hub()
    attached(hub, 1)
    [request] = sent(watch(hub, [OTTO]), "watch")
    hub.link_frame("r", statuses(request, (OTTO, True, 1)), 1.0)
    [ended] = sent(watch(hub, []), "watch")
    assert not ended.user_ids
    hub.link_frame("r", statuses(ended), 1.0)
    assert told(hub.link_frame("r", statuses(None, (OTTO, False, 2)), 1.0)) == []
    watch(hub, [OTTO])
    [gone] = sent(hub.disconnected(1, 2.0), "watch")
    assert not gone.user_ids and gone.session_id == 1


def test_another_token_is_shown_to_the_routers_at_once() -> None:
    hub = make_hub()
    attached(hub, 1)
    [request] = sent(watch(hub, [OTTO]), "watch")
    hub.link_frame("r", statuses(request, (OTTO, True, 1)), 1.0)
    hub.text(1, json.dumps({"type": "REFRESH", "token": "maya:mac2"}), 2.0)
    effects = hub.link_frame("r", pb.AttachResponse(refreshed=pb.Refreshed(session_id=1)), 2.0)
    [again] = sent(effects, "watch")
    assert again.token == "maya:mac2"
    refused = hub.link_frame("r", statuses(again, forbidden=[OTTO]), 2.0)
    assert [m["data"]["code"] for m in written(refused, 1)] == ["forbidden"]
    assert told(hub.link_frame("r", statuses(None, (OTTO, False, 2)), 3.0)) == []


def test_the_plain_dialect_has_no_watch() -> None:
    hub = make_hub()
    attached(hub, 1, v2=False)
    effects = watch(hub, [OTTO])
    assert sent(effects, "watch") == []
    assert [m["data"]["code"] for m in written(effects, 1)] == ["invalid_message"]
