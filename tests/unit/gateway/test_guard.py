from __future__ import annotations

from kull_gateway import (
    Origins,
    open_auth,
    service_auth,
)
from kull_gateway.origins import parse
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import (
    CREDIT,
    CREDIT_PATH,
    SECRET,
    calling,
)


async def test_a_foreign_page_can_trigger_nothing_even_where_no_token_is_needed(
    publisher: InMemoryPublisher,
) -> None:
    origins = Origins(allowed=parse("https://app.example.com"), literal=True)
    async with calling(
        publisher, authorize=open_auth(service_auth(SECRET)), origins=origins
    ) as client:
        del client.headers["Authorization"]
        foreign = await client.post(
            CREDIT_PATH, json=CREDIT, headers={"Origin": "https://evil.com"}
        )
        ours = await client.post(
            CREDIT_PATH, json=CREDIT, headers={"Origin": "https://app.example.com"}
        )
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        refused = await client.options(CREDIT_PATH, headers=asked | {"Origin": "https://evil.com"})
        granted = await client.options(
            CREDIT_PATH, headers=asked | {"Origin": "https://app.example.com"}
        )

    assert foreign.status_code == 403
    assert "KULL_ORIGINS" in foreign.json()["detail"]
    assert ours.status_code == 202
    assert ours.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in refused.headers
    assert granted.headers["access-control-allow-origin"] == "https://app.example.com"
    assert len(publisher.events) == 1
