"""The triggers answer as their OpenAPI document says, whatever is sent (schemathesis)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kull_gateway.auth import SCOPES, service_token
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from tests.support.up import Up, running

CASES: Final = 2_100
# Of all cases; what has no input needs no more than one.
POSTS: Final = ("shoot-progress", "credit-update", "prompt-change", "token")
CHECKS: Final[list[Any]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up")) as up:
        yield up


@pytest.fixture(scope="module")
def callers(up: Up) -> Iterator[str]:
    """Service tokens of ever new services: none reaches its rate."""
    keys = secrets.load(MeshSettings(home=up.home))
    tokens = [
        service_token(keys.service, service=f"fuzz-{number}", scopes=SCOPES) for number in range(50)
    ]
    return itertools.cycle(tokens)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", [*POSTS, "events/{type}"])
def test_whatever_is_posted_is_answered_as_documented(
    up: Up, callers: Iterator[str], path: str
) -> None:
    schema = schemathesis.openapi.from_url(f"{up.http}/openapi.json")
    operation = schema[f"/api/sync/{path}"]["POST"]
    seen: dict[int, int] = {}

    @seed(1)
    @settings(
        max_examples=CASES // len(POSTS),
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def post(case: Any) -> None:
        headers = {"Authorization": f"Bearer {next(callers)}"}
        answer = case.call(headers=headers)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        case.validate_response(answer, checks=CHECKS)

    post()

    print(f"\n{path}: {sum(seen.values())} cases, by status {dict(sorted(seen.items()))}")
    assert sum(seen.values()) >= CASES // len(POSTS)
    assert seen.get(200, 0) + seen.get(202, 0) > 20  # it is not all refused


def test_the_document_has_an_example_of_every_request(up: Up) -> None:
    schema = schemathesis.openapi.from_url(f"{up.http}/openapi.json")
    for path in POSTS:
        content: Any = schema.raw_schema["paths"][f"/api/sync/{path}"]["post"]["requestBody"]
        assert content["content"]["application/json"]["examples"]


def test_the_examples_of_the_document_are_accepted(up: Up, callers: Iterator[str]) -> None:
    import httpx

    document = httpx.get(f"{up.http}/openapi.json").json()
    for path in POSTS:
        body = document["paths"][f"/api/sync/{path}"]["post"]["requestBody"]
        for example in body["content"]["application/json"]["examples"].values():
            answer = httpx.post(
                f"{up.http}/api/sync/{path}",
                json=example["value"],
                headers={"Authorization": f"Bearer {next(callers)}"},
            )
            assert answer.status_code in {200, 202}, answer.text


def test_health_answers_as_documented(up: Up, tmp_path: Path) -> None:
    del tmp_path
    schema = schemathesis.openapi.from_url(f"{up.http}/openapi.json")
    for path in ("/api/sync/status", "/livez", "/readyz", "/.well-known/jwks.json"):
        case: Any = schema[path]["GET"].Case()
        case.validate_response(case.call(), checks=CHECKS)
