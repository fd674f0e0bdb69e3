"""Sessions are found by number and by queue, and nothing is left of those that have gone."""

from __future__ import annotations

from kull_edge.session.subscription import SubscriptionKey
from tests.unit.edge.hubs import MAYA, attached, make_hub, push


def test_subscriptions_are_found_while_they_are_there() -> None:
    hub = make_hub()
    attached(hub, 1, token="maya:mac")
    attached(hub, 2, token="maya:phone")
    sessions = hub._sessions

    assert [each.key for each in sessions.following(MAYA)] == [(1, MAYA), (2, MAYA)]
    assert sorted(sessions.addresses) == ["all", MAYA]
    assert sessions.find(SubscriptionKey(3, MAYA)) is None
    assert sessions.find(SubscriptionKey(1, "room:x")) is None

    hub.disconnected(1, 0)
    assert [each.key for each in sessions.following(MAYA)] == [(2, MAYA)]
    hub.disconnected(2, 0)
    assert (len(sessions), sessions.addresses, sessions.following(MAYA)) == (0, [], [])


def test_what_is_not_live_is_counted() -> None:
    hub = make_hub()
    attached(hub)
    assert hub.catching_up() == 0

    hub.link_frame("r", push(2, 2), 0)  # a hole

    assert hub.catching_up() == 1
