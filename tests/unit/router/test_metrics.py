"""What a router tells Prometheus is all that is declared, and what happens in its core."""

from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.metrics_catalogue import ROLES
from kull_producers.events.message import Message
from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import admin_pb2 as admin
from kull_router.metrics import RouterMetrics
from kull_router.rpc.console_methods import ConsoleMethods
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig

CONTEXT: Any = None


def values(rig: Rig) -> dict[str, float]:
    registry = RouterMetrics(rig.core).registry()
    return {
        sample.name
        + "".join(f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


async def test_every_declared_metric_is_told_and_no_other(rig: Rig) -> None:
    [declared] = [role.metrics for role in ROLES if role.name == "Router"]
    told = [measure.metric.name for measure in RouterMetrics(rig.core).measures]

    assert sorted(told) == sorted(each.name for each in declared)


async def test_an_event_is_counted_on_its_way(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)  # a device came
    await rig.credit("maya", 500)
    [pushed] = [await rig.frame("deliver")]

    told = values(rig)
    assert told["kull_router_events_total{outcome=stored}{type=CREDIT_UPDATE}"] == 1
    assert told["kull_router_publish_to_stored_seconds_count"] == 1
    assert told["kull_router_pushes_total"] == 2
    assert told["kull_router_edges"] == 1
    assert told["kull_router_sessions"] == 1
    assert told["kull_router_owned_shards"] == told["kull_router_shards"] == SHARDS
    # For the edge's own latencies
    assert pushed.pushes[0].waited_us > 0
    assert pushed.pushes[0].entries[0].HasField("age_ms")


async def test_sessions_are_counted_by_how_they_were_taken(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:mac")

    told = values(rig)
    assert told["kull_router_subscribed_total{outcome=first}"] == 2
    assert told["kull_router_subscribe_seconds_count"] == 2
    assert told[f"kull_router_evicted_total{{code={int(CloseCode.REPLACED)}}}"] == 1


async def test_two_routers_of_a_process_do_not_count_together(rig: Rig) -> None:
    await rig.credit("maya", 500)
    await until(lambda: rig.core.measures.events.events.total > 0)

    other = RouterMetrics(rig.core)
    assert other.measures[0].metric is RouterMetrics(rig.core).measures[0].metric
    fresh = type(rig.core.measures)()
    assert fresh.events.events.total == 0


async def test_the_backlog_and_dead_letters_are_looked_up_once_for_metrics_and_console(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    backlog, depth = rig.store.backlog, rig.broker.depth

    async def looked(*given: Any, **more: Any) -> Any:
        looks.append("backlog")
        return await backlog(*given, **more)

    async def counted(queue: str) -> int:
        looks.append(queue)
        return await depth(queue)

    monkeypatch.setattr(rig.store, "backlog", looked)
    monkeypatch.setattr(rig.broker, "depth", counted)
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)  # a device came
    dead = Message(exchange="kull.dead", routing_key="x", body=b"x", message_id="d")
    await rig.core.broker.publish(dead)
    assert looks == [], "nobody has asked"

    await until(lambda: "kull_router_devices_behind" in values(rig))
    told = values(rig)
    overview = await ConsoleMethods(rig.core).Overview(admin.OverviewRequest(), CONTEXT)
    await ConsoleMethods(rig.core).ListBehind(admin.ListBehindRequest(), CONTEXT)

    assert told["kull_router_devices_behind"] == overview.backlog.devices == 1
    assert told["kull_router_rabbitmq_dead"] == overview.dead_waiting == 1
    assert 0 <= told["kull_router_oldest_unacknowledged_seconds"] < 60
    assert sorted(looks) == ["backlog", "kull.dead", "kull.unrouted"]
