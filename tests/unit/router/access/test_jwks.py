"""Keys from a URL: a real server, whose keys change, and which goes away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_router.access import jwks
from kull_router.access.jwks import MAX_ASKED, MAX_BYTES, JwksKeys
from kull_router.access.tokens import TokenVerifier
from kull_router.clock import Clock
from kull_router.errors import TokenRefused
from tests.support.until import until

NOW_MS = 1_000_000
LIMIT = 20  # seconds


class Issuer:
    """An identity provider: signs tokens, and publishes its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.fetches = 0
        self.answer: bytes | None = None  # instead of the keys
        self.url = ""

    def rotate(self, kid: str) -> None:
        self.keys = {kid: Ed25519PrivateKey.generate()}

    def token(self, kid: str) -> str:
        claims = {"sub": "maya", "exp": NOW_MS // 1000 + 60, "aud": "kull"}
        return jwt.encode(claims, self.keys[kid], "EdDSA", headers={"kid": kid})

    def document(self) -> bytes:
        listed = [
            json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key())) | {"kid": kid}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": listed}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.fetches += 1
        body = self.document()
        answer = self.answer or b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        writer.write(answer)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def serving() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    issuer.rotate("one")
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    try:
        yield issuer
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def fetching(issuer: Issuer, **times: float) -> AsyncIterator[TokenVerifier]:
    keys = JwksKeys(issuer.url, clock=Clock(), **({"pause": 0.01, "refresh": 60.0} | times))
    life = asyncio.create_task(keys.run(), name="jwks")
    try:
        yield TokenVerifier(None, allow_plain=False, keys=keys, audience="kull")
    finally:
        life.cancel()
        with pytest.raises(asyncio.CancelledError):
            await life


async def settled(verify: Callable[[], Any]) -> Any:
    """Ask like an edge does, again and again, while the answer is "try again"."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                return verify()
            except TokenRefused as refused:
                if refused.close_code != TRY_AGAIN:
                    return refused.close_code
            await asyncio.sleep(0.01)


async def test_a_token_waits_for_the_first_fetch_and_is_then_verified() -> None:
    async with serving() as issuer, fetching(issuer) as verifier:
        token = issuer.token("one")

        with pytest.raises(TokenRefused) as early:
            verifier.verify(token, NOW_MS)
        assert early.value.close_code == TRY_AGAIN
        assert (await settled(lambda: verifier.verify(token, NOW_MS))).user == "maya"


async def test_a_new_key_is_fetched_when_a_token_asks_for_it_and_the_old_one_ends() -> None:
    async with serving() as issuer, fetching(issuer) as verifier:
        old = issuer.token("one")
        await settled(lambda: verifier.verify(old, NOW_MS))

        issuer.rotate("two")
        new = issuer.token("two")

        assert (await settled(lambda: verifier.verify(new, NOW_MS))).user == "maya"
        assert await settled(lambda: verifier.verify(old, NOW_MS)) == CloseCode.BAD_TOKEN


async def test_keys_are_cached_and_made_up_ids_cost_one_fetch_per_pause() -> None:
    async with serving() as issuer, fetching(issuer, pause=30.0) as verifier:
        token = issuer.token("one")
        await settled(lambda: verifier.verify(token, NOW_MS))

        for number in range(3 * MAX_ASKED):
            issuer.keys["x"] = issuer.keys["one"]
            forged = jwt.encode({}, issuer.keys["x"], "EdDSA", headers={"kid": str(number)})
            with pytest.raises(TokenRefused):
                verifier.verify(forged, NOW_MS)
            assert verifier.verify(token, NOW_MS).user == "maya"

        assert issuer.fetches == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * (MAX_BYTES + 1),
        b"nonsense\r\n\r\n",
    ],
)
async def test_a_source_that_fails_takes_no_key_away(answer: bytes) -> None:
    async with serving() as issuer, fetching(issuer, refresh=0.02) as verifier:
        token = issuer.token("one")
        await settled(lambda: verifier.verify(token, NOW_MS))

        issuer.answer = answer
        seen = issuer.fetches
        await until(lambda: issuer.fetches >= seen + 2, seconds=LIMIT)

        assert verifier.verify(token, NOW_MS).user == "maya"


async def test_it_ends_when_it_is_told_to_although_a_fetch_fails_at_that_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetching = asyncio.Event()

    async def swallow(*_: object) -> bytes:
        fetching.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise httpx.ConnectError("refused") from None
        raise AssertionError("nobody ends it")

    monkeypatch.setattr(jwks, "_get", swallow)
    keys = JwksKeys("http://127.0.0.1:1/", clock=Clock(), pause=0.01, refresh=60.0)
    life = asyncio.create_task(keys.run(), name="jwks")
    await fetching.wait()
    life.cancel()
    await asyncio.wait({life}, timeout=5)

    assert life.cancelled()
