from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kull_producers import (
    ConnectError,
    CreditUpdate,
    InvalidEvent,
    PublisherClosed,
    SyncPublisher,
    connect_sync,
)
from kull_producers.testing import InMemoryPublisher


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "kull-publisher"]


def test_all_kinds_of_events_are_published_without_asyncio() -> None:
    memory = InMemoryPublisher()
    with SyncPublisher(memory) as publisher:
        ids = [
            publisher.shoot_progress(
                user_id="ada",
                shoot_id="s",
                status="queued",
                processed_count=0,
                total_count=3,
                provider="Test",
            ),
            publisher.credit_update(user_id="ada", new_balance=5, change=5, reason="Test"),
            publisher.prompt_change(prompt_id="p", action="voted", user_ids=["ada"]),
            publisher.publish(
                CreditUpdate(user_id="ada", new_balance=6, change=1, reason="Test"),
                idempotency_key="mine",
            ),
        ]

    assert [event.id for event in memory.events] == ids
    assert ids[-1] == "mine"


def test_many_threads_may_publish_at_once() -> None:
    memory = InMemoryPublisher()
    with SyncPublisher(memory) as publisher, ThreadPoolExecutor(8) as pool:

        def credit(number: int) -> str:
            return publisher.credit_update(
                user_id=f"user-{number % 5}", new_balance=number, change=1, reason="Test"
            )

        ids = list(pool.map(credit, range(200)))

    assert sorted(ids) == sorted(event.id for event in memory.events)
    assert len(set(ids)) == 200


def test_errors_pass_through() -> None:
    with SyncPublisher(InMemoryPublisher()) as publisher, pytest.raises(InvalidEvent, match="reas"):
        publisher.credit_update(user_id="ada", new_balance=1, change=1, reason="x" * 5000)


def test_closing_ends_the_thread() -> None:
    with SyncPublisher(InMemoryPublisher()):
        assert threads() == ["kull-publisher"]
    assert threads() == []


def test_a_failed_opening_raises_and_ends_the_thread() -> None:
    with (
        pytest.raises(ConnectError, match=r"127\.0\.0\.1:1"),
        connect_sync("amqp://ada:secret@127.0.0.1:1/", timeout=0.1),
    ):
        raise AssertionError("must not open")
    assert threads() == []


def test_it_works_only_inside_its_block() -> None:
    publisher = SyncPublisher(InMemoryPublisher())
    with pytest.raises(PublisherClosed, match="inside `with`"):
        publisher.prompt_change(prompt_id="p", action="voted")
    with publisher:
        pass
    with pytest.raises(PublisherClosed):
        publisher.prompt_change(prompt_id="p", action="voted")
    with pytest.raises(PublisherClosed, match="make a new one"), publisher:
        raise AssertionError("must not open")
