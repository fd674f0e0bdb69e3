"""Signing in at a small provider on this machine, and what it and others may get wrong."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from pydantic import ValidationError

from kull_console import Console, ConsoleConfigError, ConsoleSettings
from kull_console.access import oidc
from tests.unit.console.answers import Keys

ISSUER = "https://id.test"
BASE = "https://console.test"


class Provider:
    """An OpenID provider with one account, that can be made to lie."""

    def __init__(self) -> None:
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.claims: dict[str, Any] = {"groups": ["kull-act"], "email": "anna@example.com"}
        self.nonce = ""
        self.challenge = ""
        self.asked: list[dict[str, str]] = []
        self.about: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
        }

    def token(self) -> str:
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": "kull", "sub": "4711", "iat": now, "exp": now + 60}
        claims = {**usual, "nonce": self.nonce, **self.claims}
        return jwt.encode(claims, self.key, "EdDSA", headers={"kid": "k1"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.about)
            case "/jwks":
                known = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key()))
                return httpx.Response(200, json={"keys": [known | {"kid": "k1", "use": "sig"}]})
            case "/token":
                self.asked.append(dict(parse_qs(request.content.decode())))  # type: ignore[arg-type]
                return httpx.Response(200, json={"id_token": self.token()})
        return httpx.Response(404)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    made = Provider()
    monkeypatch.setattr(
        oidc, "_http", lambda: httpx.AsyncClient(transport=httpx.MockTransport(made))
    )
    return made


def console(**settings: Any) -> Console:
    usual = {
        "console_url": BASE,
        "oidc_issuer": ISSUER,
        "oidc_client_id": "kull",
        "oidc_client_secret": "a-secret",
        "oidc_read": "kull-read",
        "oidc_act": "kull-act",
    }
    return Console(
        ConsoleSettings(**(usual | settings)),
        operators=Keys(),
        targets=["127.0.0.1:1"],
        open_channel=grpc.aio.insecure_channel,
        files=None,
    )


@pytest.fixture
async def browser(provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    made = console()
    transport = httpx.ASGITransport(made.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as opened:
        yield opened
    await made._routers.__aexit__()


async def leave(browser: httpx.AsyncClient, provider: Provider) -> str:
    """Go to the provider; return the state to come back with."""
    answer = await browser.get("/console/api/oidc/start")
    assert answer.status_code == HTTPStatus.TEMPORARY_REDIRECT, answer.text
    url = urlsplit(answer.headers["Location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{ISSUER}/authorize"
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    provider.nonce, provider.challenge = asked["nonce"], asked["code_challenge"]
    return asked["state"]


async def come_back(browser: httpx.AsyncClient, state: str) -> httpx.Response:
    return await browser.get("/console/api/oidc/callback", params={"code": "c", "state": state})


async def test_who_may_is_signed_in_with_a_strict_cookie_and_led_on_by_a_page_of_ours(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    assert (await browser.get("/console/api/me")).json()["ways"]["oidc"] is True
    answer = await come_back(browser, await leave(browser, provider))

    assert answer.status_code == HTTPStatus.OK
    assert 'http-equiv="refresh"' in answer.text
    cookies = answer.headers.get_list("Set-Cookie")
    (session,) = [each for each in cookies if each.startswith("__Host-kull-console-session=")]
    assert "SameSite=Strict" in session and "Secure" in session and "HttpOnly" in session
    me = (await browser.get("/console/api/me")).json()["me"]
    assert (me["id"], me["name"], me["mayAct"]) == ("oidc:4711", "anna@example.com", True)
    assert provider.asked[0]["code_verifier"]


async def test_who_may_only_look_cannot_act(browser: httpx.AsyncClient, provider: Provider) -> None:
    provider.claims["groups"] = "kull-read"
    await come_back(browser, await leave(browser, provider))
    assert (await browser.get("/console/api/me")).json()["me"]["mayAct"] is False


@pytest.mark.parametrize(
    "lie",
    [
        {"groups": []},
        {"aud": "somebody-else"},
        {"iss": "https://other.test"},
        {"nonce": "of another sign-in"},
        {"exp": 1},
    ],
)
async def test_what_is_not_for_us_signs_nobody_in(
    browser: httpx.AsyncClient, provider: Provider, lie: dict[str, Any]
) -> None:
    provider.claims |= lie
    answer = await come_back(browser, await leave(browser, provider))

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert not any("session=" in each for each in answer.headers.get_list("Set-Cookie"))
    assert (await browser.get("/console/api/me")).json()["me"] is None


async def test_a_token_that_somebody_else_has_signed_is_refused(
    browser: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await leave(browser, provider)
    forged = ed25519.Ed25519PrivateKey.generate()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "kull",
        "sub": "1",
        "iat": now,
        "exp": now + 60,
        "nonce": provider.nonce,
        "groups": ["kull-act"],
    }
    for token in (
        jwt.encode(claims, forged, "EdDSA", headers={"kid": "k1"}),
        jwt.encode(claims, "a-shared-secret-of-thirty-two-bytes-long", "HS256"),
        jwt.encode(claims, "", "none"),
        "nonsense",
    ):
        monkeypatch.setattr(provider, "token", lambda token=token: token)
        answer = await come_back(browser, state)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        state = await leave(browser, provider)


async def test_a_browser_that_did_not_begin_it_is_refused(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    state = await leave(browser, provider)
    browser.cookies.clear()
    answer = await come_back(browser, state)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert provider.asked == [], "the code is not even shown"


async def test_coming_back_twice_is_refused(browser: httpx.AsyncClient, provider: Provider) -> None:
    state = await leave(browser, provider)
    cookie = browser.cookies["__Host-kull-console-oidc"]
    assert (await come_back(browser, state)).status_code == HTTPStatus.OK
    headers = {"Cookie": f"__Host-kull-console-oidc={cookie}"}
    again = await browser.get(
        "/console/api/oidc/callback", params={"code": "c", "state": state}, headers=headers
    )
    assert again.status_code == HTTPStatus.FORBIDDEN


async def test_a_provider_that_is_another_one_is_not_asked_further(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    provider.about["issuer"] = "https://evil.test"
    answer = await browser.get("/console/api/oidc/start")
    assert answer.status_code == HTTPStatus.BAD_GATEWAY
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    "missing", [{"oidc_client_id": ""}, {"console_url": ""}, {"oidc_read": "", "oidc_act": ""}]
)
def test_what_is_missing_is_said_at_the_start(missing: dict[str, str]) -> None:
    with pytest.raises(ConsoleConfigError, match="KULL_"):
        console(**missing)


def test_a_provider_elsewhere_is_asked_over_tls_only() -> None:
    assert ConsoleSettings(oidc_issuer="http://127.0.0.1:9/").oidc_issuer == "http://127.0.0.1:9"
    with pytest.raises(ValidationError, match="plain HTTP"):
        ConsoleSettings(oidc_issuer="http://id.example.test")


def test_without_an_issuer_there_are_no_such_routes(tmp_path: Path) -> None:
    paths = {getattr(each, "path", "") for each in console(oidc_issuer="").app.routes}
    assert not any("oidc" in each for each in paths)
