"""`kull store`: look after the routers' store, by the router's settings."""

from __future__ import annotations

import asyncio

import typer

from kull_router.queues.sql import schema
from kull_router.queues.sql.location import Location, locate, open_store
from kull_router.settings import RouterSettings

app = typer.Typer(
    help="The routers' store: KULL_DATABASE_URL, or the file in KULL_DATA.", no_args_is_help=True
)


@app.command()
def status() -> None:
    """Print where the store is, its schema, its epoch and its shard count."""
    _print(locate(RouterSettings()))


@app.command()
def migrate() -> None:
    """Bring the tables to this version's schema, as a router does when it starts."""
    settings = RouterSettings()

    async def open_and_close() -> None:
        store = await open_store(settings)
        await store.aclose()

    asyncio.run(open_and_close())
    _print(locate(settings))


@app.command("renew-epoch")
def renew_epoch() -> None:
    """Give the store a new epoch after a backup was restored; no router may run.

    Devices then fetch their state anew instead of taking old positions for valid ones.
    """
    location = locate(RouterSettings())
    with location.connected(alone=True) as db:
        typer.echo(schema.renew_epoch(db))


def _print(location: Location) -> None:
    with location.connected() as db:
        found = schema.status(db)
    state = f"to come: {', '.join(found.pending)}" if found.pending else "up to date"
    typer.echo(f"store   {location}")
    typer.echo(f"schema  {found.schema}, {state}")
    typer.echo(f"epoch   {found.epoch}")
    typer.echo(f"shards  {found.shard_count}")
