from __future__ import annotations

import subprocess
import sys
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


FORKING = """
import os, signal
from kull_producers import CreditUpdate, PublisherClosed, SyncPublisher
from kull_producers.testing import InMemoryPublisher

event = CreditUpdate(user_id="u", new_balance=1, change=1, reason="r")
with SyncPublisher(InMemoryPublisher()) as publisher:
    child = os.fork()
    if not child:
        signal.alarm(20)  # ends it should it hang
        try:
            publisher.publish(event)
        except PublisherClosed as error:
            print(error, flush=True)
        publisher.__exit__(None, None, None)
        with SyncPublisher(InMemoryPublisher()) as own:
            own.publish(event)
        os._exit(7)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    publisher.publish(event)
print("child", code, "parent ok")
"""


def test_after_a_fork_a_call_says_at_once_what_to_do_and_the_parent_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )

    told, outcome = done.stdout.splitlines()
    assert "post_fork" in told
    assert outcome == "child 7 parent ok"
