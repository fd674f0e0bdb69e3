"""Keys from a JWKS URL: cached, and fetched again when they are old or a new one is asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NoReturn

import httpx
import structlog

from kull_producers.publishing.cancellation import Cancellation
from kull_router.access.token_keys import KeyRing, TokenKey, UnusableKey, parse_jwks
from kull_router.clock import Clock

log = structlog.get_logger(__name__)

REFRESH: Final = 300.0  # seconds that fetched keys are fresh
PAUSE: Final = 5.0  # seconds between fetches at least, whatever is asked for
TIMEOUT: Final = 5.0  # seconds for one fetch
MAX_BYTES: Final = 256 * 1024
MAX_ASKED: Final = 1000


class JwksKeys:
    """`token_keys.Keys` of a URL. Keys once fetched are used until a later answer lacks them.

    Args:
        url: answers with a JSON Web Key Set.
        clock: for the times of asking and fetching.
        pause: seconds between fetches at least.
        refresh: seconds after which keys are fetched again.
    """

    def __init__(
        self, url: str, *, clock: Clock, pause: float = PAUSE, refresh: float = REFRESH
    ) -> None:
        self._url = url
        self._clock = clock
        self._pause = pause
        self._refresh = refresh
        self._ring = KeyRing(())
        self._as_of: float | None = None  # when the fetch began that brought the keys
        self._asked: OrderedDict[str, float] = OrderedDict()  # unknown ids, and since when
        self._wake = asyncio.Event()

    def find(self, algorithm: str, kid: str) -> Sequence[TokenKey]:
        """See `token_keys.Keys`."""
        return self._ring.find(algorithm, kid)

    def may_come(self, kid: str) -> bool:
        """See `token_keys.Keys`: true until a fetch that began after the first question."""
        now = self._clock.monotonic()
        asked = self._asked.setdefault(kid, now)
        if self._as_of is not None and self._as_of > asked:
            del self._asked[kid]
            return False
        while len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
        self._wake.set()
        return True

    async def run(self) -> NoReturn:
        """Fetch now, when a key is asked for, and every `refresh` seconds, until cancelled."""
        cancellation = Cancellation()
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            while True:
                self._wake.clear()
                await self._fetch(client)
                cancellation.check()
                await asyncio.sleep(self._pause)
                try:
                    async with asyncio.timeout(self._refresh - self._pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # old enough

    async def _fetch(self, client: httpx.AsyncClient) -> None:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                keys = parse_jwks(await _get(client, self._url))
        except (httpx.HTTPError, UnusableKey, TimeoutError) as error:
            log.warning("jwks_not_fetched", url=self._url, why=str(error) or "no answer in time")
            return
        self._ring = KeyRing(keys)
        self._as_of = began
        log.info("jwks_fetched", url=self._url, keys=len(keys))


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        if answer.is_redirect:
            raise UnusableKey("it redirects: set KULL_TOKEN_JWKS_URL to where it leads")
        content = bytearray()
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise UnusableKey(f"it has more than {MAX_BYTES} bytes")
    return bytes(content)
