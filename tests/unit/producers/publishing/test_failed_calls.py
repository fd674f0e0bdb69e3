"""A call that is repeated after it failed keeps its place."""

from __future__ import annotations

from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import PromptChange
from kull_producers.events.stamp import Stamp
from kull_producers.publishing.failed_calls import FailedCalls


def stamp(key: str, version: int, app_id: str = "billing") -> Stamp:
    return Stamp(id=key, timestamp_ms=version, run="r", version=version, app_id=app_id)


def call(of: Stamp, *users: str) -> list[Message]:
    event = PromptChange(prompt_id="p", action="voted", user_ids=users or ("ada",))
    return messages_of(event, of, shard_count=16)


def test_a_repeat_gets_the_stamp_of_the_call_that_failed_once() -> None:
    failed = FailedCalls()
    failed.add(call(stamp("k", 1)), stamp("k", 1))

    assert failed.take(call(stamp("k", 9))) == stamp("k", 1)
    assert failed.take(call(stamp("k", 10))) is None


def test_a_call_of_another_key_service_or_user_is_no_repeat() -> None:
    failed = FailedCalls()
    failed.add(call(stamp("k", 1)), stamp("k", 1))

    assert failed.take(call(stamp("other", 2))) is None
    assert failed.take(call(stamp("k", 2, app_id="shop"))) is None
    assert failed.take(call(stamp("k", 2), "otto")) is None
    assert failed.take(call(stamp("k", 2), "ada", "otto")) is None


def test_of_too_many_the_oldest_is_forgotten() -> None:
    failed = FailedCalls(max_calls=2)
    for number in range(3):
        failed.add(call(stamp(f"k{number}", number)), stamp(f"k{number}", number))

    assert failed.take(call(stamp("k0", 9))) is None
    assert failed.take(call(stamp("k1", 9))) == stamp("k1", 1)
