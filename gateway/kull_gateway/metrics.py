"""What a gateway counts. A registry of its own for each: several may share a process."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry

from kull_producers import exposition
from kull_producers.events.models import EVENTS
from kull_producers.measures import (
    OTHER,
    Count,
    Counts,
    Histograms,
    Measure,
    counter,
    histogram,
    measures_of,
)
from kull_producers.publishing.publisher import Publisher

# Routes as they are declared: what callers make up would be series without end.
PATHS: Final = (
    *(f"/api/sync/{model.event_type.slug}" for model in EVENTS.values()),
    "/api/sync/events/{type}",
    "/api/sync/token",
    "/api/sync/devices/{deviceId:path}",
    "/api/sync/status",
    "/.well-known/jwks.json",
    "/openapi.json",
    "/livez",
    "/readyz",
    OTHER,
)
STATUSES: Final = (
    *(
        str(status.value)
        for status in (
            HTTPStatus.OK,
            HTTPStatus.ACCEPTED,
            HTTPStatus.NO_CONTENT,
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.METHOD_NOT_ALLOWED,
            HTTPStatus.CONFLICT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
    ),
    OTHER,
)

REQUESTS: Final = counter(
    "kull_gateway_requests_total", "Answers by path and status", path=PATHS, status=STATUSES
)
REQUEST_SECONDS: Final = histogram(
    "kull_gateway_request_seconds",
    "From the request to its answer",
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
    path=PATHS,
)
LIMITED: Final = counter(
    "kull_gateway_limited_total", "Calls above the rate of a key or an address (429)"
)
FOREIGN: Final = counter(
    "kull_gateway_foreign_origins_total", "Calls of pages that are not allowed (403)"
)


class GatewayMetrics:
    """The metrics of one gateway, and those of the publisher that it uses."""

    def __init__(self, publisher: Publisher | None = None) -> None:
        self.requests = Counts(REQUESTS)
        self.seconds = Histograms(REQUEST_SECONDS)
        self.limited = Count(LIMITED)
        self.foreign = Count(FOREIGN)
        self._publisher = publisher

    @property
    def measures(self) -> Iterable[Measure]:
        """All of them."""
        of_publisher = self._publisher.stats.measures if self._publisher else []
        return [*measures_of(self), *of_publisher]

    def answered(self, path: str, status: int, seconds: float) -> None:
        """A request was answered. `path`: as the route declares it."""
        self.requests.add(path, str(status))
        self.seconds.of(path).observe(seconds)

    def registry(self) -> CollectorRegistry:
        """Return a registry with these metrics and those of the process."""
        return exposition.registry(lambda: [("", self.measures)])
