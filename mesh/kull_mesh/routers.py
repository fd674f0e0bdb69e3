"""The routers as operators reach them: by AdminService, over the certificates of KULL_TLS_*."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import grpc
import typer

from kull_edge.link.certificates import channel_credentials
from kull_edge.link.channels import open_sync_channel
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_protos.mesh.v1.admin_pb2_grpc import AdminServiceStub
from kull_protos.settings import ROUTERS

DEADLINE: Final = 5.0  # seconds
ALIVE_WITHIN: Final = 1.0  # seconds for a connection on this machine

_HELP: Final = "The routers, host:port separated by commas."
_VARIABLE: Final = "KULL_EDGE_ROUTERS"

# For what only looks: see `beside`.
RoutersOrUp = Annotated[
    str,
    typer.Option(
        envvar=_VARIABLE,
        show_envvar=True,
        show_default=f"that of `kull up`, else {ROUTERS}",
        help=_HELP,
    ),
]
Routers = Annotated[
    str, typer.Option(envvar=_VARIABLE, show_envvar=True, show_default=ROUTERS, help=_HELP)
]


class UnknownNode(MeshError):
    """This router knows no such node."""


def targets(routers: str) -> list[str]:
    """Return the routers that were named, else the one of this machine."""
    return [target.strip() for target in (routers or ROUTERS).split(",") if target.strip()]


def beside(routers: str) -> list[str]:
    """Return the routers that were named, else that of a living `kull up`, else as `targets`.

    For what only looks: what ends or revokes something must not find another mesh by chance.
    """
    return targets(routers or _living())


@contextmanager
def embedded(address: str) -> Iterator[None]:
    """Let the commands beside a `kull up` find its router meanwhile."""
    file = _embedded()
    file.parent.mkdir(parents=True, exist_ok=True)
    # At once or not at all: a command may be reading it.
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(address)
    fresh.replace(file)
    try:
        yield
    finally:
        if _read(file) == address:  # else another `kull up` has come since
            file.unlink(missing_ok=True)


def _living() -> str:
    """Return the address of a `kull up` that takes connections, empty if there is none."""
    address = _read(_embedded())
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return ""
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ALIVE_WITHIN).close()
    except (OSError, OverflowError):
        return ""
    return address


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _embedded() -> Path:
    return MeshSettings().home / "up-router"


@contextmanager
def admin(target: str) -> Iterator[AdminServiceStub]:
    """Open a router's AdminService. Raises MeshError for what it answers, and when it does not."""
    with _channel(target) as channel:
        try:
            yield AdminServiceStub(channel)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise UnknownNode(error.details()) from error
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                older = f"router {target} is of an older version that cannot be asked"
                raise MeshError(older) from error
            if error.code() in {
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.PERMISSION_DENIED,
            }:
                raise MeshError(error.details()) from error
            raise MeshError(f"router {target} does not answer: {error.details()}") from error


def _channel(target: str) -> grpc.Channel:
    settings = MeshSettings()
    credentials = channel_credentials(settings.tls_ca, settings.tls_cert, settings.tls_key)
    return open_sync_channel(target, credentials)
