"""What the gateway signs is what edge and router read."""

from __future__ import annotations

import random

from kull_edge.protocol.token_peek import Identity, read_token
from kull_gateway import Minter, SigningKey
from kull_protos.contract.device_tokens import LISTED_ROOM_RIGHTS
from kull_router.access.tokens import Claims, TokenVerifier

SECRET = "a-secret-of-at-least-thirty-two-bytes"


def test_every_claim_arrives() -> None:
    now = 1_000_000
    minted = Minter(SigningKey.shared(SECRET), now=lambda: now).mint(
        user="maya", device="mac-1", name="Maya's Mac", platform="macos", rooms=["one"], ttl=60
    )

    claims = TokenVerifier(SECRET, allow_plain=False).verify(minted.token, now * 1000)

    assert claims == Claims(
        user="maya",
        device="mac-1",
        name="Maya's Mac",
        platform="macos",
        rooms={"room:one": LISTED_ROOM_RIGHTS},
        expires_ms=minted.expires_ms,
        issued_ms=now * 1000,
        token_id=claims.token_id,
    )
    assert claims.token_id
    assert read_token(minted.token, allow_plain=False, rng=random.Random(1)) == Identity(
        user_id="maya", device_id="mac-1", ephemeral=False
    )
