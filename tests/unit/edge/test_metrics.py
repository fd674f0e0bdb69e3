"""What an edge tells Prometheus is all that is declared, and what happens on its sockets."""

from __future__ import annotations

from kull_edge.measures.connections import ConnectionMeasures
from kull_mesh.metrics_catalogue import ROLES
from kull_protos.common.measures import OTHER
from tests.support.fake_router import FakeRouter
from tests.unit.edge.sockets import count, running, welcomed

MAYA = "user:maya"


async def test_every_declared_metric_is_told_and_no_other() -> None:
    [declared] = [role.metrics for role in ROLES if role.name == "Edge"]
    async with running(FakeRouter()) as edge:
        told = [measure.metric.name for measure in edge.metrics.measures]

    assert sorted(told) == sorted(each.name for each in declared)


async def test_a_device_that_connects_is_counted_with_how_it_went() -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya:mac"):
        assert count(edge, "connects", outcome="recovered") == 1
        sample = edge.metrics.registry().get_sample_value
        assert sample("kull_edge_connect_seconds_count") == 1
        assert sample("kull_edge_sessions") == sample("kull_edge_connections") == 1
        assert sample("kull_edge_links") == 1
        assert sample("kull_edge_requests_in_flight", {"kind": "subscribe"}) == 0


async def test_what_is_delivered_and_acknowledged_is_counted() -> None:
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as device:
        router.publish(MAYA)
        frame = await device.frame()
        await device.send(type="ACK", seq=frame["seq"])
        await device.send(type="PING")
        await device.frame()

        sample = edge.metrics.registry().get_sample_value
        assert count(edge, "deliveries") == 1
        assert sample("kull_edge_written_to_acknowledged_seconds_count") == 1


def test_the_limits_for_which_connections_are_cut_have_the_names_of_the_documents() -> None:
    measures = ConnectionMeasures()
    for limit in ("waiting", "address", "descriptors", "made up"):
        measures.cut(limit)

    refused = measures.refused
    assert refused.get("handshakes") == refused.get("handshakes_per_address") == 1
    assert refused.get("descriptors") == refused.get(OTHER) == 1
