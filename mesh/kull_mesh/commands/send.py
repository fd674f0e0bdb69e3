"""`kull send`: publish one event, to RabbitMQ or through a running `kull up`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

import httpx
import typer

from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_producers import CreditUpdate, Event, PromptChange, ShootProgress, connect
from kull_producers.events.models import Action, Status

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


@app.command("shoot-progress")
def shoot_progress(
    user: Annotated[str, typer.Option(help="User id.")],
    shoot: Annotated[str, typer.Option(help="Shoot id.")],
    status: Annotated[str, typer.Option(help="queued, processing, completed or failed.")],
    processed: Annotated[int, typer.Option(help="Images done.")],
    total: Annotated[int, typer.Option(help="Images in all.")],
    provider: Annotated[str, typer.Option(help="Who processes, for example Replicate.")],
    current_image: Annotated[str | None, typer.Option(help="The image in work.")] = None,
    eta: Annotated[float | None, typer.Option(help="Seconds to go.")] = None,
    error_message: Annotated[str | None, typer.Option(help="Why it failed.")] = None,
    event_id: EventId = None,
    amqp_url: AmqpUrl = None,
    url: Url = None,
) -> None:
    """Tell a user's devices how far a shoot is."""
    event = ShootProgress(
        shoot_id=shoot,
        status=cast("Status", status),
        processed_count=processed,
        total_count=total,
        current_image=current_image,
        eta=eta,
        provider=provider,
        error_message=error_message,
    )
    _send(event, user=user, event_id=event_id, amqp_url=amqp_url, url=url)


@app.command("credit-update")
def credit_update(
    user: Annotated[str, typer.Option(help="User id.")],
    new_balance: Annotated[float, typer.Option(help="Credits after the change.")],
    change: Annotated[float, typer.Option(help="Positive: bought, negative: used.")],
    reason: Annotated[str, typer.Option(help="For the user to read.")],
    event_id: EventId = None,
    amqp_url: AmqpUrl = None,
    url: Url = None,
) -> None:
    """Tell a user's devices that the balance has changed."""
    event = CreditUpdate(
        user_id=user, new_balance=_whole(new_balance), change=_whole(change), reason=reason
    )
    _send(event, user=None, event_id=event_id, amqp_url=amqp_url, url=url)


@app.command("prompt-change")
def prompt_change(
    prompt: Annotated[str, typer.Option(help="Prompt id.")],
    action: Annotated[str, typer.Option(help="created, updated, deleted or voted.")],
    user: Annotated[
        list[str] | None, typer.Option(help="Tell only this user; may be repeated.")
    ] = None,
    event_id: EventId = None,
    amqp_url: AmqpUrl = None,
    url: Url = None,
) -> None:
    """Tell everybody, or some users, that a prompt of the marketplace has changed."""
    event = PromptChange(
        prompt_id=prompt, action=cast("Action", action), user_ids=tuple(user) if user else None
    )
    _send(event, user=None, event_id=event_id, amqp_url=amqp_url, url=url)


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number


def _send(
    event: Event, *, user: str | None, event_id: str | None, amqp_url: str | None, url: str | None
) -> None:
    if amqp_url and not url:
        sent = asyncio.run(_publish(amqp_url, event, user, event_id))
    else:
        sent = _post(url or MeshSettings().url, event, user, event_id)
    typer.echo(sent)


async def _publish(amqp_url: str, event: Event, user: str | None, event_id: str | None) -> str:
    shards = MeshSettings().shard_count
    async with connect(amqp_url, shard_count=shards, app_id="kull-send") as publisher:
        return await publisher.publish(event, user_id=user, idempotency_key=event_id)


PATHS = {
    ShootProgress: "shoot-progress",
    CreditUpdate: "credit-update",
    PromptChange: "prompt-change",
}


def _post(url: str, event: Event, user: str | None, event_id: str | None) -> str:
    body: dict[str, Any] = event.model_dump(by_alias=True, exclude_none=True, mode="json")
    if user:
        body["userId"] = user
    headers = {"Authorization": f"Bearer {_service_token()}"}
    if event_id:
        headers["Idempotency-Key"] = event_id
    target = f"{url.rstrip('/')}/api/sync/{PATHS[type(event)]}"
    try:
        answer = httpx.post(target, json=body, headers=headers, timeout=15)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MeshError(f"cannot reach {url}: {error}. Is `kull up` running?") from error
    if answer.status_code != httpx.codes.ACCEPTED:
        raise MeshError(_why(answer))
    return str(answer.json()["id"])


def _service_token() -> str:
    return service_token(secrets.load(MeshSettings()).service, service="kull-send", ttl=60)


def _why(answer: httpx.Response) -> str:
    try:
        detail = answer.json().get("detail", "")
    except ValueError:
        detail = ""
    return f"{answer.url} answered {answer.status_code}: {detail or answer.reason_phrase}"
