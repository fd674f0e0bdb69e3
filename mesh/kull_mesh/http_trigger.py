"""Publishes one event by HTTP, as `kull send` and `kull doctor` do."""

from __future__ import annotations

from typing import Any

import httpx

from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_producers import Event
from kull_producers.events.audience import Whom
from kull_protos.common.hosts import is_loopback


def post(url: str, event: Event, whom: Whom, event_id: str | None) -> str:
    """Publish through a `kull up` or gateway, and return the event's id. Raises MeshError."""
    body: dict[str, Any] = event.model_dump(by_alias=True, exclude_none=True, mode="json")
    if whom.user_id:
        body["userId"] = whom.user_id
    if whom.everybody:
        body["everybody"] = True
    if whom.rooms:
        body["rooms"] = list(whom.rooms)
    headers = {"Authorization": f"Bearer {_service_token(event.event_type.scope)}"}
    if event_id:
        headers["Idempotency-Key"] = event_id
    target = f"{url.rstrip('/')}/api/sync/events/{event.event_type.slug}"
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


def _service_token(scope: str) -> str:
    key = secrets.load(MeshSettings()).service
    return service_token(key, service="kull-send", scopes=[scope], ttl=60)


def _why(answer: httpx.Response) -> str:
    try:
        detail = answer.json().get("detail", "")
    except ValueError:
        detail = ""
    return f"{answer.url} answered {answer.status_code}: {detail or answer.reason_phrase}"
