"""AMQP URLs. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from kull_router.errors import ConfigError

_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_OPTIONS: Final = ("cafile", "certfile", "keyfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmqpUrl:
    """`amqp[s]://user:password@host:port/vhost?cafile=…&certfile=…&keyfile=…`, taken apart.

    The files are PEM: the authority of RabbitMQ's certificate, and our own certificate.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    vhost: str
    tls: bool
    cafile: str = ""
    certfile: str = ""
    keyfile: str = ""

    @classmethod
    def parse(cls, text: str) -> AmqpUrl:
        """Return the parts of a URL. Raises ConfigError, which never shows the password."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise ConfigError("KULL_AMQP_URL is not a URL: its port must be a number") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigError("KULL_AMQP_URL must look like amqp://user:password@host:5672/vhost")
        options = dict(parse_qsl(parts.query))
        if unknown := sorted(options.keys() - set(_OPTIONS)):
            raise ConfigError(
                f"KULL_AMQP_URL has the option {unknown[0]!r}; known are {', '.join(_OPTIONS)}"
            )
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            user=unquote(parts.username or "guest"),
            password=unquote(parts.password or "guest"),
            vhost=unquote(parts.path[1:]) or "/",
            tls=parts.scheme == "amqps",
            **options,
        )

    def __str__(self) -> str:
        """Return who and where, fit for a log."""
        return f"{self.user}@{self.host}:{self.port}, virtual host {self.vhost}"
