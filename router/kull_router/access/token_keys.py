"""Keys that verify device tokens, each bound to the one algorithm it is for. PURE.

A token says which algorithm and which key it wants. It gets no say beyond that: a public key never
verifies HS256, and a key's id is only looked up, never opened, fetched or parsed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from jwt.algorithms import HMACAlgorithm

from kull_protos.contract.device_tokens import EDDSA, HS256, MIN_RSA_BITS, RS256
from kull_protos.contract.limits import MIN_SECRET_BYTES
from kull_router.errors import ConfigError

MAX_KID: Final = 256  # characters
MAX_KEYS: Final = 100
_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class UnusableKey(Exception):
    """This is no key that verifies tokens; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key, and the algorithm it is for."""

    algorithm: str
    key: Any = field(repr=False)
    kid: str = ""


class Keys(Protocol):
    """Where a verifier finds keys."""

    def find(self, algorithm: str, kid: str) -> Sequence[TokenKey]:
        """Return the keys for an algorithm that have this id; all of them if `kid` is empty."""
        ...

    def may_come(self, kid: str) -> bool:
        """Return whether a key that was not found may still turn up in a moment."""
        ...


class KeyRing:
    """`Keys` that are all known."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        self._keys = tuple(keys)

    def find(self, algorithm: str, kid: str) -> Sequence[TokenKey]:
        """See Keys. A key without an id, like a shared secret, fits any."""
        return [
            key
            for key in self._keys
            if key.algorithm == algorithm and (not kid or key.kid in {"", kid})
        ]

    def may_come(self, kid: str) -> bool:
        """See Keys."""
        del kid
        return False


def shared(secret: str) -> TokenKey:
    """Return a shared secret as a key for HS256. Raises ConfigError."""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ConfigError(f"KULL_TOKEN_SECRET is too short: use at least {MIN_SECRET_BYTES} bytes")
    encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    key = jwt.PyJWK({"kty": "oct", "k": encoded, "alg": HS256})
    algorithm = _Prepared(HMACAlgorithm.SHA256)
    try:
        key.key = algorithm.prepare_key(secret)
    except jwt.InvalidKeyError:
        raise ConfigError("KULL_TOKEN_SECRET is a key of another kind: use a random text") from None
    key.Algorithm = algorithm
    return TokenKey(algorithm=HS256, key=key)


class _Prepared(HMACAlgorithm):
    """Looks once, not with each token, whether a secret is a public key by mistake."""

    def prepare_key(self, key: str | bytes) -> bytes:
        """Return the key as it is used; bytes are that already."""
        return key if isinstance(key, bytes) else super().prepare_key(key)


def parse_file(content: bytes) -> list[TokenKey]:
    """Return the public keys in a PEM file, or in a JSON Web Key Set. Raises UnusableKey."""
    if content.lstrip().startswith(b"{"):
        return parse_jwks(content)
    blocks = _PEM.findall(content)
    if not blocks:
        raise UnusableKey("it holds neither a `BEGIN PUBLIC KEY` nor a JSON Web Key Set")
    return [_from_pem(block) for block in blocks]


def parse_jwks(content: bytes) -> list[TokenKey]:
    """Return the keys of a JSON Web Key Set that can verify device tokens.

    Others, which a set may hold for other purposes, are left out. Raises UnusableKey.
    """
    try:
        listed = json.loads(content)["keys"]
        if not isinstance(listed, list):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnusableKey("it is no JSON Web Key Set") from None
    return [key for each in listed[:MAX_KEYS] if (key := _from_jwk(each)) is not None]


def _from_jwk(listed: object) -> TokenKey | None:
    if not isinstance(listed, dict) or listed.get("use", "sig") != "sig":
        return None
    kid = listed.get("kid", "")
    if listed.get("kty") not in {"RSA", "OKP"} or not isinstance(kid, str):
        return None  # never a shared secret ("oct"): it would be public
    try:
        key = jwt.PyJWK(listed).key
        found = _key(key, kid[:MAX_KID])
    except (jwt.PyJWTError, UnusableKey, ValueError, TypeError):
        return None
    return found if listed.get("alg", found.algorithm) == found.algorithm else None


def _from_pem(block: bytes) -> TokenKey:
    try:
        key = load_pem_public_key(block)
    except ValueError as error:
        raise UnusableKey("a `BEGIN PUBLIC KEY` holds no public key") from error
    return _key(key, _id(key))


def _key(key: object, kid: str) -> TokenKey:
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise UnusableKey(f"an RSA key has {key.key_size} bits: use {MIN_RSA_BITS} or more")
        return TokenKey(algorithm=RS256, key=key, kid=kid)
    if isinstance(key, Ed25519PublicKey):
        return TokenKey(algorithm=EDDSA, key=key, kid=kid)
    raise UnusableKey("use RSA keys (RS256) or Ed25519 keys (EdDSA)")


def _id(key: Any) -> str:
    """Return the id that `kull_gateway.token_minter` gives a key."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]
