"""Signs device tokens: the last step of an application's own log-in."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from kull_producers.contract.device_tokens import (
    CONTACTS,
    DEVICE,
    EDDSA,
    HS256,
    MIN_RSA_BITS,
    NAME,
    PLATFORM,
    RIGHTS,
    ROOMS,
    RS256,
)
from kull_producers.contract.limits import DEFAULT_TOKEN_TTL, MIN_SECRET_BYTES

PublicKey = RSAPublicKey | Ed25519PublicKey


class SigningKeyError(ValueError):
    """The key cannot sign device tokens; the text says why."""


FRACTIONS: Final = 1024  # of a second


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key and the one algorithm it is for. `public` is None for a shared secret."""

    algorithm: str
    key: Any = field(repr=False)
    kid: str = ""
    public: PublicKey | None = None

    @classmethod
    def shared(cls, secret: str) -> SigningKey:
        """Return a key for HS256. Raises SigningKeyError."""
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise SigningKeyError(f"the secret must have at least {MIN_SECRET_BYTES} bytes")
        return cls(algorithm=HS256, key=secret)

    @classmethod
    def from_pem(cls, path: Path) -> SigningKey:
        """Return the private key in a PEM file: RSA signs RS256, Ed25519 signs EdDSA.

        Raises SigningKeyError.
        """
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise SigningKeyError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise SigningKeyError(f"{path} holds no private key without a password") from error
        if isinstance(key, RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
            algorithm = RS256
        elif isinstance(key, Ed25519PrivateKey):
            algorithm = EDDSA
        else:
            raise SigningKeyError(
                f"{path}: use an Ed25519 key, or an RSA key of at least {MIN_RSA_BITS} bits"
            )
        public = key.public_key()
        return cls(algorithm=algorithm, key=key, kid=key_id(public), public=public)

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set; an empty one for a shared secret."""
        match self.public:
            case RSAPublicKey():
                told = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.public))
            case Ed25519PublicKey():
                told = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self.public))
            case None:
                return {"keys": []}
        told.pop("key_ops", None)
        return {"keys": [told | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A signed token, and when it expires in milliseconds since the Unix epoch."""

    token: str = field(repr=False)
    expires_ms: int


class Minter:
    """Signs device tokens.

    Args:
        key: what signs.
        audience, issuer: the claims `aud` and `iss`; empty: left out.
        max_ttl: seconds that a token lives at most.
        now: seconds since the Unix epoch.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        audience: str = "",
        issuer: str = "",
        max_ttl: float = DEFAULT_TOKEN_TTL,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self.max_ttl = max_ttl
        self._fixed = {name: value for name, value in (("aud", audience), ("iss", issuer)) if value}
        self._now = now

    def mint(
        self,
        *,
        user: str,
        device: str = "",
        name: str = "",
        platform: str = "",
        rooms: Sequence[str] | Mapping[str, Sequence[str]] = (),
        contacts: Sequence[str] = (),
        rights: Sequence[str] | None = None,
        ttl: float = 3600,
    ) -> Minted:
        """Return a token. `ttl` is in seconds; the other arguments are the claims.

        rooms: names, each with the rights read and presence, or a list of rights for each name.
        contacts: ids of users whose status it may watch.
        rights: None: what a device may do by default; empty: none of it.
        """
        # Finer than a second: a token from right after a revocation is told from one before it.
        # Fractions that a float holds exactly, so that the life is `ttl` to the digit.
        issued = int(self._now() * FRACTIONS) / FRACTIONS
        expires = issued + max(1, int(min(ttl, self.max_ttl)))
        claims: dict[str, Any] = {
            "sub": user,
            "iat": issued,
            "exp": expires,
            "jti": uuid.uuid4().hex,
            **self._fixed,
        }
        granted = dict(rooms) if isinstance(rooms, Mapping) else list(rooms)
        optional = {DEVICE: device, NAME: name, PLATFORM: platform, ROOMS: granted}
        optional[CONTACTS] = list(contacts)
        claims |= {key: value for key, value in optional.items() if value}
        if rights is not None:
            claims[RIGHTS] = list(rights)
        headers = {"kid": self.key.kid} if self.key.kid else None
        token = jwt.encode(claims, self.key.key, self.key.algorithm, headers=headers)
        return Minted(token=token, expires_ms=int(expires * 1000))


def key_id(public: PublicKey) -> str:
    """Return the id of a public key: the beginning of its SHA-256."""
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]
