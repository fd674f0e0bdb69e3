"""A variable that several roles read has one default and one meaning."""

from __future__ import annotations

import inspect
from collections import defaultdict
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from kull_console.settings import ConsoleSettings
from kull_edge.settings import EdgeSettings
from kull_gateway.settings import GatewaySettings
from kull_mesh.commands.config import current, problem, variable_of
from kull_mesh.settings import MeshSettings
from kull_router.settings import RouterSettings

ROOT = Path(__file__).parents[3]
ROLES: tuple[type[BaseSettings], ...] = (
    MeshSettings,
    RouterSettings,
    EdgeSettings,
    GatewaySettings,
    ConsoleSettings,
)
# The gateway cannot do without RabbitMQ, and looks at its secret before it starts.
STRICTER = {"KULL_AMQP_URL", "KULL_SERVICE_SECRET"}


def declared() -> dict[str, set[tuple[str, str]]]:
    """Return (class, module's last name) of each declaration of a variable."""
    found = defaultdict(set)
    for role in ROLES:
        for field, info in role.model_fields.items():
            [first, *_] = [each for each in role.__mro__ if field in inspect.get_annotations(each)]
            found[variable_of(role, field, info)].add((first.__name__, first.__module__))
    return found


def test_a_variable_is_declared_once() -> None:
    # The gateway's classes are copies of the others, byte by byte.
    several = {
        name: sorted(kinds)
        for name, where in declared().items()
        if len(kinds := {kind for kind, _ in where}) > 1
    }

    assert set(several) == STRICTER


def test_a_variable_means_the_same_to_every_role() -> None:
    said = defaultdict(set)
    for role in ROLES:
        for field, info in role.model_fields.items():
            said[variable_of(role, field, info)].add(info.description)

    assert {name: texts for name, texts in said.items() if len(texts) > 1} == {}


def test_every_setting_is_told_once_with_what_it_means() -> None:
    told = list(current())

    assert len({each.name for each in told}) == len(told) == len(declared())
    assert all(each.description for each in told)
    assert {each.name for each in told if each.value == "required"} == set()


@pytest.mark.parametrize("name", ["TLS_CA", "ORIGINS", "ALLOW_PLAIN_TOKENS", "TOKEN_SECRET"])
def test_a_variable_of_another_program_is_not_ours(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")

    for role in (MeshSettings, RouterSettings, EdgeSettings):
        field = name.lower()
        if field in role.model_fields:
            assert getattr(role(), field) == role.model_fields[field].default


def test_a_shared_variable_has_its_name_also_where_a_role_has_a_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KULL_TLS_CA", "ca.pem")
    monkeypatch.setenv("KULL_ORIGINS", "https://app.example.com")

    edge = EdgeSettings()

    assert (edge.tls_ca, edge.origins) == (Path("ca.pem"), "https://app.example.com")


def test_what_the_code_gives_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULL_TLS_CA", "ca.pem")
    monkeypatch.setenv("KULL_SHARD_COUNT", "4")

    assert EdgeSettings(tls_ca=None).tls_ca is None
    assert RouterSettings(tls_ca=None, shard_count=8).shard_count == 8
    assert RouterSettings().shard_count == MeshSettings().shard_count == 4


@pytest.mark.parametrize("role", [MeshSettings, EdgeSettings])
def test_a_page_that_is_no_origin_is_refused_by_every_role(
    role: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_ORIGINS", "app.example.com")

    with pytest.raises(ValidationError, match="is no origin"):
        role()


EXAMPLES = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text().splitlines()
    if "change-me" in line and not line.startswith("#")
)


@pytest.mark.parametrize(
    ("role", "name", "value"),
    [
        (RouterSettings, "KULL_TOKEN_SECRET", EXAMPLES["KULL_TOKEN_SECRET"]),
        (GatewaySettings, "KULL_SERVICE_SECRET", EXAMPLES["KULL_SERVICE_SECRET"]),
        (MeshSettings, "KULL_TOKEN_SECRET", EXAMPLES["KULL_TOKEN_SECRET"]),
        (
            RouterSettings,
            "KULL_AMQP_URL",
            f"amqp://kull-router:{EXAMPLES['KULL_RABBITMQ_ROUTER_PASSWORD']}@rabbitmq/",
        ),
        (
            GatewaySettings,
            "KULL_AMQP_URL",
            f"amqp://kull-producer:{EXAMPLES['KULL_RABBITMQ_PRODUCER_PASSWORD']}@rabbitmq/",
        ),
        (
            RouterSettings,
            "KULL_DATABASE_URL",
            f"postgresql://kull:{EXAMPLES['KULL_POSTGRES_PASSWORD']}@postgres/kull",
        ),
    ],
)
def test_a_secret_of_the_example_is_refused_and_not_repeated(
    role: type[BaseSettings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_AMQP_URL", "amqp://localhost/")
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as caught:
        role()

    told = problem(caught.value)
    assert name in told
    assert "openssl rand" in told
    assert value not in told
