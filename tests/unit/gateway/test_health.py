from __future__ import annotations

import httpx

from kull_gateway import (
    Status,
    create_app,
    service_auth,
)
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import SECRET, problem


async def test_health_follows_rabbitmq_and_needs_no_token(
    publisher: InMemoryPublisher, client: httpx.AsyncClient
) -> None:
    del client.headers["Authorization"]
    status = await client.get("/api/sync/status")
    assert (status.status_code, status.json()) == (200, {"status": "ok", "broker": "connected"})
    assert (await client.get("/readyz")).status_code == 200

    publisher.transport.down = True
    status = await client.get("/api/sync/status")
    assert (status.status_code, status.json()) == (503, {"status": "unavailable", "broker": "away"})
    problem(await client.get("/readyz"), 503)
    assert (await client.get("/livez")).status_code == 200


async def test_the_owner_may_tell_its_own_status(publisher: InMemoryPublisher) -> None:
    async def status() -> Status:
        return Status(ready=False, details={"edges": 2})

    app = create_app(publisher, authorize=service_auth(SECRET), status=status)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as client:
        answer = await client.get("/api/sync/status")
        assert answer.json() == {"status": "unavailable", "edges": 2}
