"""`kull send`: publish one event, to RabbitMQ or through a running `kull up`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from kull_mesh.commands.event_options import (
    EVERYBODY,
    ROOM,
    USER,
    FieldOption,
    options_of,
    whom_options,
)
from kull_mesh.errors import MeshError
from kull_mesh.http_trigger import post
from kull_mesh.settings import MeshSettings
from kull_producers import Event, connect
from kull_producers.events.audience import Whom

app = typer.Typer(help="Publish one event; prints its id.", no_args_is_help=True)

AmqpUrl = Annotated[
    str | None,
    typer.Option(envvar="KULL_AMQP_URL", help="Publish straight to this RabbitMQ."),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="KULL_URL",
        show_default="http://127.0.0.1:5000",
        help="Publish through this `kull up` or gateway; wins over --amqp-url.",
    ),
]
EventId = Annotated[
    str | None, typer.Option("--id", help="Idempotency key: the same id arrives once.")
]
User = Annotated[str | None, typer.Option(help="User id.")]
Room = Annotated[
    list[str] | None,
    typer.Option(help="Tell who follows this room, too or alone; may be repeated."),
]
Everybody = Annotated[bool, typer.Option("--everybody", help="Tell all users instead.")]


def command_of(model: type[Event]) -> Callable[..., None]:
    """Return the command that sends an event of a type; its options are the event's fields."""
    options = options_of(model)

    def command(
        *, event_id: str | None, amqp_url: str | None, url: str | None, **given: Any
    ) -> None:
        whom = Whom(
            user_id=given.pop(USER, None) or None,
            everybody=given.pop(EVERYBODY, False),
            rooms=given.pop(ROOM, None) or (),
        )
        _check(whom, named)
        event = model(**{each.name: each.value(given[each.argument]) for each in options})
        _send(event, whom, event_id=event_id, amqp_url=amqp_url, url=url)

    named = whom_options(model)
    parameters = [
        *(_optional(name, *WHOM[name]) for name in named),
        *(_parameter(option) for option in options),
        *(_optional(*each) for each in COMMON),
    ]
    command.__doc__ = model.event_type.summary
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    vars(command)["__signature__"] = Signature(parameters)  # what Typer reads
    return command


def _check(whom: Whom, named: list[str]) -> None:
    """Raise MeshError unless it is clear whom an event is for."""
    if USER in named and bool(whom.user_id or whom.rooms) is whom.everybody:
        raise MeshError(f"whom is it for? Say {' or '.join(f'--{name}' for name in named)}")


def _parameter(option: FieldOption) -> Parameter:
    make = _required if option.required else _optional
    return make(option.argument, option.annotation)


def _required(name: str, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation)


def _optional(name: str, annotation: Any, default: Any = None) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


WHOM: dict[str, tuple[Any, Any]] = {
    USER: (User, None),
    EVERYBODY: (Everybody, False),
    ROOM: (Room, None),
}
COMMON = (("event_id", EventId), ("amqp_url", AmqpUrl), ("url", Url))

for each in MeshSettings().events.values():
    app.command(each.event_type.slug)(command_of(each))


def _send(
    event: Event, whom: Whom, *, event_id: str | None, amqp_url: str | None, url: str | None
) -> None:
    if amqp_url and not url:
        sent = asyncio.run(_publish(amqp_url, event, whom, event_id))
    else:
        sent = post(url or MeshSettings().url, event, whom, event_id)
    typer.echo(sent)


async def _publish(amqp_url: str, event: Event, whom: Whom, event_id: str | None) -> str:
    shards = MeshSettings().shard_count
    async with connect(amqp_url, shard_count=shards, app_id="kull-send") as publisher:
        return await publisher.publish(event, **whom._asdict(), idempotency_key=event_id)
