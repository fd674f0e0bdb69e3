"""The console as browsers, and those who forge them, use it; the routers are away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from kull_console import Console, ConsoleSettings
from kull_console.measures import PATHS
from kull_console.page import POLICY
from tests.unit.console.answers import Keys

ORIGIN = "http://console.test"


class Time:
    now = 1_000.0


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/x.js").write_text("1")
    (tmp_path / "index.html").write_text("<!doctype html><title>Kull console</title>")
    return tmp_path


def made(keys: Keys, time: Time, files: Path | None, **settings: Any) -> Console:
    return Console(
        ConsoleSettings(**settings),
        operators=keys,
        targets=["127.0.0.1:1"],
        open_channel=grpc.aio.insecure_channel,
        files=files,
        clock=lambda: time.now,
    )


def client(console: Console, base: str = ORIGIN) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(console.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base, headers={"Origin": base})


@pytest.fixture
async def console(keys: Keys, time: Time, files: Path) -> AsyncIterator[Console]:
    made_one = made(keys, time, files)
    yield made_one
    await made_one._routers.__aexit__()


@pytest.fixture
async def browser(console: Console) -> AsyncIterator[httpx.AsyncClient]:
    async with client(console) as opened:
        yield opened


async def sign_in(browser: httpx.AsyncClient, key: str = "acts") -> dict[str, Any]:
    answer = await browser.post("/console/api/sign-in", json={"key": key})
    assert answer.status_code == 200, answer.text
    me: dict[str, Any] = answer.json()["me"]
    browser.headers["X-CSRF-Token"] = me["csrf"]
    return me


READS = [
    "overview",
    "live",
    "users",
    "user?user=maya",
    "entries?address=user:maya",
    "why?event=e",
    "behind",
    "dead",
    "rooms",
    "room?address=room:x",
    "actions",
]


@pytest.mark.parametrize("path", READS)
async def test_nobody_sees_anything_without_signing_in(
    browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(f"/console/api/{path}")
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_every_route_but_those_of_signing_in_wants_a_session(
    console: Console, browser: httpx.AsyncClient
) -> None:
    paths = {
        path
        for route in console.app.routes
        if (path := str(getattr(route, "path", ""))).startswith("/console/api/")
    }
    asked = {f"/console/api/{path.partition('?')[0]}" for path in READS}
    acting = {"/console/api/actions/{name}", "/console/api/sign-out"}
    assert paths - asked - acting == {"/console/api/me", "/console/api/sign-in"}
    for path in acting:
        assert (await browser.post(path, json={})).status_code == 401


async def test_it_is_ready_when_a_router_answers(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/livez")).status_code == 200
    assert (await browser.get("/readyz")).status_code == 503


async def test_signing_in_tells_the_page_who_it_is_and_sets_a_closed_cookie(
    browser: httpx.AsyncClient,
) -> None:
    assert (await browser.get("/console/api/me")).json() == {
        "ways": {"key": True, "oidc": False},
        "me": None,
    }
    answer = await browser.post("/console/api/sign-in", json={"key": "acts"})

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    me = answer.json()["me"]
    assert (me["name"], me["mayAct"]) == ("anna", True)
    assert (await browser.get("/console/api/me")).json()["me"] == me


async def test_over_tls_the_cookie_is_secure(keys: Keys, time: Time, files: Path) -> None:
    base = "https://console.example.com"
    async with client(made(keys, time, files, console_url=base), base) as browser:
        answer = await browser.post("/console/api/sign-in", json={"key": "acts"})
    assert answer.headers["Set-Cookie"].startswith("__Host-")
    assert "; Secure" in answer.headers["Set-Cookie"]


async def test_a_wrong_key_is_refused_and_never_told(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/console/api/sign-in", json={"key": "kull_secret"})
    assert answer.status_code == 401
    assert "kull_secret" not in answer.text
    assert "Set-Cookie" not in answer.headers


async def test_a_key_is_not_told_back_and_large_bodies_are_not_read(
    browser: httpx.AsyncClient,
) -> None:
    key = "kull_" + "x" * 300
    long = await browser.post("/console/api/sign-in", json={"key": key})
    large = await browser.post("/console/api/sign-in", json={"key": "x" * 70_000})

    async def endless() -> AsyncIterator[bytes]:
        yield b"{}"

    chunked = await browser.post("/console/api/sign-in", content=endless())

    assert (long.status_code, large.status_code, chunked.status_code) == (422, 413, 411)
    assert key not in long.text and "key: " in long.json()["detail"]


async def test_attempts_are_limited(browser: httpx.AsyncClient, time: Time) -> None:
    statuses = [
        (await browser.post("/console/api/sign-in", json={"key": "wrong"})).status_code
        for _ in range(32)
    ]
    assert statuses == [401] * 30 + [429] * 2
    limited = await browser.post("/console/api/sign-in", json={"key": "wrong"})
    assert int(limited.headers["Retry-After"]) > 0

    time.now += 60
    assert await tried(browser, "wrong") == [401]


async def tried(
    browser: httpx.AsyncClient, key: str, times: int = 1, address: str = ""
) -> list[int]:
    headers = {"X-Forwarded-For": address} if address else {}
    return [
        (await browser.post("/console/api/sign-in", json={"key": key}, headers=headers)).status_code
        for _ in range(times)
    ]


async def test_what_others_try_behind_the_same_proxy_keeps_no_operator_out(
    browser: httpx.AsyncClient,
) -> None:
    assert (await tried(browser, "wrong", 40))[-1] == 429
    assert (await tried(browser, "reads!wrong", 40))[-1] == 429

    assert await tried(browser, "acts") == [200]
    assert await tried(browser, "acts!wrong", 30) == [401] * 29 + [429]


async def test_attempts_are_counted_by_the_address_that_a_trusted_proxy_names(
    keys: Keys, time: Time, files: Path
) -> None:
    behind = made(keys, time, files, console_trusted_proxies="127.0.0.0/8")
    async with client(behind) as browser:
        assert await tried(browser, "wrong", 31, "203.0.113.1") == [401] * 30 + [429]
        assert await tried(browser, "wrong", 1, "203.0.113.2") == [401]
    async with client(made(keys, time, files)) as browser:  # that nobody has said to trust
        assert await tried(browser, "wrong", 31, "203.0.113.1") == [401] * 30 + [429]
        assert await tried(browser, "wrong", 1, "203.0.113.2") == [429]


async def test_attempts_from_everywhere_are_limited_and_keep_no_operator_out(
    keys: Keys, time: Time, files: Path
) -> None:
    behind = made(keys, time, files, console_trusted_proxies="127.0.0.0/8")
    async with client(behind) as browser:
        statuses = [(await tried(browser, "wrong", 1, f"203.0.113.{n}"))[0] for n in range(110)]
        assert statuses == [401] * 100 + [429] * 10
        assert await tried(browser, "acts", 1, "203.0.113.200") == [200]


async def test_a_planted_cookie_is_not_taken_over(browser: httpx.AsyncClient) -> None:
    browser.cookies.set("kull-console-session", "planted", domain="console.test", path="/")
    answer = await browser.post("/console/api/sign-in", json={"key": "acts"})

    fresh = answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
    assert len(fresh) > 40
    for cookie, status in (("planted", 401), (fresh, 200)):
        browser.cookies.clear()
        headers = {"Cookie": f"kull-console-session={cookie}"}
        answer = await browser.get("/console/api/overview", headers=headers)
        assert answer.status_code == status


async def test_signing_in_again_ends_the_session_before(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    before = browser.cookies["kull-console-session"]
    await sign_in(browser, "reads")

    assert browser.cookies["kull-console-session"] != before
    browser.cookies.clear()
    headers = {"Cookie": f"kull-console-session={before}"}
    assert (await browser.get("/console/api/overview", headers=headers)).status_code == 401


async def test_an_action_without_the_pages_token_is_refused(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    for token in ("", "wrong"):
        answer = await browser.post(
            "/console/api/actions/revoke", json={"user": "maya"}, headers={"X-CSRF-Token": token}
        )
        assert answer.status_code == 403
        assert "X-CSRF-Token" in answer.json()["detail"]


async def test_a_page_of_another_site_is_refused_whatever_it_has(
    browser: httpx.AsyncClient,
) -> None:
    await sign_in(browser)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for path in ("actions/revoke", "sign-in"):
            answer = await browser.post(
                f"/console/api/{path}", json={"user": "maya", "key": "acts"}, headers=headers
            )
            assert answer.status_code == 403
            assert "Set-Cookie" not in answer.headers


async def test_who_may_only_look_cannot_act(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "reads")
    answer = await browser.post("/console/api/actions/revoke", json={"user": "maya"})
    assert answer.status_code == 403
    assert "console:act" in answer.json()["detail"]
    assert (await browser.get("/console/api/overview")).status_code == 200


async def test_who_acts_is_told_when_no_router_answers(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    answer = await browser.post("/console/api/actions/revoke", json={"user": "maya"})
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("nothing was done")


async def test_a_key_that_is_revoked_ends_its_sessions(
    browser: httpx.AsyncClient, keys: Keys
) -> None:
    await sign_in(browser)
    del keys.known["acts"]
    assert (await browser.get("/console/api/overview")).status_code == 401


async def test_signing_out_ends_the_session_and_removes_the_cookie(
    browser: httpx.AsyncClient,
) -> None:
    await sign_in(browser)
    cookie = browser.cookies["kull-console-session"]
    answer = await browser.post("/console/api/sign-out", json={})
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    headers = {"Cookie": f"kull-console-session={cookie}"}
    assert (await browser.get("/console/api/overview", headers=headers)).status_code == 401


async def test_the_page_loads_its_own_alone_and_nothing_is_kept(
    browser: httpx.AsyncClient,
) -> None:
    for path in ("/console", "/console/people", "/console/trouble"):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY and "'none'" in POLICY
    assert (await browser.get("/console/api/me")).headers["Cache-Control"] == "no-store"
    assert (await browser.get("/")).headers["Location"] == "/console"
    assert (await browser.get("/console/nowhere")).status_code == 404
    assert (await browser.get("/openapi.json")).status_code == 404


def counted(console: Console, name: str) -> dict[tuple[str, ...], float]:
    (measure,) = [each for each in console.measures.all if each.metric.name == name]
    return {each.labels: each.value for each in measure.read().samples if each.value}


async def test_answers_and_attempts_to_sign_in_are_counted(
    console: Console, browser: httpx.AsyncClient
) -> None:
    await browser.get("/console/api/users?prefix=maya")
    await tried(browser, "wrong", 31)
    await sign_in(browser)
    await browser.post("/console/api/actions/nonsense", json={})
    await browser.get("/console/people")
    await browser.get("/nowhere/at/all")

    requests = counted(console, "kull_console_requests_total")
    assert requests["/console/api/users", "401"] == 1
    assert requests["/console/api/sign-in", "429"] == 1
    assert requests["/console/api/actions/{name}", "404"] == 1
    assert requests["other", "200"] == requests["other", "404"] == 1
    assert counted(console, "kull_console_sign_ins_total") == {
        ("refused",): 30,
        ("limited",): 1,
        ("signed_in",): 1,
    }
    assert counted(console, "kull_console_router_calls_total") == {("away",): 1}


async def test_every_route_of_the_api_has_a_series_of_its_own(console: Console) -> None:
    paths = {
        str(getattr(route, "path", ""))
        for route in Console(
            ConsoleSettings(
                console_url="https://c.test",
                oidc_issuer="https://id.test",
                oidc_client_id="kull",
                oidc_act="a",
            ),
            operators=Keys(),
            targets=[],
            open_channel=grpc.aio.insecure_channel,
            files=None,
        ).app.routes
    }

    assert {*PATHS} - {"other"} == paths - {"/"}
