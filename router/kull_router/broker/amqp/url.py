"""AMQP URLs. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from kull_producers.amqp_url import PORTS, each_host
from kull_router.errors import ConfigError

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
    address: str = ""  # what the host stands for now; empty: not looked up

    @classmethod
    def parse_each(cls, text: str) -> list[AmqpUrl]:
        """Return the parts for each host that a URL names. Raises ConfigError as `parse` does."""
        try:
            return [cls.parse(each) for each in each_host(text)]
        except ValueError as error:
            raise _malformed() from error

    @classmethod
    def parse(cls, text: str) -> AmqpUrl:
        """Return the parts of a URL of one host. Raises ConfigError without the password."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise _malformed() from error
        if parts.scheme not in PORTS or not parts.hostname:
            raise _malformed()
        options = dict(parse_qsl(parts.query))
        if unknown := sorted(options.keys() - set(_OPTIONS)):
            raise ConfigError(
                f"KULL_AMQP_URL has the option {unknown[0]!r}; known are {', '.join(_OPTIONS)}"
            )
        return cls(
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            user=unquote(parts.username or "guest"),
            password=unquote(parts.password or "guest"),
            vhost=unquote(parts.path[1:]) or "/",
            tls=parts.scheme == "amqps",
            **options,
        )

    def __str__(self) -> str:
        """Return who and where, fit for a log."""
        return f"{self.user}@{self.host}:{self.port}, virtual host {self.vhost}"


def _malformed() -> ConfigError:
    return ConfigError(
        "KULL_AMQP_URL must look like amqp://user:password@host:5672/vhost, "
        "or with several hosts: amqp://user:password@a:5672,b:5672/vhost"
    )
