from __future__ import annotations

import random
import uuid

import pytest

from kull_producers.errors import InvalidEvent
from kull_producers.events.stamp import Stamper, check_id, uuid7


def test_versions_count_the_calls_whatever_the_clock_does() -> None:
    times = iter([100.0, 100.0, 50.0, -7.0, 1e9])
    stamper = Stamper(now=lambda: next(times), randomness=bytes, app_id="billing")
    stamps = [stamper.stamp() for _ in range(5)]

    assert [stamp.version for stamp in stamps] == [1, 2, 3, 4, 5]
    assert [stamp.timestamp_ms for stamp in stamps] == [100_000, 100_000, 50_000, 0, 10**12]
    assert len({stamp.run for stamp in stamps}) == 1


def test_each_publisher_is_a_run_of_its_own_and_so_is_each_process_that_it_is_forked_into() -> None:
    chance = random.Random(7).randbytes
    process = 1

    def stamper() -> Stamper:
        return Stamper(now=lambda: 1.0, randomness=chance, app_id="b", process=lambda: process)

    first, second = stamper(), stamper()
    runs = [first.stamp().run, second.stamp().run]
    process = 2
    forked = [first.stamp(), second.stamp()]
    assert len({*runs, *(stamp.run for stamp in forked)}) == 4
    assert [stamp.version for stamp in forked] == [1, 1]


def test_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    early, late = uuid7(1_700_000_000_000, b"\xff" * 10), uuid7(1_700_000_000_001, b"\x00" * 10)

    assert early < late
    parsed = uuid.UUID(early)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_700_000_000_000


def test_ids_differ_by_their_random_bits() -> None:
    assert uuid7(1, b"\x00" * 10) != uuid7(1, b"\x00" * 9 + b"\x01")


def test_a_stamp_holds_one_moment() -> None:
    stamp = Stamper(now=lambda: 12.345678, randomness=bytes, app_id="billing").stamp("my-id")

    assert (stamp.id, stamp.timestamp_ms, stamp.version) == ("my-id", 12_345, 1)
    assert stamp.app_id == "billing"


@pytest.mark.parametrize("wrong", ["", "x" * 129, "a\nb", "\ud800", "日" * 100, 7])
def test_an_idempotency_key_that_cannot_identify_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidEvent, match="event id must"):
        check_id(wrong)


def test_the_longest_idempotency_key_is_accepted() -> None:
    assert check_id("x" * 128)


def test_a_service_name_beyond_the_bounds_is_refused_before_anything_is_published() -> None:
    with pytest.raises(ValueError, match="app_id must be at most"):
        Stamper(now=lambda: 1.0, randomness=bytes, app_id="x" * 256)


def test_a_call_may_be_on_behalf_of_another_service() -> None:
    stamper = Stamper(now=lambda: 1.0, randomness=bytes, app_id="gateway")
    assert stamper.stamp("order-1", app_id="billing").app_id == "billing"
    assert stamper.stamp("order-1").app_id == "gateway"


@pytest.mark.parametrize("wrong", ["x" * 256, "a\nb", "\ud800", 7])
def test_a_service_that_a_call_cannot_name_is_refused(wrong: str) -> None:
    stamper = Stamper(now=lambda: 1.0, randomness=bytes, app_id="gateway")
    with pytest.raises(InvalidEvent, match="app_id must"):
        stamper.stamp("order-1", app_id=wrong)
