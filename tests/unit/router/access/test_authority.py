"""Tokens count once the revocations are known, and as long as none takes them back."""

from __future__ import annotations

import jwt
import pytest

from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_router.access.authority import PAGE, Authority
from kull_router.access.revocations import Revocation
from kull_router.access.tokens import Claims, TokenVerifier
from kull_router.clock import Clock
from kull_router.errors import TokenRefused
from kull_router.queues.memory import MemoryStore

SECRET = "a-secret-of-at-least-32-bytes-for-the-tests"
NOW_MS = 1_000_000_000


def authority(log: MemoryStore | None = None, now_ms: int = NOW_MS) -> Authority:
    return Authority(
        log=log or MemoryStore(),
        verifier=TokenVerifier(SECRET, allow_plain=False),
        clock=Clock(wall_ms=lambda: now_ms),
        grace=5,
        max_ttl=60,
    )


def token(ttl: int = 60) -> str:
    now = NOW_MS // 1000
    return jwt.encode({"sub": "maya", "iat": now, "exp": now + ttl}, SECRET)


async def test_nobody_is_let_in_before_the_revocations_were_read() -> None:
    found = authority()
    with pytest.raises(TokenRefused) as caught:
        found.verify(token())
    assert caught.value.close_code == TRY_AGAIN

    await found.news()
    assert found.verify(token()).user == "maya"


async def test_who_is_connected_has_some_time_of_grace() -> None:
    found = authority(now_ms=NOW_MS + 63_000)
    await found.news()
    with pytest.raises(TokenRefused):
        found.verify(token())
    claims = found.verify(token(), connected=True)
    assert found.closes_ms(claims) == NOW_MS + 65_000


async def test_a_revocation_is_kept_until_the_last_such_token_has_expired() -> None:
    log = MemoryStore()
    found = authority(log)
    [new] = await found.revoke(user="maya", device="", token_id="", issued_before_ms=0)
    assert (new.issued_before_ms, new.until_ms) == (NOW_MS, NOW_MS + 125_000)

    with pytest.raises(TokenRefused) as caught:
        found.check(found.verify(token()), "web-1")
    assert caught.value.close_code == CloseCode.REVOKED

    await authority(log, now_ms=NOW_MS + 124_999).expire()
    assert len(await log.revocations(0, 100)) == 1
    await authority(log, now_ms=NOW_MS + 125_000).expire()
    assert await log.revocations(0, 100) == []


async def test_a_moment_in_the_future_revokes_no_token_of_the_future() -> None:
    [new] = await authority().revoke(
        user="maya", device="", token_id="", issued_before_ms=NOW_MS + 10**9
    )
    assert new.issued_before_ms == NOW_MS


async def test_a_log_out_takes_back_no_later_token_whoever_learns_of_it() -> None:
    log = MemoryStore()
    here, there = authority(log), authority(log, now_ms=NOW_MS - 20_000)
    for each in (here, there):
        await each.news()
    there.verify(token())  # an issuer whose clock is 20 s ahead of that router's
    issued_ms = NOW_MS - 10_000

    await here.revoke(user="maya", device="mac", token_id="", of_token_ms=issued_ms)
    await there.news()
    await here.news()

    for router in (here, there):
        old, later = (Claims(user="maya", issued_ms=issued_ms + more) for more in (0, 1))
        with pytest.raises(TokenRefused):
            router.check(old, "mac")
        router.check(later, "mac")


async def test_news_are_told_once_and_asked_for_from_the_last_one_on() -> None:
    log = CountingLog()
    found = authority(log)
    for user in ("maya", "otto"):
        await log.revoke(Revocation(user=user, issued_before_ms=1, until_ms=NOW_MS * 2))
    assert [each.user for each in await found.news()] == ["maya", "otto"]
    assert await found.news() == []
    await log.revoke(Revocation(user="maya", issued_before_ms=2, until_ms=NOW_MS * 2))
    assert [each.issued_before_ms for each in await found.news()] == [2]
    assert log.asked == [0, 2, 2]


async def test_many_are_read_in_pages_and_nobody_is_let_in_before_the_last_one() -> None:
    log = CountingLog()
    found = authority(log)
    for n in range(PAGE + 1):
        await log.revoke(Revocation(user="otto", token_id=f"t-{n}", until_ms=NOW_MS * 2))

    assert len(await found.news()) == PAGE
    with pytest.raises(TokenRefused):
        found.verify(token())
    assert len(await found.news()) == 1
    assert found.verify(token()).user == "maya"


class CountingLog(MemoryStore):
    """Notes from where on it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def revocations(self, after: int, limit: int) -> list[Revocation]:
        self.asked.append(after)
        return await super().revocations(after, limit)
