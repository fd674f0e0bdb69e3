"""What the doctor looks at: told by options, else by the settings of this environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from kull_console import ConsoleSettings
from kull_edge.settings import EdgeSettings
from kull_gateway import GatewaySettings
from kull_gateway.keys import KeyFileError
from kull_mesh.commands.config import problem, variable_of
from kull_mesh.console import is_set_up
from kull_mesh.doctor.facts import Configured
from kull_mesh.routers import beside
from kull_mesh.settings import MeshSettings
from kull_protos.common.hosts import authority
from kull_protos.settings import PlainTokenSettings
from kull_router.settings import RouterSettings

Role = Literal["router", "edge", "gateway", "console", "operator", "up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to look.

    Attributes:
        role: whose environment this is.
        routers: host:port of each.
        edges: WebSocket URLs; the canary listens at the first.
        http: the gateway, or `kull up`; empty: there is none.
        rabbitmq_api: RabbitMQ's management with an administrator's account; empty: not asked.
        operators: whether somebody could sign in to the console, or this is none.
    """

    role: Role
    routers: Sequence[str]
    edges: Sequence[str] = ()
    http: str = ""
    rabbitmq_api: str = field(default="", repr=False)
    mesh: MeshSettings
    router: RouterSettings
    edge: EdgeSettings
    gateway: GatewaySettings | None
    operators: bool = True
    problems: Sequence[str] = ()

    @property
    def amqp_url(self) -> str:
        """RabbitMQ; empty: the broker is in memory, or this role has none."""
        secret = self.mesh.amqp_url
        known = secret is not None and self.role not in {"edge", "console", "operator"}
        return secret.get_secret_value() if secret and known else ""

    @property
    def has_store(self) -> bool:
        """Whether this environment names the store."""
        return self.role in {"router", "up"}

    @property
    def data(self) -> Path:
        """The folder of the SQLite store."""
        return self.mesh.home / "data" if self.role == "up" else self.router.data

    def configured(self) -> Configured:
        """Return what the settings say, as far as they may contradict each other."""
        router, edge, gateway, mesh = self.router, self.edge, self.gateway, self.mesh
        own_tokens = self.role == "router"
        tls = {"KULL_TLS_CA": mesh.tls_ca, "KULL_TLS_CERT": mesh.tls_cert}
        tls["KULL_TLS_KEY"] = mesh.tls_key
        keys = (router.token_secret, router.token_keys, router.token_jwks_url)
        gateways = gateway if self.role == "gateway" else None
        return Configured(
            role=self.role,
            problems=self.problems,
            routers=self.routers,
            shard_count=router.shard_count,
            verifies=not own_tokens or any(keys) or router.allow_plain_tokens,
            two_key_sources=own_tokens and bool(router.token_keys and router.token_jwks_url),
            jwks_without_audience=own_tokens
            and bool(router.token_jwks_url and not router.token_audience),
            plain_tokens=PlainTokenSettings().allow_plain_tokens,
            secrets_alike=bool(mesh.token_secret) and mesh.token_secret == mesh.service_secret,
            tls=frozenset(name for name, path in tls.items() if path),
            single_store=router.database_url is None,
            has_broker=bool(self.amqp_url),
            preferred=router.preference if own_tokens else frozenset(),
            any_origin="*" in mesh.origins.split(","),
            publish_timeout=gateways.gateway_publish_timeout if gateways else 0.0,
            answer_timeout=gateways.gateway_answer_timeout if gateways else 0.0,
            connections=edge.max_connections if "max_connections" in edge.model_fields_set else 0,
            operators=self.operators,
        )


def target_of(
    *,
    role: Role | None,
    routers: str,
    edges: Sequence[str],
    http: str,
    rabbitmq_api: str,
) -> Target:
    """Return what these options mean in this environment. Raises ValidationError."""
    problems: list[str] = []
    mesh = MeshSettings()
    console, told = _read(ConsoleSettings)
    problems += told if role == "console" else []
    router, told = _read(RouterSettings)
    problems += told if role in {"router", "up", None} else []
    edge, told = _read(EdgeSettings)
    problems += told if role in {"edge", "up", None} else []
    try:
        gateway = GatewaySettings() if mesh.amqp_url else None
    except ValidationError as error:
        gateway = None
        problems += _told(error) if role == "gateway" else []
    found = role or _guess(mesh, router, edge, console)
    ours = _ours(found, mesh, edge, gateway)
    return Target(
        role=found,
        routers=beside(routers or _routers(found, mesh, console)),
        edges=edges or ours[0],
        http=http or ours[1],
        rabbitmq_api=rabbitmq_api,
        mesh=mesh,
        router=router,
        edge=edge,
        gateway=gateway,
        operators=found != "console" or _signs_in(console, mesh, problems),
        problems=problems,
    )


def _signs_in(console: ConsoleSettings, mesh: MeshSettings, problems: list[str]) -> bool:
    """Return whether somebody could sign in to a console of these settings."""
    try:
        return is_set_up(console, mesh.keys_file)
    except KeyFileError as error:
        problems.append(str(error))
        return True


def _ours(
    role: str, mesh: MeshSettings, edge: EdgeSettings, gateway: GatewaySettings | None
) -> tuple[Sequence[str], str]:
    """Return the edges and the HTTP that this environment names."""
    match role:
        case "up":
            return [f"{mesh.url.replace('http', 'ws', 1).rstrip('/')}/ws"], mesh.url
        case "edge":
            return [f"ws://{edge.host}:{edge.port}/ws"], ""
        case "gateway" if gateway:
            url = f"http://{authority(gateway.gateway_host, gateway.gateway_port)}"
            return [each.strip() for each in mesh.web_edges.split(",") if each.strip()], url
    return [], ""


def _routers(role: str, mesh: MeshSettings, console: ConsoleSettings) -> str:
    """Return the routers that only this role names; empty: it has no setting of its own."""
    return {"gateway": mesh.gateway_routers, "console": console.console_routers}.get(role, "")


def _guess(
    mesh: MeshSettings, router: RouterSettings, edge: EdgeSettings, console: ConsoleSettings
) -> Role:
    """Return whose environment this is, by what only that role is set to."""
    if "console_routers" in console.model_fields_set and mesh.amqp_url is None:
        return "console"
    if mesh.amqp_url is None:
        if {"node_id", "host", "port"} & edge.model_fields_set:
            return "edge"
        return "operator" if "routers" in edge.model_fields_set else "up"
    if {"database_url", "data", "token_keys", "token_jwks_url"} & router.model_fields_set:
        return "router"
    return "gateway" if mesh.service_keys or mesh.service_secret else "router"


def _read(kind: type[BaseSettings]) -> tuple[Any, list[str]]:
    """Return the settings, and what is wrong with them: then those that are left alone."""
    try:
        return kind(), []
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors()}
        sound = {
            name: info.get_default(call_default_factory=True)
            for name, info in kind.model_fields.items()
            if name in wrong or variable_of(kind, name, info) in wrong
        }
        return kind(**sound), _told(error)


def _told(error: ValidationError) -> list[str]:
    return [problem(error)]
