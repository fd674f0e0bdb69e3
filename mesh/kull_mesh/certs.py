"""A certificate authority for the traffic between edges, routers and operators.

For development and small deployments; any authority does whose certificates carry the names.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kull_mesh.errors import MeshError
from kull_protos.contract import identities

Role = Literal["router", "edge", "operator", "viewer"]
CA: Final = "ca"
AUTHORITY: Final = "authority"
LOOPBACK: Final = ("localhost", "127.0.0.1")
AUTHORITY_DAYS: Final = 3650
DAYS: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


def make_authority(folder: Path) -> Issued:
    """Make an authority in a folder. Raises MeshError if there is one, or it cannot be kept."""
    files = _files(folder, CA)
    if files.certificate.exists():
        raise MeshError(f"{files.certificate} exists already: it is not replaced")
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Kull Sync CA")
    builder = (
        _begin(name, name, key, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
    )
    _write(files, builder.sign(key, hashes.SHA256()), key)
    return files


def make_mesh(folder: Path, nodes: Mapping[Role, Sequence[str]]) -> list[Issued]:
    """Issue a certificate to every node, each role in a folder of its own with the authority's.

    The authority is in `folder/authority`, and is made if there is none. What was issued before is
    replaced, one whole file at a time. A router is reached by its name, and as localhost.
    Raises MeshError.
    """
    authority = folder / AUTHORITY
    if not _files(authority, CA).certificate.exists():
        make_authority(authority)
    issued = []
    for role, names in nodes.items():
        for name in names:
            hosts = [name, *LOOPBACK] if role == "router" else []
            issued.append(issue(authority, role, name, hosts=hosts, into=folder / role))
        _replace(folder / role / f"{CA}.crt", _files(authority, CA).certificate.read_bytes(), 0o644)
    return issued


def issue(
    folder: Path, role: Role, name: str, *, hosts: Sequence[str] = (), into: Path | None = None
) -> Issued:
    """Issue a certificate with the authority in a folder; one of the same name is replaced.

    Args:
        folder: see `make_authority`.
        role: what its owner may do, see docs/security.md.
        name: the node's name: KULL_EDGE_NODE_ID of an edge.
        hosts: names and addresses under which a router is reached.
        into: where the files go; None: beside the authority.

    Raises:
        MeshError: there is no authority, or a router without a host.
    """
    if role == "router" and not hosts:
        raise MeshError("a router's certificate needs its --host: edges check it")
    authority, signer = _read(_files(folder, CA))
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if role == "router":
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identities.write(role, name))]
    builder = (
        _begin(_name(f"{role} {name}"[:64]), authority.subject, key, signer, DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName([*names, *map(_host, hosts)]), critical=False)
    )
    files = _files(into or folder, f"{role}-{name}")
    _write(files, builder.sign(signer, hashes.SHA256()), key)
    return files


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signers = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
        # RFC 5280, 4.2.1: without them strict clients, such as Python 3.13, refuse to connect.
        .add_extension(own, critical=False)
        .add_extension(signers, critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _files(folder: Path, stem: str) -> Issued:
    if "/" in stem or stem.startswith("."):
        raise MeshError(f"{stem!r} is no name of a node: letters, digits and - will do")
    return Issued(certificate=folder / f"{stem}.crt", key=folder / f"{stem}.key")


def _read(files: Issued) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = load_pem_private_key(files.key.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise MeshError(f"{error.filename} is missing: run `kull certs ca` first") from error
    except (OSError, ValueError) as error:
        raise MeshError(f"{files.certificate} or its key cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise MeshError(f"{files.key} is not the key of `kull certs ca`")
    return certificate, key


def _write(files: Issued, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(files.key, pem, 0o600)
    _replace(files.certificate, certificate.public_bytes(Encoding.PEM), 0o644)


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Put a whole file in place: who reads while nodes run never sees half of one."""
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError as error:
        raise MeshError(f"cannot write to {path.parent}: {error.strerror}") from error
