"""What an edge or an operator shows to routers."""

from __future__ import annotations

from pathlib import Path

import grpc
import structlog

from kull_edge.errors import BadCertificate

log = structlog.get_logger(__name__)


def channel_credentials(
    ca: Path | None, certificate: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    """Return what an edge shows to routers; None: no TLS. Raises BadCertificate."""
    paths = (ca, certificate, key)
    if not any(paths):
        return None
    try:
        root, chain, private = [path.read_bytes() for path in paths if path]
    except ValueError:
        raise BadCertificate("set KULL_TLS_CA, KULL_TLS_CERT and KULL_TLS_KEY, all three") from None
    except OSError as error:
        raise BadCertificate(f"cannot read {error.filename}: {error.strerror}") from error
    return grpc.ssl_channel_credentials(root, private, chain)


class ChannelCertificates:
    """The same, read anew for each connection. Raises BadCertificate at the start only."""

    def __init__(self, ca: Path | None, certificate: Path | None, key: Path | None) -> None:
        self._paths = (ca, certificate, key)
        self._last = channel_credentials(*self._paths)

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return what the files say now, or said last while they cannot be read."""
        try:
            self._last = channel_credentials(*self._paths)
        except BadCertificate as error:
            log.warning("certificate_not_read", why=str(error))
        return self._last
