"""What is kept of something is all that its class holds: a field that is added is not forgotten."""

from __future__ import annotations

from dataclasses import fields

from kull_router.access.audit import Action
from kull_router.access.revocations import Revocation
from kull_router.queues.entry import Event
from kull_router.queues.port import DeviceInfo
from kull_router.queues.sql import columns


def names(kind: type[Action | Event | DeviceInfo | Revocation]) -> set[str]:
    return {field.name for field in fields(kind)}


def test_each_field_has_its_column_or_is_kept_by_where_it_lies() -> None:
    passing = {"late", "published_ms", "trace"}
    assert names(Event) - {"address", "contract"} - passing == set(columns.EVENT)
    assert names(DeviceInfo) - {"user", "device"} == set(columns.DEVICE)
    assert names(Action) - {"number"} == set(columns.ACTION)
    assert names(Revocation) - {"user", "device", "number"} == set(columns.REVOCATION)


def test_an_upsert_takes_over_each_column() -> None:
    assert columns.names(("a", "b")) == "a, b"
    assert columns.overwritten(("a", "b")) == "a = excluded.a, b = excluded.b"
