"""The router's certificate, read anew when its files change: nobody has to restart a router.

Each new connection gets the certificate and the authority of that moment; open ones stay as they
are. Files that are half written or broken change nothing until they are whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kull_router.errors import ConfigError

log = structlog.get_logger(__name__)

Stamp = tuple[tuple[int, int, int], ...]


class ServerCertificates:
    """Three PEM files. Raises ConfigError if they cannot be used at the start."""

    def __init__(self, ca: Path, certificate: Path, key: Path) -> None:
        self._paths = (ca, certificate, key)
        try:
            self._seen = self._stamp()
            self._first = self._read()
        except OSError as error:
            raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"{certificate} and {key} cannot be used: {error}") from error

    def credentials(self) -> grpc.ServerCredentials:
        """Return what makes edges and operators show a certificate of our authority."""
        news: Any = self._news  # None says "as before", which its type leaves out
        return grpc.dynamic_ssl_server_credentials(
            self._first, news, require_client_authentication=True
        )

    def _news(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the new configuration, if there is one. gRPC asks at each new connection."""
        try:
            now = self._stamp()
            if now == self._seen:
                return None
            news = self._read()
        except (OSError, ValueError) as error:
            log.warning("certificate_not_reloaded", why=str(error))
            return None
        self._seen = now
        log.info("certificate_reloaded", certificate=str(self._paths[1]))
        return news

    def _stamp(self) -> Stamp:
        stats = [path.stat() for path in self._paths]
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in stats)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        ca, certificate, key = (path.read_bytes() for path in self._paths)
        x509.load_pem_x509_certificates(ca)
        private = load_pem_private_key(key, password=None)
        if x509.load_pem_x509_certificate(certificate).public_key() != private.public_key():
            raise ValueError("the key is not that of the certificate")
        return grpc.ssl_server_certificate_configuration([(key, certificate)], ca)
