"""Where a RabbitMQ listens, and its virtual hosts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The addresses of one RabbitMQ.

    Attributes:
        amqp: `amqp://user:password@host:port`, without virtual host.
        api: the same account at the management plugin: `http://user:password@host:port`.
    """

    amqp: str
    api: str

    @classmethod
    def of(cls, amqp_url: str, api: str = "") -> Endpoint:
        """Return the endpoint of a URL; the management plugin is taken to be at port 15672."""
        parts = urlsplit(amqp_url)
        account, _, _ = parts.netloc.rpartition("@")
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return cls(
            amqp=f"{parts.scheme}://{parts.netloc}",
            api=api.rstrip("/") or f"http://{account or 'guest:guest'}@{host}:15672",
        )

    def url(self, vhost: str = "/") -> str:
        """Return the URL of a virtual host."""
        return f"{self.amqp}/{quote(vhost, safe='')}"

    @contextmanager
    def fresh_vhost(self) -> Iterator[str]:
        """Create an empty virtual host, give its URL, and delete it afterwards."""
        name = f"kull-test-{uuid.uuid4().hex[:12]}"
        with httpx.Client(base_url=self.api, timeout=20) as api:
            self._make_vhost(api, name)
            try:
                yield self.url(name)
            finally:
                api.delete(f"/api/vhosts/{name}").raise_for_status()

    def empty_vhost(self) -> None:
        """Delete all that is in the default virtual host, and its connections.

        Raises:
            httpx.HTTPError: it does not answer, or has alarms.
        """
        with httpx.Client(base_url=self.api, timeout=20) as api:
            api.get("/api/health/checks/alarms").raise_for_status()
            api.delete("/api/vhosts/%2F").raise_for_status()
            self._make_vhost(api, "%2F")

    def _make_vhost(self, api: httpx.Client, name: str) -> None:
        account = quote(httpx.URL(self.api).username, safe="")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        api.put(f"/api/vhosts/{name}").raise_for_status()
        api.put(f"/api/permissions/{name}/{account}", json=everything).raise_for_status()

    def metadata(self, amqp_url: str) -> dict[str, list[str]]:
        """Return what exists in the virtual host of a URL: queues, exchanges, bindings."""
        vhost = quote(unquote(urlsplit(amqp_url).path[1:]) or "/", safe="")
        with httpx.Client(base_url=self.api, timeout=20) as api:
            found = {
                kind: sorted(each["name"] for each in api.get(f"/api/{kind}/{vhost}").json())
                for kind in ("queues", "exchanges")
            }
            bindings = api.get(f"/api/bindings/{vhost}").json()
        found["bindings"] = sorted(
            f"{each['source']} {each['routing_key']} {each['destination']}" for each in bindings
        )
        return found
