"""`kull send`: publish one event, to RabbitMQ or through a running `kull up`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from kull_mesh.commands.event_options import EVERYBODY, USER, FieldOption, options_of
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
User = Annotated[str, typer.Option(help="User id.")]
OptionalUser = Annotated[str | None, typer.Option(help="User id.")]
Everybody = Annotated[bool, typer.Option("--everybody", help="Tell all users instead.")]


def command_of(model: type[Event]) -> Callable[..., None]:
    """Return the command that sends an event of a type; its options are the event's fields."""
    options = options_of(model)

    def command(
        *, event_id: str | None, amqp_url: str | None, url: str | None, **given: Any
    ) -> None:
        user, everybody = given.pop(USER, None), given.pop(EVERYBODY, False)
        if takes_everybody and bool(user) is everybody:
            raise MeshError("whom is it for? Say either --user or --everybody")
        event = model(**{each.name: each.value(given[each.argument]) for each in options})
        whom = Whom(user_id=user or None, everybody=everybody)
        _send(event, whom, event_id=event_id, amqp_url=amqp_url, url=url)

    takes_everybody = model.event_type.audience.takes_everybody
    named = [_optional(USER, OptionalUser), _optional(EVERYBODY, Everybody, default=False)]
    if not takes_everybody:
        named = [_required(USER, User)] if model.event_type.audience.takes_user else []
    parameters = [
        *named,
        *(_parameter(option) for option in options),
        *(_optional(*each) for each in COMMON),
    ]
    command.__doc__ = model.event_type.summary
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    vars(command)["__signature__"] = Signature(parameters)  # what Typer reads
    return command


def _parameter(option: FieldOption) -> Parameter:
    make = _required if option.required else _optional
    return make(option.argument, option.annotation)


def _required(name: str, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation)


def _optional(name: str, annotation: Any, default: Any = None) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


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
