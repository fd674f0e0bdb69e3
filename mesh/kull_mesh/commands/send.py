"""`kull send`: publish one event, to RabbitMQ or through a running `kull up`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import httpx
import typer

from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.commands.event_options import USER, FieldOption, options_of
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_producers import Event, connect
from kull_producers.events.models import EVENTS
from kull_protos.common.hosts import is_loopback

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


def command_of(model: type[Event]) -> Callable[..., None]:
    """Return the command that sends an event of a type; its options are the event's fields."""
    options = options_of(model)

    def command(
        *, event_id: str | None, amqp_url: str | None, url: str | None, **given: Any
    ) -> None:
        user = given.pop(USER, None)
        event = model(**{each.name: each.value(given[each.argument]) for each in options})
        _send(event, user=user, event_id=event_id, amqp_url=amqp_url, url=url)

    parameters = [
        *([_required(USER, User)] if model.event_type.audience.takes_user else []),
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


def _optional(name: str, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=None)


COMMON = (("event_id", EventId), ("amqp_url", AmqpUrl), ("url", Url))

for each in EVENTS.values():
    app.command(each.event_type.slug)(command_of(each))


def _send(
    event: Event, *, user: str | None, event_id: str | None, amqp_url: str | None, url: str | None
) -> None:
    if amqp_url and not url:
        sent = asyncio.run(_publish(amqp_url, event, user, event_id))
    else:
        sent = post(url or MeshSettings().url, event, user, event_id)
    typer.echo(sent)


async def _publish(amqp_url: str, event: Event, user: str | None, event_id: str | None) -> str:
    shards = MeshSettings().shard_count
    async with connect(amqp_url, shard_count=shards, app_id="kull-send") as publisher:
        return await publisher.publish(event, user_id=user, idempotency_key=event_id)


def post(url: str, event: Event, user: str | None, event_id: str | None) -> str:
    """Publish through a `kull up` or gateway, and return the event's id. Raises MeshError."""
    body: dict[str, Any] = event.model_dump(by_alias=True, exclude_none=True, mode="json")
    if user:
        body["userId"] = user
    headers = {"Authorization": f"Bearer {_service_token()}"}
    if event_id:
        headers["Idempotency-Key"] = event_id
    target = f"{url.rstrip('/')}/api/sync/{event.event_type.slug}"
    try:
        with _client(target) as client:
            answer = client.post(target, json=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MeshError(f"cannot reach {url}: {error}. Is `kull up` running?") from error
    if answer.status_code != httpx.codes.ACCEPTED:
        raise MeshError(_why(answer))
    return str(answer.json()["id"])


def _client(target: str) -> httpx.Client:
    """Return a client that takes the environment's proxy to other hosts. Raises MeshError."""
    try:
        return httpx.Client(timeout=15, trust_env=not is_loopback(httpx.URL(target).host))
    except (ImportError, ValueError) as error:  # a SOCKS proxy without its library, or no URL
        raise MeshError(
            f"the proxy in ALL_PROXY, HTTP_PROXY or HTTPS_PROXY cannot be used: {error}. "
            "Name the host in NO_PROXY to go around it"
        ) from error


def _service_token() -> str:
    return service_token(secrets.load(MeshSettings()).service, service="kull-send", ttl=60)


def _why(answer: httpx.Response) -> str:
    try:
        detail = answer.json().get("detail", "")
    except ValueError:
        detail = ""
    return f"{answer.url} answered {answer.status_code}: {detail or answer.reason_phrase}"
