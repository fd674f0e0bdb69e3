"""A client's numbers follow its states."""

from __future__ import annotations

from kull_client.event import LEFT, RECOVERY_LOST, Event
from kull_client.inbox import Inbox
from kull_client.session import Delivery
from kull_client.state import State
from kull_client.stats import Stats


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_connects_losses_and_times_are_told() -> None:
    clock = Clock()
    stats = Stats(Inbox(4), now=clock)
    for name, seconds in (("connecting", 0.5), ("connected", 60), ("waiting", 2)):
        stats.told(State(name=name))  # type: ignore[arg-type]
        clock.now += seconds
    stats.told(State(name="connecting"))
    clock.now += 10
    stats.told(State(name="waiting"))
    stats.told(State(name="connecting"))
    clock.now += 1.5
    stats.told(State(name="connected"))
    clock.now += 3

    assert (stats.attempts, stats.connects, stats.failures, stats.losses) == (3, 2, 1, 1)
    assert (stats.connect_seconds, stats.last_connect_seconds) == (2.0, 1.5)
    assert stats.connected_seconds == 63


def test_what_the_application_ends_is_no_loss() -> None:
    stats = Stats(Inbox(4), now=Clock())
    for name in ("connecting", "connected", "closed"):
        stats.told(State(name=name))

    assert (stats.connects, stats.losses, stats.failures) == (1, 0, 0)


def test_a_stale_time_counts_once_and_does_not_end_the_connection() -> None:
    clock = Clock()
    stats = Stats(Inbox(4), now=clock)
    for since in (0, 7, 7, 0, 9):
        stats.told(State(name="connected", stale_since=since))
        clock.now += 1

    assert stats.stale == 2
    assert stats.connected_seconds == 5


async def test_events_are_counted_when_they_are_handed_out() -> None:
    inbox = Inbox(4)
    stats = Stats(inbox)
    for kind in ("CREDIT_UPDATE", RECOVERY_LOST, LEFT):
        await inbox.put(Delivery(Event(type=kind, data={}, queue="user")))
    assert (stats.events, stats.waiting) == (0, 3)

    await inbox.get()
    await inbox.get()

    assert (stats.events, stats.recoveries_lost, stats.waiting) == (2, 1, 1)
