"""Only keys that verify device tokens are read, each for its one algorithm."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kull_router.access.token_keys import UnusableKey, parse_file

RSA = generate_private_key(65537, 2048)
ED = Ed25519PrivateKey.generate()


def public_pem(*keys: Any) -> bytes:
    return b"".join(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for key in keys
    )


def test_a_set_of_keys_is_read_without_what_is_not_for_us() -> None:
    def jwk(key: Any, **more: Any) -> dict[str, Any]:
        kind = jwt.algorithms.OKPAlgorithm if key is ED else jwt.algorithms.RSAAlgorithm
        return json.loads(kind.to_jwk(key.public_key())) | more  # type: ignore[no-any-return]

    listed = [
        jwk(RSA, kid="a"),
        jwk(ED, kid="b", use="sig", alg="EdDSA"),
        jwk(RSA, kid="enc", use="enc"),
        jwk(RSA, kid="wrong", alg="PS256"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {"kty": "EC", "crv": "P-256", "kid": "ec"},
        {"kty": "RSA", "n": "!", "e": 1, "kid": "broken"},
        "nonsense",
    ]

    keys = parse_file(json.dumps({"keys": listed}).encode())

    assert [(key.kid, key.algorithm) for key in keys] == [("a", "RS256"), ("b", "EdDSA")]


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"{}", b'{"keys": 1}', public_pem(generate_private_key(65537, 1024))],
)
def test_a_file_without_a_usable_key_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableKey):
        parse_file(content)


def test_a_key_of_another_kind_and_a_block_without_a_key_say_what_is_wrong() -> None:
    with pytest.raises(UnusableKey, match="use RSA keys"):
        parse_file(public_pem(generate_ec_key(SECP256R1())))
    with pytest.raises(UnusableKey, match="holds no public key"):
        parse_file(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
