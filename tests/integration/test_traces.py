"""One trace from a publisher to a device's acknowledgement and back, over real processes."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from kull_producers import connect
from kull_producers.events.models import CreditUpdate
from kull_producers.otel import OtelTracer
from tests.support.device import device, token
from tests.support.mesh import Mesh
from tests.support.rabbitmq import Endpoint
from tests.support.tracing import Collected, Collector, collecting
from tests.support.until import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("traces")]

WITHIN = 20.0  # seconds for spans to come to the collector
STEPS = {"kull.publish", "kull.store", "kull.commit", "kull.deliver"}
DEVICES_OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROGRESS = {
    "shootId": "dunes",
    "status": "processing",
    "processedCount": 1,
    "totalCount": 9,
    "provider": "phone",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def mesh(
    rabbitmq: Endpoint, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[Mesh]:
    """A router and an edge that send their spans soon."""
    with (
        rabbitmq.fresh_vhost() as amqp_url,
        Mesh(
            amqp_url,
            tmp_path_factory.mktemp("mesh"),
            edges=1,
            KULL_TRACES_URL=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as made,
    ):
        made.start()
        yield made


@pytest.fixture
def worker(collector: Collector) -> Iterator[TracerProvider]:
    """What a publishing service has set up for itself."""
    provider = TracerProvider(resource=Resource({"service.name": "worker"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector.url)))
    yield provider
    provider.shutdown()


@pytest.fixture
def maya() -> str:
    return f"maya-{uuid4().hex[:8]}"


async def collected(collector: Collector, trace: str, names: set[str]) -> dict[str, Collected]:
    await until(lambda: names <= collector.of(trace).keys(), seconds=WITHIN)
    return collector.of(trace)


async def test_an_event_is_one_trace_from_the_shoot_to_the_acknowledgement(
    mesh: Mesh, collector: Collector, worker: TracerProvider, maya: str
) -> None:
    shoot = worker.get_tracer("worker")
    async with (
        connect(mesh.amqp_url, tracer=OtelTracer(worker)) as publisher,
        device(mesh.url(), token(maya, "mac")) as mac,
    ):
        with shoot.start_as_current_span("shoot") as span:
            event_id = await publisher.credit_update(
                user_id=maya, new_balance=5, change=5, reason="Gift"
            )
        event = await mac.event()
        await mac.ack(event)
        trace = f"{span.get_span_context().trace_id:032x}"
        steps = await collected(collector, trace, STEPS | {"shoot"})

    publish, store, deliver = (steps[f"kull.{each}"] for each in ("publish", "store", "deliver"))
    assert publish.parent == steps["shoot"].span
    assert store.parent == publish.span
    assert deliver.parent == store.span
    assert steps["kull.commit"].parent == store.span
    assert event["traceparent"].startswith(f"00-{trace}-{store.span}-")
    assert (publish.service, store.service, deliver.service) == (
        "worker",
        "kull-router",
        "kull-edge",
    )
    assert store.attributes["messaging.message.id"] == event_id
    assert deliver.attributes["messaging.client.id"] == "mac"
    assert [each.error for each in steps.values()] == [""] * 5


async def test_a_device_that_goes_without_acknowledging_leaves_a_failed_step(
    mesh: Mesh, collector: Collector, worker: TracerProvider, maya: str
) -> None:
    async with connect(mesh.amqp_url, tracer=OtelTracer(worker)) as publisher:
        async with device(mesh.url(), token(maya, "mac")) as mac:
            await publisher.credit_update(user_id=maya, new_balance=5, change=5, reason="Gift")
            event = await mac.event()
        trace = event["traceparent"][3:35]
        steps = await collected(collector, trace, STEPS)

    assert "before it was acknowledged" in steps["kull.deliver"].error


async def test_a_devices_own_trace_goes_on_to_the_other_devices(
    mesh: Mesh, collector: Collector, maya: str
) -> None:
    async with (
        device(mesh.url(), token(maya, "phone")) as phone,
        device(mesh.url(), token(maya, "mac")) as mac,
    ):
        await phone.send(type="UPDATE_PROGRESS", payload=PROGRESS, traceparent=DEVICES_OWN, ref="1")
        event = await mac.event()
        await mac.ack(event)
        steps = await collected(collector, DEVICES_OWN[3:35], {"kull.store", "kull.deliver"})

    assert steps["kull.store"].parent == DEVICES_OWN[36:52]
    assert event["traceparent"].startswith(DEVICES_OWN[:35])


async def test_what_is_not_traced_bears_no_traceparent(mesh: Mesh, maya: str) -> None:
    unsampled = DEVICES_OWN[:-2] + "00"
    async with connect(mesh.amqp_url) as publisher, device(mesh.url(), token(maya, "mac")) as mac:
        await publisher.credit_update(user_id=maya, new_balance=5, change=5, reason="Gift")
        assert "traceparent" not in await mac.event()
        await publisher.publish(
            CreditUpdate(user_id=maya, new_balance=4, change=-1, reason="Shoot"),
            traceparent=unsampled,
        )
        assert "traceparent" not in await mac.event()
