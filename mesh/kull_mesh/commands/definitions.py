"""`kull definitions`: RabbitMQ accounts with least privilege."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from kull_mesh.definitions import Account, document_of
from kull_mesh.errors import MeshError

MIN_PASSWORD = 12  # characters


def definitions(
    router_password: Annotated[
        str,
        typer.Option(envvar="KULL_RABBITMQ_ROUTER_PASSWORD", help="Of the account kull-router."),
    ],
    producer_password: Annotated[
        str,
        typer.Option(
            envvar="KULL_RABBITMQ_PRODUCER_PASSWORD", help="Of the account kull-producer."
        ),
    ],
    consumer_password: Annotated[
        str,
        typer.Option(
            envvar="KULL_RABBITMQ_CONSUMER_PASSWORD",
            help="Of the account kull-consumer, which listens to kull.presence, if you want one.",
        ),
    ] = "",
    admin_password: Annotated[
        str,
        typer.Option(
            envvar="KULL_RABBITMQ_ADMIN_PASSWORD",
            help="Of the account kull-admin, if you want one.",
        ),
    ] = "",
    vhost: Annotated[str, typer.Option(help="The virtual host.")] = "/",
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="standard output")
    ] = None,
) -> None:
    """Print RabbitMQ definitions (`load_definitions`): an account for each role, and its rights."""
    accounts = [
        Account(name="kull-router", password=router_password, role="router"),
        Account(name="kull-producer", password=producer_password, role="producer"),
    ]
    if consumer_password:
        accounts.append(Account(name="kull-consumer", password=consumer_password, role="consumer"))
    if admin_password:
        accounts.append(Account(name="kull-admin", password=admin_password, role="administrator"))
    for account in accounts:
        if len(account.password) < MIN_PASSWORD:
            raise MeshError(f"the password of {account.name} has under {MIN_PASSWORD} characters")
    text = json.dumps(document_of(accounts, vhost=vhost, randomness=os.urandom), indent=2)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text + "\n")
