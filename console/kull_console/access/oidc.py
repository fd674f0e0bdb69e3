"""An OpenID provider, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx
import jwt

from kull_console.access.oidc_flow import Journey, authorization_url
from kull_console.access.operators import NotValid
from kull_console.errors import ProviderAway

SECONDS: Final = 5.0  # for an answer
LEEWAY: Final = 60.0  # seconds that the provider's clock may differ
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")  # none with a shared secret


class Provider:
    """Asked anew with each sign-in: they are few, and its keys may change.

    Args:
        issuer: its URL.
        client_id: ours there.
        client_secret: ours; empty: a public client.
        back_to: where it sends browsers.
    """

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, back_to: str) -> None:
        self._issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._back_to = back_to

    async def address(self, journey: Journey) -> str:
        """Return where a browser signs in. Raises ProviderAway."""
        async with _http() as http:
            about = await self._about(http)
        endpoint = str(about["authorization_endpoint"])
        return authorization_url(
            endpoint, journey, client_id=self._client_id, back_to=self._back_to
        )

    async def claims(self, code: str, journey: Journey) -> Mapping[str, Any]:
        """Return what the ID token says for which a code stands. Raises NotValid, ProviderAway."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back_to,
            "client_id": self._client_id,
            "code_verifier": journey.verifier,
        }
        secret = (self._client_id, self._client_secret) if self._client_secret else None
        async with _http() as http:
            about = await self._about(http)
            answer = await _answer(
                http.post(
                    str(about["token_endpoint"]),
                    data=form,
                    auth=httpx.BasicAuth(*secret) if secret else httpx.USE_CLIENT_DEFAULT,
                )
            )
            if answer.status_code != httpx.codes.OK:
                raise NotValid("the provider does not take this sign-in: begin anew")
            token = str(_object(answer).get("id_token", ""))
            keys = _object(await _answer(http.get(str(about["jwks_uri"]))))
        claims = self._verified(token, keys, issuer=str(about["issuer"]))
        if claims.get("nonce") != journey.nonce:
            raise NotValid("the provider's answer belongs to another sign-in: begin anew")
        return claims

    def _verified(self, token: str, keys: dict[str, Any], *, issuer: str) -> dict[str, Any]:
        try:
            wanted = jwt.get_unverified_header(token).get("kid")
            known = jwt.PyJWKSet.from_dict(keys).keys
            key = next(each for each in known if wanted in {None, each.key_id})
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._client_id,
                issuer=issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except (jwt.PyJWTError, StopIteration) as error:
            # Only the kind of error: its text may quote parts of the token.
            kind = type(error).__name__
            raise NotValid(f"the provider's ID token is not valid here ({kind})") from None
        return claims

    async def _about(self, http: httpx.AsyncClient) -> dict[str, Any]:
        answer = await _answer(http.get(f"{self._issuer}/.well-known/openid-configuration"))
        about = _object(answer)
        missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - about.keys()
        if str(about.get("issuer", "")).rstrip("/") != self._issuer or missing:
            raise ProviderAway(f"{self._issuer} does not describe itself as an OpenID provider")
        return about


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=SECONDS, follow_redirects=False)


async def _answer(asking: Any) -> httpx.Response:
    try:
        answer: httpx.Response = await asking
    except httpx.HTTPError as error:
        raise ProviderAway(f"the OpenID provider does not answer: {error!r}") from error
    return answer


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProviderAway(f"the OpenID provider answers {answer.url.path} with no JSON object")
    return found
