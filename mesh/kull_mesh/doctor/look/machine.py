"""Looks at disks, descriptors and certificates."""

from __future__ import annotations

import resource
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kull_mesh.doctor.facts import CertificateSeen, DiskSeen
from kull_mesh.doctor.target import Target
from kull_protos.contract import identities
from kull_protos.serving.descriptors import raise_limit


def descriptors() -> int:
    """Return how many files a process of ours may have open; 0: no limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 0 if hard == resource.RLIM_INFINITY else max(hard, raise_limit())


def disks(target: Target) -> list[DiskSeen]:
    """Look at what holds the store, an outbox, and our own files."""
    kept: list[tuple[str, Path]] = []
    if target.has_store and target.router.database_url is None:
        kept.append(("the store", target.data))
    if target.gateway and target.gateway.gateway_outbox:
        kept.append(("the gateway's outbox", target.gateway.gateway_outbox.parent))
    return [_disk(what, path) for what, path in kept]


def _disk(what: str, path: Path) -> DiskSeen:
    there = path.absolute()
    while not there.exists() and there != there.parent:  # it is made at the first start
        there = there.parent
    try:
        usage = shutil.disk_usage(there)
    except OSError as error:
        return DiskSeen(what=what, path=str(path), problem=error.strerror or str(error))
    return DiskSeen(what=what, path=str(path), free=usage.free, total=usage.total)


def certificates(target: Target) -> list[CertificateSeen]:
    """Look at every PEM file that the settings name."""
    mesh = target.mesh
    found = []
    if mesh.tls_ca:
        found.append(_authority("KULL_TLS_CA", mesh.tls_ca))
    if mesh.tls_cert:
        found.append(_own(mesh.tls_cert, mesh.tls_key, mesh.tls_ca))
    return found + [_authority(name, path) for name, path in _elsewhere(target)]


def _elsewhere(target: Target) -> Iterator[tuple[str, Path]]:
    """Yield the files that URLs name."""
    urls = {"KULL_AMQP_URL": (target.amqp_url, ("cafile", "certfile"))}
    if target.has_store and target.router.database_url:
        database = target.router.database_url.get_secret_value()
        urls["KULL_DATABASE_URL"] = (database, ("sslrootcert", "sslcert"))
    for variable, (url, options) in urls.items():
        for name, value in parse_qsl(urlsplit(url).query):
            if name in options and value != "system":
                yield f"{variable} ({name})", Path(value)


def _authority(variable: str, path: Path) -> CertificateSeen:
    certificate = _load(path)
    if isinstance(certificate, str):
        return CertificateSeen(variable=variable, path=str(path), problem=certificate)
    return CertificateSeen(
        variable=variable, path=str(path), expires=certificate.not_valid_after_utc.timestamp()
    )


def _own(path: Path, key: Path | None, authority: Path | None) -> CertificateSeen:
    certificate = _load(path)
    if isinstance(certificate, str):
        return CertificateSeen(variable="KULL_TLS_CERT", path=str(path), problem=certificate)
    signer = _load(authority) if authority else "none"
    return CertificateSeen(
        variable="KULL_TLS_CERT",
        path=str(path),
        expires=certificate.not_valid_after_utc.timestamp(),
        identity=_identity(certificate),
        is_pair=key is None or _is_pair(certificate, key),
        is_trusted=isinstance(signer, str) or _is_signed(certificate, signer),
        exposed=key is not None and _exposed(key),
    )


def _load(path: Path) -> x509.Certificate | str:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        return error.strerror or str(error)
    except ValueError:
        return "it is no certificate in PEM"


def _identity(certificate: x509.Certificate) -> tuple[str, str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return "", ""
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        if found := identities.read(uri):
            return found.role, found.name
    return "", ""


def _is_pair(certificate: x509.Certificate, path: Path) -> bool:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return False
    return key.public_key() == certificate.public_key()


def _is_signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _exposed(key: Path) -> bool:
    try:
        return bool(key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except OSError:
        return False


def now() -> float:
    """Return this machine's time."""
    return time.time()
