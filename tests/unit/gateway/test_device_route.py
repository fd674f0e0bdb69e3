from __future__ import annotations

import httpx
import pytest

from kull_gateway.address_rates import AddressRates
from kull_gateway.client_address import parse_networks
from kull_gateway.device_route import SignOutRefused
from kull_gateway.origins import Origins
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import calling, problem

PATH = "/api/sync/devices/"
TOKEN = {"Authorization": "Bearer maya:mac"}


class Routers:
    """Sign everybody out, or refuse."""

    def __init__(self, refusal: SignOutRefused | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._refusal = refusal

    async def __call__(self, token: str, device_id: str) -> None:
        self.asked.append((token, device_id))
        if self._refusal:
            raise self._refusal


async def test_a_device_is_signed_out_by_the_routers_with_the_persons_own_token(
    publisher: InMemoryPublisher,
) -> None:
    routers = Routers()
    async with calling(publisher, sign_out=routers) as client:
        answer = await client.delete(f"{PATH}phone%2F1%20%C3%A4", headers=TOKEN)

    assert (answer.status_code, answer.content) == (204, b"")
    assert routers.asked == [("maya:mac", "phone/1 \u00e4")]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("forbidden", 403),
        ("unknown_device", 404),
        ("rate_limited", 429),
        ("unavailable", 503),
        ("token_expired", 401),
        ("bad_token", 401),
    ],
)
async def test_a_refusal_is_a_problem_that_says_why(
    publisher: InMemoryPublisher, code: str, status: int
) -> None:
    async with calling(publisher, sign_out=Routers(SignOutRefused(code, "because"))) as client:
        answer = await client.delete(f"{PATH}phone", headers=TOKEN)

    assert problem(answer, status) == "because"
    assert ("retry-after" in answer.headers) == (status in {429, 503})


async def test_who_shows_no_token_or_a_huge_one_reaches_no_router(
    publisher: InMemoryPublisher,
) -> None:
    routers = Routers()
    async with calling(publisher, sign_out=routers) as client:
        for shown in ("", "Basic x", "Bearer " + "x" * 5000):
            answer = await client.delete(f"{PATH}phone", headers={"Authorization": shown})
            assert answer.status_code == 401

    assert routers.asked == []


async def test_an_address_that_calls_too_often_waits_and_others_behind_the_proxy_do_not(
    publisher: InMemoryPublisher,
) -> None:
    routers = Routers(SignOutRefused("bad_token", "because"))
    attempts = AddressRates(rate=0.5, burst=2, trusted=parse_networks("127.0.0.0/8"))

    async def call(address: str) -> httpx.Response:
        return await client.delete(f"{PATH}phone", headers={**TOKEN, "X-Forwarded-For": address})

    async with calling(publisher, sign_out=routers, attempts=attempts, clock=lambda: 0.0) as client:
        statuses = [(await call("203.0.113.1")).status_code for _ in range(3)]
        limited = await call("203.0.113.1")
        other = await call("203.0.113.2")

    assert statuses == [401, 401, 429]
    assert "your address" in problem(limited, 429)
    assert limited.headers["retry-after"] == "2"
    assert other.status_code == 401
    assert len(routers.asked) == 3


async def test_a_page_of_ours_may_do_it_and_a_foreign_one_may_not(
    publisher: InMemoryPublisher,
) -> None:
    routers, ours = Routers(), Origins(allowed=frozenset({"https://kull.ai"}))
    async with calling(publisher, sign_out=routers, origins=ours) as client:
        asks = {"Access-Control-Request-Method": "DELETE", "Origin": "https://kull.ai"}
        allowed = await client.options(f"{PATH}phone", headers=asks)
        foreign = await client.delete(
            f"{PATH}phone", headers={**TOKEN, "Origin": "https://evil.example"}
        )

    assert (allowed.status_code, foreign.status_code) == (200, 403)
    assert "DELETE" in allowed.headers["access-control-allow-methods"]
    assert routers.asked == []


async def test_a_gateway_that_knows_no_router_has_no_such_route(
    publisher: InMemoryPublisher,
) -> None:
    async with calling(publisher) as client:
        assert (await client.delete(f"{PATH}phone", headers=TOKEN)).status_code == 404
