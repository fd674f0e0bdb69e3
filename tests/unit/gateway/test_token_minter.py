from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kull_gateway import (
    Minter,
    SigningKey,
    SigningKeyError,
)
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import DEVICE_SECRET, TOKEN_PATH, calling


def pem(path: Path, key: Any) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
async def test_the_published_key_verifies_what_the_private_key_signs(
    publisher: InMemoryPublisher, tmp_path: Path, algorithm: str
) -> None:
    private = (
        Ed25519PrivateKey.generate() if algorithm == "EdDSA" else generate_private_key(65537, 2048)
    )
    minter = Minter(SigningKey.from_pem(pem(tmp_path / "key.pem", private)))
    async with calling(publisher, minter=minter) as client:
        token = (await client.post(TOKEN_PATH, json={"userId": "a"})).json()["token"]
        published = (await client.get("/.well-known/jwks.json")).json()

    [key] = jwt.PyJWKSet.from_dict(published).keys
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["kid"]) == (algorithm, key.key_id)
    assert jwt.decode(token, key.key, algorithms=[algorithm])["sub"] == "a"
    assert not {"d", "p", "q"} & published["keys"][0].keys()


async def test_a_shared_secret_is_never_published(publisher: InMemoryPublisher) -> None:
    async with calling(publisher, minter=Minter(SigningKey.shared(DEVICE_SECRET))) as client:
        assert (await client.get("/.well-known/jwks.json")).json() == {"keys": []}


def test_a_key_that_is_too_weak_or_none_is_refused(tmp_path: Path) -> None:
    weak = pem(tmp_path / "weak.pem", generate_private_key(65537, 1024))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("hello")

    for path in (weak, nothing, tmp_path / "missing.pem"):
        with pytest.raises(SigningKeyError):
            SigningKey.from_pem(path)
    with pytest.raises(SigningKeyError, match="at least 32 bytes"):
        SigningKey.shared("short")
