"""The routers as operators reach them: by AdminService, over the certificates of KULL_TLS_*."""

from __future__ import annotations

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

Routers = Annotated[
    str,
    typer.Option(
        envvar="KULL_EDGE_ROUTERS",
        show_envvar=True,
        show_default=f"that of `kull up`, else {ROUTERS}",
        help="The routers, host:port separated by commas.",
    ),
]


class UnknownNode(MeshError):
    """This router knows no such node."""


def targets(routers: str) -> list[str]:
    """Return the routers that were named, else that of `kull up`, else the one of this machine."""
    if not routers:
        embedded = _embedded()
        routers = embedded.read_text() if embedded.exists() else ROUTERS
    return [target.strip() for target in routers.split(",") if target.strip()]


@contextmanager
def embedded(address: str) -> Iterator[None]:
    """Let the commands beside a `kull up` find its router meanwhile."""
    file = _embedded()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(address)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


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
